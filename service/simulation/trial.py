"""Try one rule on one letter, in an installation that is thrown away afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from service.incoming.intake import moments_of
from service.incoming.letter import Arrival
from service.ledger.location import LedgerLocation
from service.rules.calendar import DAY
from service.rules.rule import Rule
from service.rules.triggers.event import EventOccurrence
from service.settings import Settings
from service.simulation.recorder import Judged, Recorder
from service.simulation.sandbox import Sandbox, without_secrets

WAITS_AT_MOST_MS = 29 * DAY
"""Nearly a month for a digest, and not as long as what waits for an address."""


class TriedLetter(NamedTuple):
    """Name a letter to be tried on one rule, the source it is from, and the time (ms UTC).

    Events that are later than `clock` are of the future.
    """

    rule: Rule
    source: str
    body: bytes
    clock: int


class Trial(NamedTuple):
    """Hold a letter that was taken at `now`, what its events became, and what the rule made of it.

    `judged` are the answers to each event that changed something.
    """

    sandbox: Sandbox
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


@contextmanager
def trial_of(
    tried: TriedLetter, chosen: Settings, copied: LedgerLocation | None
) -> Iterator[Trial]:
    """Take the letter at the time of its newest event, in a folder that is gone afterwards.

    What the ledger `copied` knows is known there too; it is only read.
    """
    with TemporaryDirectory(prefix="coursebell-try-") as name:
        folder = Path(name)
        settings = replace(without_secrets(chosen), data=folder, database_url=None)
        if copied is not None:
            copied.copy_to(folder, lambda: Sandbox(settings, tried.clock).close())
        with closing(Sandbox(settings, tried.clock)) as sandbox:
            yield play(sandbox, tried)


def play(sandbox: Sandbox, tried: TriedLetter) -> Trial:
    """Let the letter in, the one rule decide as if it were live, and its messages leave.

    What waits for company, an open window or its digest's hour leaves when that has come.
    """
    app, rule, source = sandbox.app, tried.rule, tried.source
    only = replace(app.active.decider.rules, rules=(replace(rule, mode="live"),))
    recorder = sandbox.record(only, app.active.templates, every=True)
    app.open_channels()
    items = app.sources[source].read(tried.body, tried.clock)
    now = sandbox.now = max(moments_of(items), default=tried.clock)
    (letter,) = app.letters.keep([Arrival(source, now, {}, body=tried.body)])
    before = app.ledger.end()
    app.take(now)
    sandbox.deliver()
    for _ in sandbox.moments_until(now + WAITS_AT_MOST_MS):
        sandbox.deliver()
    shown = app.letters.show(letter)
    assert shown is not None
    facts = (fact for fact in sandbox.facts(before) if fact.letter == letter)
    return Trial(
        sandbox=sandbox,
        rule=rule,
        now=now,
        events=shown["events"],
        transitions={fact.item: fact.transitions for fact in facts},
        judged=of_letter(recorder, letter),
    )


def of_letter(recorder: Recorder, letter: int) -> list[Judged]:
    """Pick what was made of the events of one letter."""
    return [
        each
        for each in recorder.judged
        if isinstance(each.occurrence, EventOccurrence) and each.occurrence.event.letter == letter
    ]
