"""Write facts: fold them, let the rules decide at each event, commit it all at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from service.learners.aggregate import Aggregate, Cache, Memory
from service.learners.decision_reads import DecisionReads
from service.learners.directory.courses import Course
from service.learners.directory.merges import PendingMerges, Records
from service.learners.directory.people import Person, PersonKey, person_key
from service.learners.directory.reported import ReportedDetails
from service.learners.enrollment import Enrollment
from service.learners.facts import AT_ONCE, Fact, LearnerMerged, PlacedFact, course_id
from service.learners.instance import Instance
from service.learners.neighbours import owner_of
from service.learners.watchlist import Watchlist, WatchTold
from service.learners.world import (
    AGGREGATES,
    AppendedEvent,
    Decide,
    Decisions,
    FactOutcome,
    Lookup,
    Marks,
    enrollments_of,
    learner_key,
    recall,
    unplaced,
)
from service.ledger.events import EventBody, EventStore, NewEvent
from service.ledger.sql import CONFLICTS, Statement
from service.ledger.store import Append, Reached


class UnitOfWork:
    """Hold the world as of the event being folded: the ledger, and the facts before it.

    `persons` are the ids of the people of this batch, `met` those of them nobody had heard of;
    `fetched` are the aggregates its facts are about, held here as others may be remembered
    instead; `reported` is what its letters say of people and courses, `merges` which records are
    of one person.
    """

    def __init__(self, reads: DecisionReads, lookup: Lookup, decide: Decide, now: int) -> None:
        self.events: list[NewEvent] = []
        self.decisions = Decisions()
        self.persons: Mapping[PersonKey, str] = {}
        self.met: Mapping[str, PersonKey] = {}
        self.fetched: Mapping[str, Aggregate[Any]] = {}
        self.reported: ReportedDetails | None = None
        self.reads = reads
        self.deletion, self.counted = reads.deletion, reads.counted
        self._lookup = lookup
        self.manager = lookup.manager
        self.members = lookup.members
        self.told_in = lookup.told_in
        self.choices_stream = lookup.choices_stream
        self.merges: PendingMerges | None = None
        self._decides = decide
        self._now = now
        self._is_merging = lookup.people.is_merging()
        self._changed = reads.changed
        self._begun: dict[tuple[str, str], list[str]] = {}
        self.memory: dict[str, tuple[int, EventBody]] = {}
        self._told: dict[str, list[tuple[int, EventBody]]] = {}

    def record(self, told: PlacedFact, person: str, blank: Aggregate[Any]) -> FactOutcome:
        """Fold one fact and decide on it, unless it is imported.

        `person` is the learner's id, or empty; `blank` is the fact's aggregate before any fact.
        """
        before = self._owner(told.fact, person, blank)
        if told.fact.said.TOPIC == LearnerMerged.TOPIC and told.fact.key not in before.keys:
            return self._merge(told, person, before)
        return self._fold(told, before)

    def _merge(self, told: PlacedFact, record: str, before: Aggregate[Any]) -> FactOutcome:
        """Merge a record of a person into another, once, and never in a circle."""
        into = self.persons[person_key(*told.fact.into)] if told.fact.into else ""
        merges = self.merges or PendingMerges(self._lookup.people.merges, self.met)
        if refused := merges.link(record, into):
            return FactOutcome(refused[0], "" if refused[1] else before.id, refused[1])
        self.merges = merges
        fact = replace(told.fact, said=LearnerMerged(into=into))
        return self._fold(replace(told, fact=fact), before)

    def _fold(self, told: PlacedFact, before: Aggregate[Any]) -> FactOutcome:
        fact, person = told.fact, before.about.person
        timing = self._lookup.timings.get(fact.source, AT_ONCE)
        recorded = before.record(told, self._now, timing)
        if recorded is None:
            return FactOutcome("duplicate", before.id)
        after, event = recorded
        self._changed[after.id] = after
        if after.version == 1:
            self._begun.setdefault((person, fact.course), []).append(after.id)
        if self.reported:
            self.reported.hear(fact, person, course_id(fact.course))
        if event.transitions and not told.imported:
            saw = self._decide(AppendedEvent(after.id, after.version, event, after))
            event = replace(event, saw=saw) if saw else event
        self.events.append((after.id, after.version, event))
        return FactOutcome("superseded" if event.superseded else "recorded", after.id)

    def _owner(self, fact: Fact, person: str, blank: Aggregate[Any]) -> Aggregate[Any]:
        """Give the aggregate a fact is of, which may be another if it names no instance."""
        own = self._changed.get(blank.id) or self.fetched.get(blank.id) or blank
        if not (fact.person and fact.course):
            return own
        if fact.instance is None:
            found = owner_of(fact, self.enrollments_in(person, fact.course))
            if found is not None:
                return found
        return own if own.version else self._beside(fact, person) or own

    def _beside(self, fact: Fact, person: str) -> Aggregate[Any] | None:
        """Give the enrolment that another record of the learner has there already.

        Where none has, the record that counts begins it. None for who has one record.
        """
        if len(records := self._records_beside(person)) == 1:
            return None
        blank = [Enrollment.begin(fact, record) for record in records]
        there = self.reads.standing([each.id for each in blank])
        return next((there[each.id] for each in blank if each.id in there), blank[0])

    def _decide(self, appended: AppendedEvent) -> dict[str, int] | None:
        """Let the rules decide on an event; give what they saw of others, if that must be told."""
        if self.reads.saw:
            self.reads.saw = {}
        decided = self._decides(appended, self, self._now)
        if decided is not None:
            self.decisions.extend(decided)
            self.remember(decided)
        return self.reads.saw

    def settle(self) -> None:
        """Remember the states of this batch, now that it is on disk."""
        for stream, aggregate in self._changed.items():
            self.reads.known.keep(stream, aggregate)
        for place in self._begun:
            self._lookup.begun(*place)

    def course(self, source: str, account: str, course: str) -> Course | None:
        """Look up what is known of a course, from imports and letters."""
        key = (source, account, course_id(course))
        said = self.reported.titles.news(key) if self.reported else None
        return self._lookup.course(source, account, course, said)

    def person(self, person: str) -> Person | None:
        """Look up what is known of a person, from imports and letters."""
        said = self.reported.contacts.news(person) if self.reported else None
        if person in self.met:
            return self._lookup.people.find(self.met[person], person, said)
        return self._lookup.person(person, said)

    def instance(self, source: str, account: str, course: str, instance: str) -> Instance | None:
        """Look up the instance as of the event being decided on."""
        return self.reads.instance(Instance.stream(source, account, course, instance))

    def enrollments_in(self, person: str, course: str) -> Sequence[Enrollment]:
        """Look up a learner's enrolments in a course, this batch's own included."""
        records = self._records_beside(person)
        streams = [stream for each in records for stream in self._enrollments(each, course)]
        return enrollments_of(self.reads.beside(streams))

    def records_of(self, person: str) -> Sequence[str]:
        """List the records of a person, as this batch will leave them."""
        return self._records.records_of(person) if self._records else [person]

    def _records_beside(self, person: str) -> Sequence[str]:
        return self._records.records_beside(person) if self._records else [person]

    @property
    def _records(self) -> Records | None:
        return self.merges or (self._lookup.people.merges if self._is_merging else None)

    def _enrollments(self, record: str, course: str) -> list[str]:
        known = () if record in self.met else self._lookup.enrollments(record, course)
        return [*known, *self._begun.get((record, course), ())]

    def watchers(self, instance: str) -> Watchlist:
        """Look up who wishes to be told of an instance, what this batch decided included."""
        watch = self._lookup.watchers(instance)
        for version, body in self._told.get(watch.id, ()):
            watch = watch.apply(version, body)
        return watch

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        """Look up the newest event of a stream, this batch's own included."""
        return self.memory.get(stream) or self._lookup.latest(stream)

    def remember(self, decisions: Decisions) -> None:
        """Let what is decided next read what was decided in the same transaction."""
        for stream, version, body in decisions.following:
            self.memory[stream] = (version, body)
            if isinstance(body, WatchTold):
                self._told.setdefault(stream, []).append((version, body))
        self.memory |= decisions.tallies


