"""One history lived through by the service and gone through by a backtest: what became of all.

The service has a clock of ours, which moves on by `STEP`. Every length of time in these histories
is a whole number of steps, so both sides must agree to the millisecond. Nothing here but `live`
and `backtested` knows how either side is called.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from service.learners.directory.courses import Courses
from service.learners.directory.people import People, PersonRow
from service.learners.facts import Timing
from service.learners.instance import Instance
from service.learners.world import Lookup
from service.rules.notification import Notification
from service.rules.readers.choices import Choices
from service.simulation.backtest.backtest import BacktestOptions, backtest
from service.simulation.backtest.replay_world import CurrentDirectory
from service.simulation.backtest.states import History
from tests.installation import COURSE, DAY, MINUTE, SESSION, START, Installation
from tests.merged_people import merge

STEP = 10 * MINUTE
LATENESS = STEP
BOSS, CHIEF = "boss@example.org", "chief@example.org"
PEOPLE = (
    PersonRow("77\u200b", name="Ada", email="ada@example.org", manager=BOSS,
              timezone="Asia/Kolkata", locale="de-DE", groups=("Bu\u0308ro\u00a0Nord",),
              fields={"Cost\u00a0Center": "X\u00ad1"}),
    PersonRow("78", name="Grace", email="grace@example.org", manager="BOSS"),
    PersonRow("79", name="Alan", manager=CHIEF),
    PersonRow("80", name="Edsger", email="edsger@example.org", timezone="America/New_York",
              manager="80"),
    PersonRow("90", name="Boss", email=BOSS, manager=CHIEF, timezone="Europe/Berlin",
              groups=("Büro  Nord\u200b",)),
)  # fmt: skip
"""With zones and without; one without an address, one who leads themselves. 81 nobody knows.

Managers are named by address and by name.

