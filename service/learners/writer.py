"""Write facts: fold them, let the rules decide at each event, commit it all at once."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eventsourcing.persistence import IntegrityError

from service.learners.aggregate import Aggregate
from service.learners.directory.people import People, PersonKey
from service.learners.enrollment import Enrollment
from service.learners.facts import Fact, PlacedFact
from service.learners.lookup import Lookup
from service.learners.unit_of_work import UnitOfWork, person_key
from service.learners.world import Also, Decide, Decisions, FactOutcome, begin, load
from service.ledger.cache import Cache
from service.ledger.events import EventBody, EventMapper
from service.ledger.ledger import Ledger, Row

PEOPLE_REMEMBERED = 100_000
ATTEMPTS = 3


class Writer:
    """Take batches of facts; `decide` is given by the app, so the heart knows no rules."""

    def __init__(
        self,
        ledger: Ledger,
        mapper: EventMapper,
        people: People,
        lookup: Lookup,
        lateness: Mapping[str, int],
        decide: Decide,
    ) -> None:
        self.ledger = ledger
        self.mapper = mapper
        self.people = people
        self.lookup = lookup
        self.lateness = lateness
        self.decide = decide
        self.known: Cache[str, Aggregate[Any]] = Cache()
        self._persons: Cache[PersonKey, str] = Cache(PEOPLE_REMEMBERED)
        self._changes_of_others = ledger.changes_of_others()

    def write(self, told: Sequence[PlacedFact], now: int, also: Also) -> list[FactOutcome]:
        """Record facts, decides on each as it stands then, and commits with `also`.

        Either everything is on disk when this returns, or nothing is and the error is raised.
        The same facts again change nothing. When another process met the same people or wrote
        the same streams meanwhile, it is done again on what that one left.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._write(told, now, also)
            except (IntegrityError, sqlite3.IntegrityError):
                self.forget()
        return self._write(told, now, also)

    def _write(self, told: Sequence[PlacedFact], now: int, also: Also) -> list[FactOutcome]:
        self._notice_others()
        persons, met = self._persons_of([t.fact for t in told], now)
        batch = UnitOfWork(self.known, self.lookup, self.mapper, self.lateness, self.decide, now)
        batch.met = met
        known = [persons.get(person_key(t.fact), "") for t in told]
        blank = [begin(t.fact, person) for t, person in zip(told, known, strict=True)]
        wanted = [b.id for b, person in zip(blank, known, strict=True) if person not in met]
        batch.fetched = self._states(list(dict.fromkeys(wanted)))
        batch.reported = self.lookup.reported([t.fact for t in told], known)
        # All reading and deciding is done before the transaction, so that nobody waits for the
        # lock meanwhile. What another process wrote in between shows as a version that is taken,
        # or a person who is known: then the transaction fails and `write` begins anew.
        outcomes = list(map(batch.record, told, known, blank))
        with self.ledger.transaction() as cursor:
            self.people.meet(cursor, list(met.items()))
            self.lookup.keep(cursor, batch.reported)
            self._append(cursor, batch.rows, batch.decisions)
            also(cursor, outcomes)
        # Memory follows the disk, never the other way round: a failed commit must leave no trace.
        batch.settle()
        self.lookup.settle(batch.reported)
        for person, key in met.items():
            self._persons.put(key, person)
        return outcomes

    def commit(self, decisions: Decisions) -> None:
        """Append decisions that no fact caused: an ask of the clock, an activation."""
        with self.ledger.transaction() as cursor:
            self._append(cursor, (), decisions)

    def world(self, now: int) -> UnitOfWork:
        """Make a world of what is known now, for deciding outside a batch of facts."""
        self._notice_others()
        return UnitOfWork(self.known, self.lookup, self.mapper, self.lateness, self.decide, now)

    def enrollments(self, streams: Sequence[str]) -> list[Enrollment]:
        """Load these enrolments as the ledger has them."""
        found = self._states(streams)
        return [each for s in streams if isinstance(each := found.get(s), Enrollment)]

    def forget(self) -> None:
        """Drop every remembered state; the next batch reads the ledger."""
        self.known.clear()
        self._persons.clear()
        self.lookup.forget()

    def _append(self, cursor: sqlite3.Cursor, rows: Iterable[Row], decisions: Decisions) -> None:
        encode = self.mapper.encode
        self.ledger.append(cursor, rows)
        tallies = [(s, v + 1, body) for s, (v, body) in decisions.tallies.items()]
        following = [*decisions.following, *tallies]
        self.ledger.append(cursor, [(s, v, *encode(body)) for s, v, body in following])
        self.ledger.append_once(cursor, [(s, 1, *encode(body)) for s, body in decisions.once])
        self.ledger.keep_erasable(cursor, decisions.erasable)

    def _notice_others(self) -> None:
        changes = self.ledger.changes_of_others()
        if changes != self._changes_of_others:
            self._changes_of_others = changes
            self.forget()

    def _persons_of(
        self, facts: Sequence[Fact], now: int
    ) -> tuple[dict[PersonKey, str], dict[str, PersonKey]]:
        keys = dict.fromkeys(person_key(fact) for fact in facts if fact.person is not None)
        found = {key: known for key in keys if (known := self._persons.get(key)) is not None}
        unknown = [key for key in keys if key not in found]
        fetched = self.people.known(unknown) if unknown else {}
        met = {self.people.new_id(now): key for key in unknown if key not in fetched}
        for key, person in fetched.items():
            self._persons.put(key, person)
        return found | fetched | {key: person for person, key in met.items()}, met

    def _states(self, streams: Sequence[str]) -> dict[str, Aggregate[Any]]:
        """Load these aggregates; what the ledger does not have is left out."""
        found = {s: known for s in streams if (known := self.known.get(s)) is not None}
        bodies: dict[str, list[EventBody]] = {}
        for stream, _, topic, state in self.ledger.streams([s for s in streams if s not in found]):
            bodies.setdefault(stream, []).append(self.mapper.decode(topic, state))
        for stream, events in bodies.items():
            found[stream] = load(stream, events, self.lateness)
            self.known.put(stream, found[stream])
        return found
