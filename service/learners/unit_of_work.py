"""Fold the facts of one transaction; nothing of it is kept until it commits."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.learners.aggregate import Aggregate
from service.learners.directory.courses import Course, course_id
from service.learners.directory.people import Person, PersonKey
from service.learners.directory.reported import ReportedDetails
from service.learners.facts import Fact, PlacedFact
from service.learners.instance import Instance
from service.learners.lookup import Lookup
from service.learners.watchlist import Watchlist, WatchTold
from service.learners.world import Decide, Decisions, FactOutcome, Happening
from service.ledger.cache import Cache
from service.ledger.events import EventBody, EventMapper
from service.ledger.ledger import Row


class UnitOfWork:
    """Hold the world as of the event being folded: the ledger, and the facts before it.

    `met` are the people of this batch nobody had heard of, by their new id; `fetched` are the
    aggregates its facts are about, held here as others may be remembered instead; `reported` is
    what its letters say of people and courses.
    """

    def __init__(
        self,
        known: Cache[str, Aggregate[Any]],
        lookup: Lookup,
        mapper: EventMapper,
        lateness: Mapping[str, int],
        decide: Decide,
        now: int,
    ) -> None:
        self.rows: list[Row] = []
        self.decisions = Decisions()
        self.met: Mapping[str, PersonKey] = {}
        self.fetched: Mapping[str, Aggregate[Any]] = {}
        self.reported = ReportedDetails()
        self._known = known
        self._lookup = lookup
        self._mapper = mapper
        self._lateness = lateness
        self._decides = decide
        self._now = now
        self._changed: dict[str, Aggregate[Any]] = {}
        self._memory: dict[str, tuple[int, EventBody]] = {}
        self._told: dict[str, list[tuple[int, EventBody]]] = {}

    def record(self, told: PlacedFact, person: str, blank: Aggregate[Any]) -> FactOutcome:
        """Fold one fact and decide on it, unless it is imported.

        `person` is the learner's id, or empty; `blank` is the fact's aggregate before any fact.
        """
        fact = told.fact
        before = self._changed.get(blank.id) or self.fetched.get(blank.id) or blank
        recorded = before.record(told, self._now, self._lateness.get(fact.source, 0))
        if recorded is None:
            return FactOutcome("duplicate", before.id)
        after, event = recorded
        self._changed[after.id] = after
        self.rows.append((after.id, after.version, *self._mapper.encode(event)))
        if fact.contact is not None or fact.title is not None:
            self.reported.hear(fact, person, course_id(fact.course))
        if event.transitions and not told.imported:
            self._decide(Happening(after.id, after.version, event, after))
        return FactOutcome("superseded" if event.superseded else "recorded", after.id)

    def _decide(self, happening: Happening) -> None:
        decided = self._decides(happening, self, self._now)
        if decided is None:
            return
        self.decisions.extend(decided)
        self.remember(decided)

    def settle(self) -> None:
        """Remember the states of this batch, now that it is on disk."""
        for stream, aggregate in self._changed.items():
            self._known.put(stream, aggregate)

    def course(self, source: str, account: str, course: str) -> Course | None:
        """Look up what is known of a course, from imports and letters."""
        said = self.reported.titles.news((source, account, course_id(course)))
        return self._lookup.course(source, account, course, said)

    def person(self, person: str) -> Person | None:
        """Look up what is known of a person, from imports and letters."""
        said = self.reported.contacts.news(person)
        if person in self.met:
            return self._lookup.stranger(self.met[person], person, said)
        return self._lookup.person(person, said)

    def manager(self, person: Person) -> Person | None:
        """Look up the person's manager as known today."""
        return self._lookup.manager(person)

    def members(self, group: str, source: str, account: str) -> Sequence[str]:
        """Look up the ids of the people in a group."""
        return self._lookup.members(group, source, account)

    def instance(self, source: str, account: str, course: str, instance: str) -> Instance | None:
        """Look up the instance as of the event being decided on."""
        stream = Instance.stream(source, account, course, instance)
        found = self._changed.get(stream) or self._known.get(stream)
        if found is None:
            found = self._lookup.instance(source, account, course, instance)
            if found is not None:
                self._known.put(stream, found)
        return found if isinstance(found, Instance) else None

    def watchers(self, instance: str) -> Watchlist:
        """Look up who wishes to be told of an instance, what this batch decided included."""
        watch = self._lookup.watchers(instance)
        for version, body in self._told.get(watch.id, ()):
            watch = watch.apply(version, body)
        return watch

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        """Look up the newest event of a stream, this batch's own included."""
        return self._memory.get(stream) or self._lookup.latest(stream)

    def remember(self, decisions: Decisions) -> None:
        """Let what is decided next read what was decided in the same transaction."""
        for stream, version, body in decisions.following:
            self._memory[stream] = (version, body)
            if isinstance(body, WatchTold):
                self._told.setdefault(stream, []).append((version, body))
        self._memory |= decisions.tallies


def person_key(fact: Fact) -> PersonKey:
    """Key the person a fact is about as the LMS knows them."""
    return fact.source, fact.account, fact.person or ""
