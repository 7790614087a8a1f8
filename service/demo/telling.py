"""Telling: what the ledger says has happened since we last looked, in lines for a person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from service.app import App
from service.demo.academy import NAME
from service.demo.drawer import Drawn, drawn
from service.demo.wording import WAITS, seats_in_words, status_in_words, why_not
from service.learners.enrollment import EnrollmentRecorded, Snapshot, Who
from service.learners.facts import SeatsReported
from service.learners.instance import InstanceRecorded, Place
from service.rules.notifications import (
    AddressFound,
    AttemptEnded,
    Ended,
    Notification,
    Owed,
    WaitingForAddress,
)

EVENTS_PER_PAGE = 10_000

Kind = Literal["changed", "unchanged", "set_aside", "owed", "told", "not_told"]


class Line(NamedTuple):
    """One thing that happened: what or whom it is about, and what became of it."""

    kind: Kind
    about: str
    text: str
    rule: str = ""


class Told(NamedTuple):
    """A message that left: what the drawer holds of it, and how many others it stands for."""

    message: Drawn
    others: int
    room: bool


class Telling:
    """Follows one installation; every line is read from its ledger and its drawer."""

    def __init__(self, app: App) -> None:
        """From here on: what was recorded before is not told."""
        self.told: list[Told] = []
        self.facts: Counter[str] = Counter()
        self._app = app
        self._position = app.ledger.max_notification_id()
        self._letters = app.letters.counts()["accepted"]
        self._whos: dict[str, Who] = {}
        self._places: dict[str, Place] = {}
        self._before: dict[str, Snapshot] = {}

    def lines(self) -> list[Line]:
        """What happened since the last time, in the order in which it makes sense."""
        page = self._app.ledger.log(self._position, EVENTS_PER_PAGE)
        events = [(s, self._app.mapper.decode(topic, raw)) for _, s, _, topic, raw in page]
        self._position = page[-1][0] if page else self._position
        return [*self._facts(events), *self._notifications(events)]
