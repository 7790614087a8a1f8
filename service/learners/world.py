"""Agree with the rules on what they are handed and give back: events, world, decisions."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from service.learners import course, enrollment, instance
from service.learners.aggregate import Aggregate, named_by
from service.learners.course import LearnerSignIns, LearningObject
from service.learners.directory.courses import Course
from service.learners.directory.people import Person
from service.learners.enrollment import Enrollment
from service.learners.facts import Fact, FactRecorded
from service.learners.instance import Instance
from service.learners.watchlist import Watchlist
from service.ledger.events import EventBody, StreamId

AGGREGATES: Mapping[str, type[Aggregate[Any]]] = {
    **dict.fromkeys(enrollment.SHAPES, Enrollment),
    **dict.fromkeys(instance.SHAPES, Instance),
    **dict.fromkeys(course.OF_COURSES, LearningObject),
    **dict.fromkeys(course.OF_LEARNERS, LearnerSignIns),
}
"""Which kind of aggregate a fact is on, by topic."""


def begin(fact: Fact, person: str) -> Aggregate[Any]:
    """Make what a fact is on, as before its first fact; `person` is the learner's id, or empty."""
    return AGGREGATES[fact.said.TOPIC].begin(fact, person)


def load(stream: str, events: Sequence[Any], lateness: Mapping[str, int]) -> Aggregate[Any]:
    """Fold the events of a stream; `lateness` in ms by source."""
    about = named_by(stream, events)
    return AGGREGATES[events[0].topic].load(StreamId(stream), events, lateness.get(about.source, 0))


class FactOutcome(msgspec.Struct, frozen=True, gc=False):
    """Say what became of a fact: `recorded`, `superseded` or `duplicate`, on which stream."""

    state: str
    stream: str


class Happening(msgspec.Struct, frozen=True, gc=False):
    """Hold an event as it is appended: where it stands, and its aggregate after it."""

    stream: str
    version: int
    event: FactRecorded[Any]
    aggregate: Aggregate[Any]


class Decisions(msgspec.Struct):
    """Collect what follows from an event: new streams, next events, erasable values.

    `tallies` are counts: by stream the newest version in the ledger, and the one event that
    follows it in this transaction, whatever was counted.
    """

    once: list[tuple[str, EventBody]] = []
    following: list[tuple[str, int, EventBody]] = []
    erasable: list[tuple[str, str, str]] = []
    tallies: dict[str, tuple[int, EventBody]] = {}

    def extend(self, other: "Decisions") -> None:
        """Add what followed from another event."""
        self.once += other.once
        self.following += other.following
        self.erasable += other.erasable
        self.tallies |= other.tallies


class World(Protocol):
    """Answer what deciding may read, as of the event it decides on."""

    def course(self, source: str, account: str, course: str) -> Course | None: ...
    def person(self, person: str) -> Person | None: ...
    def manager(self, person: Person) -> Person | None: ...
    def members(self, group: str, source: str, account: str) -> Sequence[str]: ...
    def instance(
        self, source: str, account: str, course: str, instance: str
    ) -> Instance | None: ...
    def watchers(self, instance: str) -> Watchlist: ...
    def latest(self, stream: str) -> tuple[int, EventBody] | None: ...


class UncommittedWorld(World, Protocol):
    """Answer as a transaction will leave the world: what follows reads what was decided."""

    def remember(self, decisions: Decisions) -> None: ...


Decide = Callable[[Happening, World, int], Decisions | None]
Also = Callable[[sqlite3.Cursor, list[FactOutcome]], None]
