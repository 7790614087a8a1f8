"""A desk: the one writer on a real ledger, with rules a test writes as a function."""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from service.learners import course, enrollment, instance
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.enrollment import Enrollment
from service.learners.facts import Fact, PlacedFact, fact_key
from service.learners.world import AppendedEvent, Decisions, Lookup, World
from service.learners.writer import Writer
from service.ledger.events import EventBody, EventMapper, EventStore
from service.ledger.sql import Statement
from tests.learners.cast import LOGIC, NOW, SESSION, TIMING
from tests.ledger.stores import Opened

FAILS: Statement = ("INSERT INTO a_disk_that_is_full VALUES (?)", [(1,)])
"""The last of a transaction, after which nothing of it is there."""


class Noted(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """What this test's rules decide."""

    TOPIC: ClassVar[str] = "test.noted"
    what: str


class Desk:
    """A writer on a real ledger, with rules that remember what they were shown."""

    def __init__(self, ledger: Opened) -> None:
        self.ledger = ledger
        self.people = People(self.ledger)
        wings = (enrollment, instance, course)
        shapes = [*(wing.SHAPES for wing in wings), {Noted.TOPIC: Noted}]
        self.store = EventStore(self.ledger, EventMapper(shapes))
        lookup = Lookup(self.store, self.people, Courses(self.ledger), {"adobe": TIMING})
        self.writer = Writer(self.store, lookup, decide=self.decide)
        self.writer.append = self.ledger.append  # some tests have two of them on one ledger
        self.rule: Callable[[AppendedEvent, World], Decisions | None] = lambda appended, world: None

    def decide(self, appended: AppendedEvent, world: World, now: int) -> Decisions | None:
        assert now == NOW
        return self.rule(appended, world)

    def write(self, *facts: Fact, marks: Any = lambda _: ()) -> list[str]:
        told = [PlacedFact(fact, 1, item) for item, fact in enumerate(facts)]
        return [outcome.state for outcome in self.writer.write(told, NOW, marks)]

    def log(self) -> list[tuple[str, str, int]]:
        return [(topic, stream, v) for _, stream, v, topic, _ in self.ledger.log(0, 9_999)]

    def enrollment(self, user: str = "77", account: str = "1234") -> Enrollment | None:
        persons = self.people.known([("adobe", account, user)]).values()
        streams = [Enrollment.stream(person, LOGIC, SESSION) for person in persons]
        return next(iter(self.writer.enrollments(streams)), None)


def by(fact: Fact, **other: str) -> Fact:
    """The same fact about somebody else."""
    key = fact_key((fact.key,), other)
    return msgspec.structs.replace(fact, key=key, **other)