PEOPLE_REMEMBERED = 100_000
NOTHING = Reached()
Placed = Sequence[PlacedFact]
ATTEMPTS = 3


class Writer:
    """Take batches of facts; `decide` is given by the app, so the heart knows no rules."""

    def __init__(self, store: EventStore, lookup: Lookup, decide: Decide) -> None:
        self.store = store
        self.ledger = store.ledger
        self.append = self.ledger.lease.append
        self.people = lookup.people
        self.lookup = lookup
        self.timings = lookup.timings
        self.decide = decide
        self.memory = Memory(self.ledger)
        self._persons: Cache[PersonKey, str] = Cache(PEOPLE_REMEMBERED)
        self.rests_on: Callable[[], Mapping[str, int]] = dict

    def write(
        self, told: Placed, now: int, marks: Marks, passed: Reached = NOTHING
    ) -> list[FactOutcome]:
        """Record facts, decide on each as it stands then, and commit it with their `marks`.

        All shards held have then `passed` the letters up to there.

        Either everything is on disk when this returns, or nothing is and the error is raised.
        The same facts again change nothing. When another process met the same people or wrote
        the same streams meanwhile, it is done again on what that one left.
        """
        for _ in range(ATTEMPTS - 1):
            with suppress(*CONFLICTS):
                return self._write(told, now, marks, passed=passed)
            self.forget()
        return self._write(told, now, marks, passed=passed)

    def _write(self, told: Placed, now: int, marks: Marks, passed: Reached) -> list[FactOutcome]:
        batch = self._unit_of_work(now)
        facts = [t.fact for t in told]
        persons, met = self._persons_of(facts, now)
        batch.persons, batch.met = persons, met
        known = [persons.get(learner_key(t.fact), "") for t in told]
        kinds = [AGGREGATES[t.fact.said.TOPIC] for t in told]
        blank = [k.begin(t.fact, p) for k, t, p in zip(kinds, told, known, strict=True)]
        wanted = [b.id for b, person in zip(blank, known, strict=True) if person not in met]
        self.lookup.fetch([person for person in dict.fromkeys(known) if person not in met])
        beside = self.lookup.enrollments_of(unplaced(facts, known, met))
        wanted_once = list(dict.fromkeys([*wanted, *beside]))
        batch.fetched = recall(wanted_once, self.memory.known, self.lookup)
        batch.reads.subjects = [*blank, *batch.fetched.values()]
        batch.reported = self.lookup.reported(facts, known)
        # All reading and deciding is done before the transaction, so that nobody waits for the
        # lock meanwhile. What another process wrote in between shows as a version that is taken,
        # or a person who is known: then nothing is kept, and `write` begins anew.
        outcomes = list(map(batch.record, told, known, blank))
        tables, in_turn = [*self._changes(batch), *marks(outcomes)], [*self._in_turn(batch)]
        self._append(batch.events, batch.decisions, tables=tables, in_turn=in_turn, passed=passed)
        # Memory follows the disk, never the other way round: a failed commit must leave no trace.
        batch.settle()
        if batch.reported:
            self.lookup.settle(batch.reported)
        if batch.merges:
            self.lookup.forget()
            self.people.addresses_heard += 1
        for person, key in met.items():
            self._persons.put(key, person)
        return outcomes

    def _changes(self, batch: UnitOfWork) -> Iterator[Statement]:
        """Give what the facts say of people and courses."""
        yield self.people.met(list(batch.met.items()))
        if batch.reported:
            yield from self.lookup.changes(batch.reported)

    def _in_turn(self, batch: UnitOfWork) -> Iterator[Statement]:
        """Give what merges people, and what fails where another process did."""
        yield self.people.alone(batch.met)
        if batch.merges:
            yield from self.people.merges.changes(batch.merges.links, batch.merges.read)

    def commit(self, decisions: Decisions) -> None:
        """Append decisions that no fact caused: an ask of the clock, an activation."""
        self._append((), decisions)

    def world(self, now: int) -> UnitOfWork:
        """Make a world of what is known now, for deciding outside a batch of facts."""
        if not self.memory.is_alone:
            self.lookup.forget_enrollments()
        return self._unit_of_work(now)

    def _unit_of_work(self, now: int) -> UnitOfWork:
        self._notice_others()
        saw = None if self.memory.is_alone else dict[str, int]()
        reads = DecisionReads(known=self.memory.now(), lookup=self.lookup, recall=recall, saw=saw)
        return UnitOfWork(reads, self.lookup, decide=self.decide, now=now)

    def enrollments(self, streams: Sequence[str]) -> list[Enrollment]:
        """Load these enrolments as the ledger has them."""
        found = recall(streams, self.memory.now(), self.lookup)
        return enrollments_of(found.get(stream) for stream in streams)

    def forget(self) -> None:
        """Drop every remembered state; the next batch reads the ledger."""
        self.memory.known.clear()
        self._persons.clear()
        self.lookup.forget()

    def _append(self, events: Sequence[NewEvent], decisions: Decisions, **beside: Any) -> None:
        tallies = ((s, v + 1, body) for s, (v, body) in decisions.tallies.items())
        written = Append(
            rows=self.store.rows([*events, *decisions.following, *tallies]),
            once=self.store.rows((s, 1, body) for s, body in decisions.once),
            erasable=decisions.erasable,
            rests_on=self.rests_on(),
            **beside,
        )
        self.append(written)

    def _notice_others(self) -> None:
        """Forget what others may have changed.

        Who has several records may have them in several shards: of those who share nobody
        remembers anything where anybody is merged.
        """
        merging = not self.memory.is_alone and self.people.is_merging()
        if self.memory.is_stale() or merging:
            self.forget()

    def _persons_of(
        self, facts: Sequence[Fact], now: int
    ) -> tuple[dict[PersonKey, str], dict[str, PersonKey]]:
        keys = dict.fromkeys(learner_key(fact) for fact in facts if fact.person is not None)
        keys |= dict.fromkeys(person_key(*fact.into) for fact in facts if fact.into is not None)
        found = {key: known for key in keys if (known := self._persons.get(key)) is not None}
        unknown = [key for key in keys if key not in found]
        fetched = self.people.known(unknown) if unknown else {}
        met = {self.people.new_id(now): key for key in unknown if key not in fetched}
        if met and self.people.meet_merged(met):
            self.lookup.forget()
            return self._persons_of(facts, now)
        for key, person in fetched.items():
            self._persons.put(key, person)
        return found | fetched | {key: person for person, key in met.items()}, met
