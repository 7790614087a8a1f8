"""What one learner did, told in every order with one thing told twice, always ends the same."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

from service.incoming.intake import Intake
from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.learners.enrollment import Enrollment
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.incoming.sources import community_training_payloads as training
from tests.incoming.sources.dialects import DIALECTS, Dialect, Told, every_dialect
from tests.learners.cast import NOW
from tests.learners.writer_with_rules import Desk

Order = tuple[int, ...]


def orders_of(story: int) -> Iterator[Order]:
    """Every order of so many events, with each of them twice in turn."""
    for twice in range(story):
        yield from sorted(set(permutations([*range(story), twice])))


def letters_of(dialect: Dialect, story: Sequence[Told], orders: list[Order]) -> list[Arrival]:
    """Each order lived by a learner of its own, everybody's next event packed at random."""
    random, waiting = Random(2026), list[Told]()
    for turn in range(len(orders[0])):
        told = [dialect.by(story[order[turn]], n + 1) for n, order in enumerate(orders)]
        random.shuffle(told)
        waiting += told
    letters = []
    while waiting:
        size = random.choice([1, 2, 7, 40])
        letters.append(Arrival(dialect.source.name, NOW, {}, dialect.letter(*waiting[:size])))
        waiting = waiting[size:]
    return letters


def taken(desk: Desk, dialect: Dialect, arrivals: list[Arrival]) -> list[str]:
    """Takes the letters; what became of each event."""
    letters = Letters(desk.ledger)
    intake = Intake(letters, {each.source.name: each.source for each in DIALECTS}, desk.writer)
    desk.writer.timings = {dialect.source.name: dialect.source.timing}
    receipts = letters.keep(arrivals)
    while intake.take(NOW):
        pass
    shown = [letters.show(receipt) or {} for receipt in receipts]
    return [event["state"] for letter in shown for event in letter["events"]]


def enrollments(desk: Desk, dialect: Dialect, learners: int) -> list[Enrollment]:
    """How each learner's enrollment stands, as the ledger alone tells it."""
    facts = [dialect.fact(dialect.by(dialect.story[0], n + 1)) for n in range(learners)]
    persons = desk.people.known([(f.source, f.account, f.person or "") for f in facts])
    assert len(persons) == learners
    desk.writer.forget()
    streams = [Enrollment.stream(p, facts[0].course, facts[0].instance) for p in persons.values()]
    return list(desk.writer.enrollments(streams))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(SqliteStore(tmp_path / "ledger.db"))
    yield opened
    opened.ledger.close()


@every_dialect
def test_every_order_with_every_duplicate_ends_as_written_by_hand(
    dialect: Dialect, desk: Desk
) -> None:
    orders = list(orders_of(len(dialect.story)))
    assert len(orders) == 5 * 360
    states = taken(desk, dialect, letters_of(dialect, dialect.story, orders))
    assert states.count("duplicate") == len(orders)
    assert len(states) == 6 * len(orders) and {"set_aside", "ignored"}.isdisjoint(states)
    ends = {each.state.snapshot() for each in enrollments(desk, dialect, len(orders))}
    assert ends == {dialect.end}


@every_dialect
def test_the_last_thing_told_changes_nothing(dialect: Dialect, desk: Desk) -> None:
    """COURSE_START is told at each look after the end, progress and starts may come behind it."""
    letter = Arrival(dialect.source.name, NOW, {}, dialect.letter(*dialect.story))
    assert taken(desk, dialect, [letter])[-1] == "superseded"


def test_signing_in_at_any_moment_leaves_the_enrollment_as_it_is(desk: Desk) -> None:
    dialect = next(each for each in DIALECTS if each.source.name == "community-training")
    story = [*dialect.story, training.event("LOGIN")]
    orders = list(permutations(range(6)))
    taken(desk, dialect, letters_of(dialect, story, orders))
    ends = {each.state.snapshot() for each in enrollments(desk, dialect, len(orders))}
    assert ends == {dialect.end}
    assert [topic for topic, _, _ in desk.log()].count("learner.seen") == len(orders)
