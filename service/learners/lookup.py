"""Look up what a rule may read besides the event itself, by key."""

import sqlite3
from collections.abc import Sequence

from service.learners.directory.courses import Course, Courses, course_id
from service.learners.directory.people import People, Person, PersonKey
from service.learners.directory.reported import ReportedDetails
from service.learners.facts import Contact, Fact
from service.learners.instance import Instance, InstanceRecorded
from service.learners.watchlist import Watchlist
from service.ledger.cache import Cache
from service.ledger.events import EventBody, EventMapper, StreamEvent, StreamId
from service.ledger.ledger import Ledger


class Lookup:
    """Look up people, courses and instances by key, as the ledger has them.

    What was found is remembered until `forget`, which the service calls when another
    process changed the ledger.
    """

    def __init__(self, ledger: Ledger, mapper: EventMapper, people: People, courses: Courses):
        self._ledger = ledger
        self._mapper = mapper
        self._people = people
        self._courses = courses
        self._titles: Cache[tuple[str, str, str], tuple[Course | None]] = Cache()
        self._persons: Cache[str, tuple[Person | None]] = Cache()

    def forget(self) -> None:
        """Drop what was remembered of people and courses."""
        self._titles.clear()
        self._persons.clear()

    def reported(self, facts: Sequence[Fact], persons: Sequence[str]) -> ReportedDetails:
        """Look up what earlier letters said of whom and what these facts speak of.

        `persons` are the learners' ids, in the order of the facts.
        """
        said = [p for fact, p in zip(facts, persons, strict=True) if fact.contact is not None]
        named = [course_id(fact.course) for fact in facts if fact.title is not None]
        return ReportedDetails(
            self._people.contacts.of(dict.fromkeys(said)) if said else {},
            self._courses.titles.of(dict.fromkeys(named)) if named else {},
        )

    def keep(self, cursor: sqlite3.Cursor, reported: ReportedDetails) -> None:
        """Write what a transaction's letters changed; call `settle` when it is on disk."""
        self._people.contacts.keep(cursor, reported.contacts.changed)
        self._courses.titles.keep(cursor, reported.titles.changed)

    def settle(self, reported: ReportedDetails) -> None:
        """Drop what was remembered of whom and what letters have changed."""
        for person in reported.contacts.changed:
            if reported.contacts.news(person) is not None:
                self._persons.drop(person)
        for key in reported.titles.changed:
            if reported.titles.news(key) is not None:
                self._titles.drop(key)
        self._people.addresses_heard += reported.addresses()

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
            return self._people.get(person, said)
        found = self._persons.get(person)
        if found is None:
            found = (self._people.get(person),)
            self._persons.put(person, found)
        return found[0]

    def everybody(self, limit: int) -> dict[str, Person | None]:
        """Look up what is known of as many people, by id."""
        return self._people.everybody(limit)

    def stranger(self, key: PersonKey, person: str, said: Contact | None) -> Person | None:
        """Look up what is known of someone met in a transaction not yet on disk."""
        return self._people.find(key, person, said)

    def manager(self, person: Person) -> Person | None:
        """Look up the person's manager as known today."""
        return self._people.manager_of(person)

    def members(self, group: str, source: str, account: str) -> Sequence[str]:
        """Look up the ids of the people in a group."""
        return self._people.in_group(group, source, account)

    def instance(self, source: str, account: str, course: str, instance: str) -> Instance | None:
        """Look up the instance as the ledger has it."""
        bodies = self.stream(Instance.stream(source, account, course, instance))
        recorded = [e.body for e in bodies if isinstance(e.body, InstanceRecorded)]
        return Instance.load(StreamId(bodies[0].originator_id), recorded) if recorded else None

    def watchers(self, instance: str) -> Watchlist:
        """Look up who wishes to be told of the instance with this stream."""
        return Watchlist.load(
            instance, (event.body for event in self.stream(Watchlist.stream(instance)))
        )

    def stream(self, stream: str) -> list[StreamEvent]:
        """Look up the events of one stream, first to last."""
        return events_of(self._ledger, self._mapper, stream)

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        """Look up the newest event of a stream and its version."""
        stored = self._ledger.select_events(stream, desc=True, limit=1)
        if not stored:
            return None
        event = self._mapper.to_domain_event(stored[0])
        return event.originator_version, event.body


def events_of(ledger: Ledger, mapper: EventMapper, stream: str) -> list[StreamEvent]:
    """Look up the events of one stream, first to last."""
    return [mapper.to_domain_event(event) for event in ledger.select_events(stream)]
