"""An instance of a course: its newest seat report, and what became of it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import takewhile
from typing import Any, Self

import msgspec

from service.learners.events import FactRecorded, recorded
from service.learners.facts import (
    Fact,
    InstanceDeleted,
    InstanceModified,
    InstanceSaid,
    Keys,
    SeatsReported,
)

REPORTS_IN_A_PIECE = 256


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which instance; `course` and `instance` are the LMS's ids."""

    source: str
    account: str
    course: str
    kind: str
    instance: str


def seats_available(seats: SeatsReported) -> float | None:
    """Free seats, infinite when unlimited (it compares as larger than any number)."""
    if seats.seat_limit is None:
        return math.inf
    return max(0, seats.seat_limit - seats.enrollment_count)


def seat_values(seats: SeatsReported) -> dict[str, float | None]:
    """The four seat fields of the rule language."""
    return {
        "instance.enrollment_count": seats.enrollment_count,
        "instance.waitlist_count": seats.waitlist_count,
        "instance.seat_limit": math.inf if seats.seat_limit is None else seats.seat_limit,
        "instance.seats_available": seats_available(seats),
    }


class InstanceRecorded(FactRecorded[InstanceSaid], frozen=True, kw_only=True, omit_defaults=True):
    """A fact on an instance.

    `place` on the first event. `was` holds the newest report before this one when this one
    became the newest: an edge lies between the two. The first report has none.
    """

    place: Place | None = None
    newest: bool = False
    was: SeatsReported | None = None


KINDS = (SeatsReported, InstanceModified, InstanceDeleted)
SHAPES: Mapping[str, Any] = {
    said.TOPIC: msgspec.defstruct(
        f"{said.__name__}Recorded", [("said", said)], bases=(InstanceRecorded,), frozen=True,
        kw_only=True, omit_defaults=True,
    )
    for said in KINDS
}  # fmt: skip

Report = tuple[int, float, str]
"""How reports are ordered: time, fewer free seats, key (design §4)."""

Piece = tuple[tuple[int, SeatsReported], ...]


def _with(history: tuple[Piece, ...], entry: tuple[int, SeatsReported]) -> tuple[Piece, ...]:
    if not history or len(history[-1]) == REPORTS_IN_A_PIECE:
        return (*history, (entry,))
    return (*history[:-1], (*history[-1], entry))


def _order(at: int, said: SeatsReported, key: str) -> Report:
    return at, -(seats_available(said) or 0.0), key


class Instance(msgspec.Struct, frozen=True, gc=False):
    """An instance as folded so far.

    `newest` is the report that counts. `history` holds (version, report) each time a report
    became the newest, so that a rule with `rearm` can look back to its own last decision; in
    pieces, as one more report copies the last piece only.
    """

    id: str
    place: Place
    version: int = 0
    keys: Keys = Keys()
    order: Report | None = None
    newest: SeatsReported | None = None
    history: tuple[Piece, ...] = ()
    deleted_at: int | None = None

    @staticmethod
    def stream(source: str, account: str, course: str, instance: str) -> str:
        """The stream's id."""
        name = f"{source}\x1f{account}\x1f{course}\x1f{instance}".encode()
        return f"i{blake2b(name, digest_size=16).hexdigest()}"

    @classmethod
    def load(cls, id: str, bodies: Iterable[InstanceRecorded]) -> Self:
        """The instance whose stream holds these bodies, first to last."""
        events = list(bodies)
        place = events[0].place
        assert place is not None, f"{id}: the first event of an instance names it"
        folded = cls(id, place)
        for event in events:
            folded = folded.apply(event)
        return folded

    def apply(self, event: InstanceRecorded) -> Self:
        """This instance with one more event of its stream."""
        said, version = event.said, self.version + 1
        order, newest, history = self.order, self.newest, self.history
        if isinstance(said, SeatsReported) and event.newest:
            order, newest = _order(event.at, said, event.key), said
            history = _with(history, (version, said))
        gone = isinstance(said, InstanceDeleted) and event.newest
        deleted = event.at if gone else self.deleted_at
        keys = self.keys.having(event.key)
        return type(self)(self.id, self.place, version, keys, order, newest, history, deleted)

    def reports_after(self, version: int) -> Iterator[SeatsReported]:
        """The reports that became the newest after this version, the last first."""
        backwards = (entry for piece in reversed(self.history) for entry in reversed(piece))
        recent = takewhile(lambda entry: entry[0] > version, backwards)
        return (report for _, report in recent)

    def record(
        self, fact: Fact, *, letter: int, item: int, now: int, imported: bool = False
    ) -> tuple[Self, InstanceRecorded] | None:
        """This instance with one more fact, and the event to append; None for a duplicate."""
        if fact.key in self.keys:
            return None
        said = fact.said
        assert isinstance(said, InstanceSaid)
        newest = self._becomes_newest(said, fact)
        was = self.newest if newest and isinstance(said, SeatsReported) else None
        event = recorded(
            InstanceRecorded,
            fact,
            self.keys,
            letter=letter,
            item=item,
            now=now,
            imported=imported,
            transitions=self._transitions(said, newest, was),
            superseded=not newest,
            place=self.place if self.version == 0 else None,
            newest=newest,
            was=was,
        )
        return self.apply(event), event

    def _becomes_newest(self, said: InstanceSaid, fact: Fact) -> bool:
        if isinstance(said, SeatsReported):
            return self.order is None or _order(fact.occurred_at, said, fact.key) > self.order
        return self.deleted_at is None or fact.occurred_at > self.deleted_at

    def _transitions(
        self, said: InstanceSaid, newest: bool, was: SeatsReported | None
    ) -> tuple[str, ...]:
        if not newest or (isinstance(said, SeatsReported) and was in (None, said)):
            return ()
        return (said.TOPIC,)
