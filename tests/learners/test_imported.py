"""Imported letters: their facts are recorded like any other, and nothing is decided on them."""

from service.learners.enrollment import NO_IMPORTS, SHAPES, Enrollment
from service.learners.facts import Fact, PlacedFact
from service.ledger.events import EventMapper
from tests.learners.cast import (
    LOGIC,
    NOW,
    SESSION,
    TIMING,
    completed,
    day,
    enrolled,
    enrollment,
    progress,
    seats,
    seen,
    unenrolled,
)
from tests.learners.writer_with_rules import Desk

MAPPER = EventMapper([SHAPES])


def imported(desk: Desk, *facts: Fact) -> list[str]:
    told = [PlacedFact(fact, 1, item, imported=True) for item, fact in enumerate(facts)]
    return [outcome.state for outcome in desk.writer.write(told, NOW, lambda _: ())]


def recorded(*facts: tuple[Fact, int, bool]) -> Enrollment:
    """Ada's enrolment after facts, each with when it was recorded and whether by an import."""
    folded, events = enrollment(), []
    for fact, now, by_import in facts:
        told = folded.record(PlacedFact(fact, 1, 0, by_import), now, TIMING)
        assert told is not None
        folded, event = told
        events.append(event)
    bodies = [MAPPER.decode(*MAPPER.encode(event)) for event in events]
    assert Enrollment.load(folded.id, bodies, TIMING) == folded
    return folded


def test_rules_see_nothing_of_imported_facts_and_all_of_the_others(desk: Desk) -> None:
    shown: list[str] = []
    desk.rule = lambda appended, world: shown.append(appended.event.name)  # type: ignore
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


def test_an_enrolment_remembers_the_import_through_which_its_silence_is_where_it_is() -> None:
    told = [
        (enrolled(day(1)), day(30), True),
        (progress(day(2), 5.0), day(31), True),
        (progress(day(2), 6.0), day(32), True),
        (progress(day(3), 7.0), day(33), False),
        (progress(day(2, 1), 6.0), day(34), True),
        (progress(day(4), 6.0), day(35), True),
    ]
    after = [recorded(*told[: n + 1]) for n in range(len(told))]
    whole, started = (day(30), day(31), day(31), None, None, day(35)), (None, day(31))
    assert tuple(each.imported_at("enrolled") for each in after) == whole
    assert tuple(each.imported_at("started") for each in after) == (*started, *whole[2:])


def test_an_import_that_ends_what_hid_a_live_activity_brings_its_silence_about() -> None:
    live = [(completed(day(1)), day(1), False), (progress(day(1, 60), 5.0), day(1, 60), False)]
    left = (unenrolled(day(1, 20)), day(30), True)
    ada = recorded(*live, left)

    assert ada.state.silence("enrolled") == (day(1, 60), str(day(1, 60)))
    assert [ada.imported_at(kind) for kind in ("enrolled", "started")] == [day(30), day(30)]
    ada = recorded(*live, left, (progress(day(31), 6.0), day(31), False))
    assert [ada.imported_at(kind) for kind in ("enrolled", "started")] == [None, None]


def test_of_an_imported_and_a_live_fact_of_one_moment_the_live_one_counts() -> None:
    both = [(enrolled(day(1)), day(30), True), (progress(day(1), 5.0), day(1), False)]
    for order in (both, both[::-1]):
        assert recorded(*order).imported_at("enrolled") is None


def test_an_enrolment_without_imports_carries_nothing_more() -> None:
    ada = recorded((enrolled(day(1)), day(1), False))

    assert ada.imports == NO_IMPORTS
    assert ada.imported_at("enrolled") is None
