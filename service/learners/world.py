"""Agree with the rules on what they are handed and give back: events, world, decisions."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from service.learners import course, enrollment, instance
from service.learners.aggregate import Aggregate, Cache, named_by
from service.learners.course import LearnerSignIns, LearningObject
from service.learners.decision_reads import Counted, CountsAlone, SharedCounts
from service.learners.directory.courses import Course, Courses
from service.learners.directory.leaving import left_marks
from service.learners.directory.managers import Managers
from service.learners.directory.people import People, Person, PersonKey, person_key
from service.learners.directory.reported import ReportedDetails
from service.learners.enrollment import Enrollment, EnrollmentRecorded, told_in
from service.learners.facts import (
    AT_ONCE,
    Contact,
    Fact,
    FactRecorded,
    Identity,
    LearnerLeft,
    Timing,
    course_id,
)
from service.learners.instance import Instance, InstanceRecorded
from service.learners.neighbours import Deletion, Neighbours, deletion_among
from service.learners.watchlist import Watchlist
from service.ledger.events import EventBody, EventStore, NewEvent, StreamId
from service.ledger.sql import Statement

AGGREGATES: Mapping[str, type[Aggregate[Any]]] = {
    **dict.fromkeys(enrollment.SHAPES, Enrollment),
    **dict.fromkeys(instance.SHAPES, Instance),
    **dict.fromkeys(course.OF_COURSES, LearningObject),
    **dict.fromkeys(course.OF_LEARNERS, LearnerSignIns),
}
"""Which kind of aggregate a fact is on, by topic."""


def load(stream: str, events: Sequence[Any], timings: Mapping[str, Timing]) -> Aggregate[Any]:
    """Fold the events of a stream; `timings` by source."""
    about = named_by(stream, events)
    timing = timings.get(about.source, AT_ONCE)
    return AGGREGATES[events[0].topic].load(StreamId(stream), events, timing)


def enrollments_of(aggregates: Iterable[Aggregate[Any] | None]) -> list[Enrollment]:
    """Pick the enrolments."""
    return [each for each in aggregates if isinstance(each, Enrollment)]


def learner_key(fact: Fact) -> PersonKey:
    """Key the person a fact is about as the LMS knows them."""
    return person_key(fact.source, fact.account, fact.person or "")


def unplaced(
    facts: Sequence[Fact], persons: Sequence[str], met: Container[str]
) -> Iterator[tuple[str, str]]:
    """Name whose facts name no instance of a course, and the course; nobody just `met` has any."""
    for fact, person in zip(facts, persons, strict=True):
        if person and fact.course and fact.instance is None and person not in met:
            yield person, fact.course


class FactOutcome(msgspec.Struct, frozen=True, gc=False):
    """Say what became of a fact: `recorded`, `superseded` or `duplicate`, on which stream.

    Or `set_aside`, and the reason: it contradicts what is known.
    """

    state: str
    stream: str
    reason: str = ""


class AppendedEvent(msgspec.Struct, frozen=True, gc=False):
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
    following: list[NewEvent] = []
    erasable: list[tuple[str, str, str]] = []
    tallies: dict[str, tuple[int, EventBody]] = {}

    def extend(self, other: "Decisions") -> None:
        """Add what followed from another event."""
        self.once += other.once
        self.following += other.following
        self.erasable += other.erasable
        self.tallies |= other.tallies


class Reader(NamedTuple):
    """Hold who is to read something, None if nobody is known; who has left was `passed` over."""

    person: Person | None
    passed: tuple[Person, ...] = ()

    @property
    def left(self) -> bool:
        """Tell whether all who could read it have left."""
        return self.person is None and bool(self.passed)

    @property
    def meant(self) -> Person | None:
        """Give who reads it, or else who would, had they not left."""
        return self.person or next(iter(self.passed), None)


def climb(begin: Person | None, steps: int, manager: Callable[[Person], Person | None]) -> Reader:
    """Go up so many managers who are there; a circle has nobody more above."""
    if begin is None or (begin.left_as and not steps):
        return Reader(None, (begin,) if begin else ())
    found, seen, passed = begin, {begin.id}, list[Person]()
    while steps:
        above = manager(found)
        if above is None or above.id in seen:
            return Reader(None, tuple(passed))
        seen.add(above.id)
        passed += [above] if above.left_as else []
        steps -= not above.left_as
        found = above
    return Reader(found, tuple(passed))


def has_manager(person: Person, world: "World") -> bool:
    """Tell whether somebody leads a person who has not left, be it of those above."""
    return climb(person, 1, world.manager).person is not None


class World(Protocol):
    """Answer what deciding may read, as of the event it decides on."""

    def course(self, source: str, account: str, course: str) -> Course | None: ...
    def person(self, person: str) -> Person | None: ...
    def manager(self, person: Person) -> Person | None: ...
    def members(
        self, group: str, source: str, account: str, person: str | None = None
    ) -> Sequence[str]: ...
    def instance(
        self, source: str, account: str, course: str, instance: str
    ) -> Instance | None: ...
    def enrollments_in(self, person: str, course: str) -> Sequence[Enrollment]: ...
    def records_of(self, person: str) -> Sequence[str]: ...
    def told_in(self, enrollment: str) -> tuple[Enrollment, Sequence[EnrollmentRecorded]]: ...
    def deletion(self, about: Identity) -> Deletion | None: ...
    def watchers(self, instance: str) -> Watchlist: ...
    def latest(self, stream: str) -> tuple[int, EventBody] | None: ...
    def counted(self, stream: str) -> Counted: ...
    def choices_stream(self, address: str) -> str | None: ...


class UncommittedWorld(World, Protocol):
    """Answer as a transaction will leave the world: what follows reads what was decided."""

    def remember(self, decisions: Decisions) -> None: ...


Decide = Callable[[AppendedEvent, World, int], Decisions | None]
Marks = Callable[[list[FactOutcome]], Iterable[Statement]]
"""What is written of the letters whose facts came to this."""


class Lookup(CountsAlone):
    """Look up what the ledger has by key; what was found is remembered until `forget`."""

    def __init__(
        self,
        store: EventStore,
        people: People,
        courses: Courses,
        timings: Mapping[str, Timing] = {},
    ) -> None:
        """Take the ledger; `timings` are by source."""
        self.people = people
        self.timings = timings
        self.neighbours = Neighbours(store)
        self.members = people.in_group
        self.records_of = people.records_of
        self.choices_stream = people.choices_stream
        self.latest = store.latest
        self.counts = SharedCounts(store)
        self._store = store
        self._courses = courses
        self._titles: Cache[tuple[str, str, str], tuple[Course | None]] = Cache()
        self._persons: Cache[str, tuple[Person | None]] = Cache()
        self._beside: Cache[tuple[str, str], list[str]] = Cache()
        self._managers: Managers | None = None

    def forget(self, persons: Iterable[str] = ()) -> None:
        """Drop what was remembered of people, courses and enrolments; look these `persons` up."""
        self._titles.clear()
        self._persons.clear()
        self._beside.clear()
        self._managers = None
        self.fetch(persons)

    def fetch(self, persons: Iterable[str]) -> None:
        """Look up at once those of these people who are not remembered."""
        unknown = [person for person in persons if person and self._persons.get(person) is None]
        for person, found in self.people.several(unknown).items():
            self._persons.put(person, (found,))

    def reported(self, facts: Sequence[Fact], persons: Sequence[str]) -> ReportedDetails | None:
        """Look up what earlier letters said of whom and what these facts speak of.

        `persons` are the learners' ids, in the order of the facts. None where no fact says
        anything of a person or a course.
        """
        said = [p for fact, p in zip(facts, persons, strict=True) if fact.contact is not None]
        named = [course_id(fact.course) for fact in facts if fact.title is not None]
        left = any(fact.said.TOPIC == LearnerLeft.TOPIC for fact in facts)
        if not (said or named or left):
            return None
        return ReportedDetails(
            self.people.contacts.of(dict.fromkeys(said)) if said else {},
            self._courses.titles.of(dict.fromkeys(named)) if named else {},
        )

    def enrollments(self, person: str, course: str) -> Sequence[str]:
        """Find the streams of one record's enrolments in a course, the oldest first."""
        found = self._beside.get((person, course))
        if found is None:
            found = self.neighbours.enrollments(person, course)
            self._beside.put((person, course), found)
        return found

    def enrollments_of(self, places: Iterable[tuple[str, str]]) -> list[str]:
        """Find those of many records, each in one course; what is not remembered, at once."""
        known = {place: self._beside.get(place) for place in places}
        if unknown := [place for place, found in known.items() if found is None]:
            for place, streams in self.neighbours.enrollments_of(unknown).items():
                known[place] = streams
                self._beside.put(place, streams)
        return [stream for streams in known.values() for stream in streams or ()]

    def begun(self, person: str, course: str) -> None:
        """Forget which enrolments a record has in a course, now that another is on disk."""
        self._beside.drop((person, course))

    def forget_enrollments(self) -> None:
        """Forget which enrolments anybody has: others may begin some."""
        self._beside.clear()

    def changes(self, reported: ReportedDetails) -> list[Statement]:
        """Give what writes what letters changed; call `settle` when it is on disk."""
        return [
            self.people.contacts.changes(reported.contacts.changed),
            left_marks(reported.left),
            self._courses.titles.changes(reported.titles.changed),
        ]

    def settle(self, reported: ReportedDetails) -> None:
        """Drop what was remembered of whom and what letters have changed."""
        told = [p for p in reported.contacts.changed if reported.contacts.news(p) is not None]
        for key in reported.titles.changed:
            if reported.titles.news(key) is not None:
                self._titles.drop(key)
        for person in (*told, *reported.left):
            self._managers = None
            for record in self.records_of(person):
                self._persons.drop(record)
        self.people.addresses_heard += reported.addresses() + len(reported.left)

    def course(
        self, source: str, account: str, course: str, said: str | None = None
    ) -> Course | None:
        """Look up what is known of a course; `said` is its title in letters not yet on disk."""
        if said is not None:
            return self._courses.get(source, account, course, said)
        key = (source, account, course_id(course))
        found = self._titles.get(key)
        if found is None:
            found = (self._courses.get(*key),)
            self._titles.put(key, found)
        return found[0]

    def person(self, person: str, said: Contact | None = None) -> Person | None:
        """Look up what is known of a person; `said` is what letters not yet on disk say of them."""
        if said is not None:
            return self.people.get(person, said)
        found = self._persons.get(person)
        if found is None:
            found = (self.people.get(person),)
            self._persons.put(person, found)
        return found[0]

    def manager(self, person: Person) -> Person | None:
        """Look up who leads a person."""
        if self._managers is None:
            self._managers = Managers(self.people)
        return self._managers.of(person)

    def instance(self, source: str, account: str, course: str, instance: str) -> Instance | None:
        """Look up the instance as the ledger has it."""
        stream = Instance.stream(source, account, course, instance)
        bodies = self._store.stream(stream)
        recorded = [body for body in bodies if isinstance(body, InstanceRecorded)]
        return Instance.load(stream, recorded) if recorded else None

    def aggregates(self, streams: Sequence[str]) -> dict[str, Aggregate[Any]]:
        """Load aggregates as the ledger has them; what is not there is left out."""
        found = self._store.streams(streams).items()
        return {stream: load(stream, events, self.timings) for stream, events in found}

    def enrollments_in(self, person: str, course: str) -> Sequence[Enrollment]:
        """Look up a learner's enrolments in a course."""
        beside = self.people.records_beside(person)
        streams = [id for each in beside for id in self.neighbours.enrollments(each, course)]
        return enrollments_of(self.aggregates(streams).values())

    def told_in(self, enrollment: str) -> tuple[Enrollment, Sequence[EnrollmentRecorded]]:
        """Load an enrolment with all its events."""
        events: Sequence[Any] = self._store.stream(enrollment)
        return told_in(enrollment, events, self.timings)

    def deletion(self, about: Identity) -> Deletion | None:
        """Tell whether the course or the instance of an enrolment is gone."""
        return deletion_among(self.aggregates(self.neighbours.ever_deleted(about)).values())

    def watchers(self, instance: str) -> Watchlist:
        """Look up who wishes to be told of the instance with this stream."""
        return Watchlist.load(instance, self._store.stream(Watchlist.stream(instance)))


def recall(
    streams: Sequence[str], known: Cache[str, Aggregate[Any]], lookup: Lookup
) -> dict[str, Aggregate[Any]]:
    """Load aggregates that nobody remembers; what the ledger does not have is left out."""
    found = {s: remembered for s in streams if (remembered := known.get(s)) is not None}
    for stream, aggregate in lookup.aggregates([s for s in streams if s not in found]).items():
        found[stream] = aggregate
        known.put(stream, aggregate)
    return found
