"""Imported letters: their facts are recorded like any other, and nothing is decided on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.learners.enrollment import SHAPES, Enrollment
from service.learners.events import EventMapper
from service.learners.facts import Fact
from service.learners.happening import Told
from tests.learners.cast import (
    LATENESS,
    LOGIC,
    NOW,
    SESSION,
    completed,
    day,
    enrolled,
    enrollment,
    progress,
    seats,
    seen,
)
from tests.learners.desk import Desk

MAPPER = EventMapper([SHAPES])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path / "ledger.db")
    yield opened
    opened.ledger.close()


def imported(desk: Desk, *facts: Fact) -> list[str]:
    told = [Told(fact, 1, item, imported=True) for item, fact in enumerate(facts)]
    return [outcome.state for outcome in desk.writer.write(told, NOW, lambda *_: None)]


def recorded(*facts: tuple[Fact, int, bool]) -> Enrollment:
    """Ada's enrolment after facts, each with when it was recorded and whether by an import."""
    folded, events = enrollment(), []
    for fact, now, by_import in facts:
        told = folded.record(fact, letter=1, item=0, now=now, lateness=LATENESS, imported=by_import)
        assert told is not None
        folded, event = told
        events.append(event)
    bodies = [MAPPER.decode(*MAPPER.encode(event)) for event in events]
    assert Enrollment.load(folded.id, bodies, LATENESS) == folded
    return folded


def test_rules_see_nothing_of_imported_facts_and_all_of_the_others(desk: Desk) -> None:
    shown: list[str] = []
    desk.rule = lambda happening, world: shown.append(happening.event.name)  # type: ignore
    facts = [enrolled(day(1)), progress(day(2), 5.0), seen(day(2)), seats(day(1), 1)]

    assert imported(desk, *facts, seats(day(2), 9)) == ["recorded"] * 5
    assert shown == []
    assert desk.write(*facts, completed(day(3)), seats(day(3), 8)) == [
        *["duplicate"] * 4, "recorded", "recorded",
    ]  # fmt: skip
    assert shown == ["COURSE_COMPLETED", "CI_STATS"]


def test_the_state_is_the_same_and_the_event_says_it_was_imported(desk: Desk) -> None:
    imported(desk, enrolled(day(1)), seats(day(1), 9))
    desk.write(progress(day(2), 5.0))

    ada = desk.enrollment()
    assert ada is not None
    assert (ada.state.status, ada.state.progress) == ("in_progress", 5.0)
    session = desk.writer.world(NOW).instance("adobe", "1234", LOGIC, SESSION)
    assert session is not None
    assert session.newest is not None
    states = [state for *_, state in desk.ledger.log(0, 99)]
    assert [b'"imported":true' in state for state in states] == [True, True, False]


def test_an_enrolment_remembers_when_the_imported_facts_of_a_moment_were_recorded() -> None:
    ada = recorded(
        (enrolled(day(1)), day(30), True),
        (progress(day(2), 5.0), day(31), True),
        (progress(day(2), 6.0), day(32), True),
        (progress(day(3), 7.0), day(3), False),
    )
    assert [ada.imported_at(day(n)) for n in (1, 2, 3, 4)] == [day(30), day(31), None, None]


def test_of_an_imported_and_a_live_fact_of_one_moment_the_live_one_counts() -> None:
    both = [(enrolled(day(1)), day(30), True), (progress(day(1), 5.0), day(1), False)]
    for order in (both, both[::-1]):
        assert recorded(*order).imported_at(day(1)) is None


def test_an_enrolment_without_imports_carries_nothing_more() -> None:
    ada = recorded((enrolled(day(1)), day(1), False))

    assert ada.imports == ()
    assert ada.imported_at(day(1)) is None