Two are spelled as spreadsheets do, and rules name them otherwise.
"""
TWINS = tuple(
    PersonRow(id, name="Mary", email="mary@example.org", manager=BOSS) for id in ("83", "84")
)
"""Records of one person, which say the same: a backtest reads them as they are today."""
LIVE_MEMORY = "/dev/shm"

Events = tuple[dict[str, Any], ...]


class Wish(msgspec.Struct, frozen=True):
    """A learner asks to be told of the session, or does not want it any more."""

    learner: int
    asks: bool = True


class Past(msgspec.Struct, frozen=True):
    """A rule file, and what happened: letters and wishes by the step at which they came.

    While it is `down` the service does nothing, and letters wait. `head` are other keys of the
    file. Who has `left` had done so before. At `merges` one learner is merged into another, or out
    again, and at `choices` whoever reads at an address wants something else.
    """

    rules: str
    letters: Mapping[int, Events]
    steps: int
    head: str = ""
    wishes: Mapping[int, Wish] = {}
    down: frozenset[int] = frozenset()
    storm_limit: int = 500
    left: frozenset[str] = frozenset()
    merges: Mapping[int, tuple[int, int | None]] = {}
    choices: Mapping[int, tuple[str, Choices]] = {}


class Fate(msgspec.Struct, frozen=True, order=True):
    """What became of one notification; `at` is when it left or ended, or is due while open.

    `reader` is the address to which it was sent; `into` is the message that stands for it.
    `owed` is all that was decided, as JSON.
    """

    rule: str
    entry: str
    recipient: str
    occurrence: str
    state: str
    reason: str
    at: float
    reader: str
    into: str
    id: str
    owed: str


@contextmanager
def lived(past: Past) -> Iterator[Installation]:
    """An installation that lived through it, in memory where there is a disk of it."""
    folder = LIVE_MEMORY if os.access(LIVE_MEMORY, os.W_OK) else None
    own_clock = patch("service.sending.delivery.steady_clock", lambda: 0)
    with tempfile.TemporaryDirectory(dir=folder) as name, own_clock:
        settings = {
            "COURSEBELL_ADOBE_LATENESS": f"{LATENESS // MINUTE}m",
            "COURSEBELL_STORM_LIMIT": str(past.storm_limit),
        }
        with Installation(Path(name), past.rules, head=past.head, **settings) as here:
            here.import_people((*PEOPLE, *TWINS))
            here.import_people(PersonRow(id, left_as="deleted") for id in sorted(past.left))
            for step in range(past.steps + 1):
                _pass(here, past, step)
            yield here


def _pass(here: Installation, past: Past, step: int) -> None:
    now = START + step * STEP
    if step in past.letters:
        here.post(*past.letters[step], at=now)
    if step in past.down and step < past.steps:
        return
    if step in past.wishes:
        wish, wishes = past.wishes[step], here.app.watch_requests
        person = wishes.meet(("adobe", "1234", str(wish.learner)), now)
        (wishes.ask if wish.asks else wishes.stop)(
            Instance.stream("adobe", "1234", COURSE, SESSION), person, now
        )
    if step in past.merges:
        merge(here, *past.merges[step], now)
    if step in past.choices:
        address, choices = past.choices[step]
        here.app.choice_requests.change(address, lambda _: choices, now, by="reader")
    here.tick(now)


def live(here: Installation) -> list[Fate]:
    """What really became of everything, by the ledger and the drawer."""
    here.app.views.catch_up()
    return sorted(_lived(here, row["id"]) for row in here.notifications())


def _lived(here: Installation, id: str) -> Fate:
    events = here.app.store.stream(id)
    found = Notification.load(id, events)
    ended = [body.at for body in events[1:]] or [found.owed.decided_at]
    at = ended[-1] if not found.is_open or found.state == "held" else found.due_at
    reason = found.reason or ("open at the end" if found.is_open else "")
    return fate(id, found.owed, found.state, reason, at, _reader(here, id), found.into)


def _reader(here: Installation, id: str) -> str | None:
    for path in (here.folder / "data/drawer").glob(f"{id}-*.eml"):
        return parseaddr(message_from_bytes(path.read_bytes())["To"])[1]
    return None


def backtested(here: Installation, past: Past) -> list[Fate]:
    """What a backtest of the same rules over the same ledger says became of everything."""
    fates: list[Fate] = []
    app, rules = here.app, here.app.active.decider.rules
    lookup = Lookup(app.store, People(app.ledger), Courses(app.ledger))
    plan = BacktestOptions(
        rules=rules, since=START, timings={"adobe": Timing(LATENESS)}, storm_limit=past.storm_limit
    )

    def hear(told: Any) -> None:
        reader = told.reader.email if told.reader else None
        fates.append(fate(told.id, told.owed, told.state, told.reason, told.at, reader, told.into))

    backtest(History(app.store), CurrentDirectory(lookup), plan, hear=hear)
    return sorted(fates)


def fate(
    id: str, owed: Any, state: str, reason: str, at: int, reader: str | None, into: str | None
) -> Fate:
    """A fate in hours since the beginning, which people can read."""
    return Fate(
        owed.rule, owed.entry, owed.recipient, owed.occurrence, state, reason,
        (at - START) / DAY * 24, reader or "", into or "", id,
        msgspec.json.encode(owed).decode(),
    )  # fmt: skip


def differences(past: Past) -> list[str]:
    """Where the two differ, each as a line; empty when they tell the same."""
    with lived(past) as here:
        real, told = live(here), backtested(here, past)
    shown = partial(_shown, real=real, told=told)
    return [shown(each) for each in sorted({*real, *told}) if (each in real) != (each in told)]


def told(past: Past) -> str:
    """What happened, as lines."""
    lines = [past.head, past.rules, f"until step {past.steps}, storm limit {past.storm_limit}"]
    lines += [f"down: {sorted(past.down)}"] if past.down else []
    lines += [f"left: {sorted(past.left)}"] if past.left else []
    for at, events in past.letters.items():
        for each in events:
            hours = (each["timestamp"] - START) / DAY * 24
            lines.append(f"{at * STEP / DAY * 24:.2f}h: {each['eventName']} at {hours:.2f}h "
                         f"{each['data']}")  # fmt: skip
    others = (past.wishes, past.merges, past.choices)
    return "\n".join([*lines, *(str(item) for each in others for item in each.items())])


def _shown(each: Fate, real: list[Fate], told: list[Fate]) -> str:
    side = "service " if each in real else "backtest"
    twins = [o for o in real + told if o.id == each.id and o != each]
    alike = bool(twins) and _but_owed(twins[0]) == _but_owed(each)
    fields = each.__struct_fields__[:-2]
    told_of = " ".join(str(getattr(each, name)) for name in fields) + f" {each.id[-6:]}"
    return f"{side} {told_of}" + (f"\n         {each.owed}" if alike else "")


def _but_owed(each: Fate) -> Fate:
    return msgspec.structs.replace(each, owed="")
