"""Fold an instance of a course: its newest seat report, and what became of it."""

import math
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Self

import msgspec

from service.learners.aggregate import Aggregate, gone_at, latest, shapes_of
from service.learners.facts import (
    Fact,
    FactBody,
    FactRecorded,
    Identity,
    InstanceDeleted,
    InstanceFact,
    InstanceModified,
    SeatsReported,
)
from service.ledger.events import StreamId, stream_id

REPORTS_IN_A_PIECE = 256


def seats_available(seats: SeatsReported) -> float | None:
    """Count free seats, infinite when unlimited (it compares as larger than any number)."""
    if seats.seat_limit is None:
        return math.inf
    return max(0, seats.seat_limit - seats.enrollment_count)


def seat_values(seats: SeatsReported) -> dict[str, float | None]:
    """Give the four seat fields of the rule language."""
    return {
        "instance.enrollment_count": seats.enrollment_count,
        "instance.waitlist_count": seats.waitlist_count,
        "instance.seat_limit": math.inf if seats.seat_limit is None else seats.seat_limit,
        "instance.seats_available": seats_available(seats),
    }


class InstanceRecorded(FactRecorded[InstanceFact], frozen=True, kw_only=True, omit_defaults=True):
    """Record a fact on an instance.

    `was` holds the newest report before this one when this one
    became the newest: an edge lies between the two. The first report has none.
    """

    about: Identity | None = msgspec.field(default=None, name="place")
    newest: bool = False
    was: SeatsReported | None = None


SHAPES = shapes_of(InstanceRecorded, (SeatsReported, InstanceModified, InstanceDeleted))

Report = tuple[int, float, str]
"""How reports are ordered: time, fewer free seats, key (design §4)."""

Piece = tuple[tuple[int, SeatsReported], ...]


def _with(history: tuple[Piece, ...], entry: tuple[int, SeatsReported]) -> tuple[Piece, ...]:
    if not history or len(history[-1]) == REPORTS_IN_A_PIECE:
        return (*history, (entry,))
    return (*history[:-1], (*history[-1], entry))


def _order(at: int, said: SeatsReported, key: str) -> Report:
    return at, -(seats_available(said) or 0.0), key


class Instance(Aggregate[InstanceRecorded], frozen=True, gc=False):
    """Fold what is said of an instance.

    `newest` is the report that counts. `history` holds (version, report) each time a report
    became the newest, so that a rule with `rearm` can look back to its own last decision; in
    pieces, as one more report copies the last piece only. `changed_at` is the newest moment (ms
    UTC) at which it was created, changed or retired.
    """

    RECORDED = InstanceRecorded
    order: Report | None = None
    newest: SeatsReported | None = None
    history: tuple[Piece, ...] = ()
    deleted_at: int | None = None
    changed_at: int | None = None

    @property
    def gone_at(self) -> int | None:
        """Give when it was deleted (ms UTC); None if it is there, or was heard of again since."""
        return gone_at(self.deleted_at, self.changed_at)

    @staticmethod
    def stream(source: str, account: str, course: str, instance: str) -> StreamId:
        """Give the stream's id."""
        return stream_id("i", source, account, course, instance)

    @classmethod
    def begin(cls, fact: Fact, person: str) -> Self:
        """Make the instance as it is before its first fact."""
        place, instance = (fact.source, fact.account, fact.course), fact.instance or ""
        about = Identity(*place[:2], course=fact.course, kind=fact.kind, instance=instance)
        return cls(cls.stream(*place, instance), about)

    def apply(self, event: InstanceRecorded) -> Self:
        """Fold in the next event of the stream."""
        said, version = event.said, self.version + 1
        order, newest, history = self.order, self.newest, self.history
        if isinstance(said, SeatsReported) and event.newest:
            order, newest = _order(event.at, said, event.key), said
            history = _with(history, (version, said))
        deleted, changed = self.deleted_at, self.changed_at
        if event.topic == InstanceDeleted.TOPIC and event.newest:
            deleted = event.at
        elif event.topic == InstanceModified.TOPIC:
            changed = latest(changed, event.at)
        keys = self.keys.having(event.key)
        state = (order, newest, history, deleted, changed)
        return type(self)(self.id, self.about, version, keys, *state)

    def reports_after(self, version: int) -> Iterator[SeatsReported]:
        """Give the reports that became the newest after this version, the last first."""
        backwards = (entry for piece in reversed(self.history) for entry in reversed(piece))
        recent = takewhile(lambda entry: entry[0] > version, backwards)
        return (report for _, report in recent)

    def effect(self, fact: Fact) -> dict[str, Any]:
        """Say whether a new fact is the newest of its kind, and which report it follows."""
        said = fact.said
        newest = self._becomes_newest(said, fact)
        was = self.newest if newest and isinstance(said, SeatsReported) else None
        repeats = isinstance(said, SeatsReported) and was in (None, said)
        transitions = () if repeats or not newest else (said.TOPIC,)
        return {
            "transitions": transitions,
            "superseded": not newest,
            "newest": newest,
            "was": was,
        }

    def _becomes_newest(self, said: FactBody, fact: Fact) -> bool:
        if isinstance(said, SeatsReported):
            return self.order is None or _order(fact.occurred_at, said, fact.key) > self.order
        deleted = said.TOPIC == InstanceDeleted.TOPIC
        if deleted and gone_at(fact.occurred_at, self.changed_at) is None:
            return False
        return self.deleted_at is None or fact.occurred_at > self.deleted_at
