"""Try one rule on one letter, in an installation that is thrown away afterwards."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from service.app.active_rules import read_active
from service.app.app import SOURCES, App
from service.incoming.letter import Arrival
from service.learners.facts import Fact, FactRecorded
from service.ledger.database import connect
from service.rules.calendar import DAY
from service.rules.rule import Rule, RuleSet
from service.rules.triggers.event import EventOccurrence
from service.sending import queue
from service.sending.planner import Active
from service.settings import Settings
from service.simulation.recorder import Judged, Recorder
from service.simulation.sandbox import in_the_drawer, without_secrets

ROWS_PER_PAGE = 10_000
WAITS_AT_MOST_MS = 15 * DAY
"""A weekly digest, and then a window that is open on one day of the week."""


class Trial(NamedTuple):
    """Hold a letter that was taken and what the rule made of it; `events` are what each became.

    `judged` is what the rule made of each event that changed something.
    """

    app: App
    rule: Rule
    now: int
    events: Sequence[Mapping[str, Any]]
    transitions: Mapping[int, Sequence[str]]
    judged: Sequence[Judged]

    def item_of(self, judged: Judged) -> int:
        """Tell the place in the letter of an event that was judged."""
        assert isinstance(judged.occurrence, EventOccurrence)
        item: int = judged.occurrence.event.item
        return item


def rules_in(chosen: Settings) -> RuleSet:
    """The rules as their file is now; raises Refused naming every mistake."""
    return read_active(without_secrets(chosen), SOURCES).decider.rules


@contextmanager
def tried(
    chosen: Settings, rule: Rule, source: str, body: bytes, copied: Path | None, clock: int
) -> Iterator[Trial]:
    """Takes the letter at the time of its newest event, in a folder that is gone afterwards.

    What `copied`, a data folder, knows is known there too; that folder is only read. Messages
    go into a drawer. `clock` is the time now (ms UTC): later events are of the future.
    """
    with TemporaryDirectory(prefix="coursebell-try-") as name:
        folder = Path(name)
        if copied is not None:
            copy_installation(copied, folder)
        app = App(replace(without_secrets(chosen), data=folder))
        with closing(app):
            yield played(app, rule, source, body, clock)


def played(app: App, rule: Rule, source: str, body: bytes, clock: int) -> Trial:
    """Lets the letter in, the one rule decide as if it were live, and its messages leave."""
    live = replace(rule, mode="live")
    rules = replace(in_the_drawer(app.active).decider.rules, rules=(live,))
    decider = Recorder(rules, every=True)
    app.active = Active(decider, app.active.templates)
    app.open_channels()
    items = app.sources[source].read(body, clock)
    now = max((item.occurred_at for item in items if isinstance(item, Fact)), default=clock)
    (letter,) = app.letters.keep([Arrival(source, now, {}, body)])
    before = app.ledger.max_notification_id()
    app.take(now)
    app.views.catch_up()
    leave(app, now)
    shown = app.letters.show(letter)
    assert shown is not None
    transitions = dict(recorded(app, before, letter))
    return Trial(app, rule, now, shown["events"], transitions, of_letter(decider, letter))


def of_letter(recorder: Recorder, letter: int) -> list[Judged]:
    """Pick what was made of the events of one letter."""
    return [
        each
        for each in recorder.judged
        if isinstance(each.occurrence, EventOccurrence) and each.occurrence.event.letter == letter
    ]


def leave(app: App, now: int) -> None:
    """Lets what is owed leave, and what waits for company, an open window or its digest's hour."""
    at: int | None = now
    while at is not None and at <= now + WAITS_AT_MOST_MS:
        app.close_digests(at)
        app.views.catch_up()
        app.deliver(at)
        app.views.catch_up()
        dues = [queue.next_due(app.views, name) for name in app.deliveries]
        later = [due for due in (*dues, queue.next_item_due(app.views)) if due and due > at]
        at = min(later, default=None)


def recorded(app: App, after: int, letter: int) -> Iterator[tuple[int, Sequence[str]]]:
    """The place in the letter and the transitions of each event that it led to."""
    while page := app.ledger.log(after, ROWS_PER_PAGE):
        after = page[-1][0]
        for _, _, _, topic, state in page:
            event = app.mapper.decode(topic, state)
            if isinstance(event, FactRecorded) and event.letter == letter:
                yield event.item, event.transitions


def copy_installation(data: Path, to: Path) -> None:
    """Copies the ledger, and before it the views, which must not be ahead of it.

    Views that are missing or of no use are made anew from the log, which takes longer.
    """
    if (data / "views.db").is_file():
        with suppress(sqlite3.DatabaseError):
            copy(data / "views.db", to / "views.db")
    copy(data / "ledger.db", to / "ledger.db")


def copy(file: Path, to: Path) -> None:
    """Copies a database as of one moment, also while a service writes to it.

    Nothing is left beside it: whoever opens a database in use makes files, so one that nobody
    uses is read as if it could not change, and once more if somebody has opened it meanwhile.
    """
    log = file.with_name(f"{file.name}-wal")
    if not log.exists():
        address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
        back_up(sqlite3.connect(address, uri=True), to)
    if log.exists():
        back_up(connect(file, read_only=True), to)


def back_up(database: sqlite3.Connection, to: Path) -> None:
    """Writes all of a database into a file, and closes it."""
    with closing(database), closing(sqlite3.connect(to)) as target:
        database.backup(target)
