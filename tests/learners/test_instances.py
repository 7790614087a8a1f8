"""Instances keep their newest seat report; courses and instances live, change and end."""

import math
import time
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.learners import course, instance
from service.learners.course import CourseRecorded, LearningObject
from service.learners.facts import (
    CourseDeleted,
    CourseDrafted,
    CourseModified,
    Fact,
    Identity,
    InstanceDeleted,
    InstanceModified,
    PlacedFact,
    SeatsReported,
)
from service.learners.instance import Instance, seat_values, seats_available
from service.ledger.events import EventMapper
from tests.campaigns import fuzz
from tests.learners.cast import LOGIC, NOW, day, fact, report, seats
from tests.learners.cast import instance as instance_of_logic

CHANGED = ("instance.seats_changed",)
MAPPER = EventMapper([instance.SHAPES, course.SHAPES])
REPORTS = st.lists(
    st.builds(
        seats, st.integers(1, 3).map(day), st.integers(7, 12), st.sampled_from([None, 8, 10]),
        st.integers(0, 1), st.sampled_from("ab"),
    ),
    max_size=7, unique_by=lambda told: told.key,
)  # fmt: skip


def modified(at: int) -> Fact:
    return fact(at, InstanceModified())


def deleted(at: int) -> Fact:
    return fact(at, InstanceDeleted())


def test_the_first_report_is_a_baseline_and_no_edge() -> None:
    folded, (event,) = report(seats(day(1), 10))
    assert (event.was, event.newest, event.transitions) == (None, True, ())
    assert folded.newest == SeatsReported(10, 0, 10)


def test_an_edge_lies_between_the_previous_newest_and_the_new_newest() -> None:
    _, events = report(seats(day(1), 10), seats(day(3), 9))
    assert (events[1].was, events[1].said) == (SeatsReported(10, 0, 10), SeatsReported(9, 0, 10))
    assert events[1].transitions == CHANGED


def test_an_older_report_is_superseded_and_no_edge() -> None:
    folded, events = report(seats(day(1), 10), seats(day(3), 9), seats(day(2), 10))
    assert (events[2].superseded, events[2].was, events[2].transitions) == (True, None, ())
    assert folded.newest == SeatsReported(9, 0, 10)
    assert len(list(folded.reports_after(0))) == 2


def test_a_first_report_that_turns_out_old_gives_no_edge_either_way() -> None:
    """The newer came first and was the baseline; the older one changes nothing."""
    _, events = report(seats(day(2), 9), seats(day(1), 10))
    assert [event.transitions for event in events] == [(), ()]


def test_the_same_seats_again_are_no_change() -> None:
    folded, events = report(seats(day(1), 9), seats(day(2), 9))
    assert (events[1].newest, events[1].transitions) == (True, ())
    assert len(list(folded.reports_after(0))) == 2


def test_the_same_report_twice_is_recorded_once() -> None:
    assert len(report(seats(day(1), 9), seats(day(1), 9))[1]) == 1


def test_of_two_reports_of_one_instant_fewer_free_seats_win() -> None:
    full, free = seats(day(1), 10, id="a"), seats(day(1), 9, id="b")
    for order in permutations([full, free]):
        assert report(*order)[0].newest == full.said


def test_unlimited_seats_are_more_than_any_number_of_seats() -> None:
    unlimited, many = seats(day(1), 5, None, id="a"), seats(day(1), 5, 10**13, id="b")
    for order in permutations([unlimited, many]):
        assert report(*order)[0].newest == many.said


def test_of_two_reports_with_the_same_free_seats_the_key_decides() -> None:
    both = [seats(day(1), 5, 10, id="a"), seats(day(1), 6, 11, id="b")]
    last = max(both, key=lambda told: told.key)
    for order in permutations(both):
        assert report(*order)[0].newest == last.said


@pytest.mark.parametrize(
    ("taken", "limit", "free"),
    [(10, 30, 20), (30, 30, 0), (31, 30, 0), (0, 0, 0), (1, 2**40, 2**40 - 1), (9, None, math.inf)],
)
def test_free_seats(taken: int, limit: int | None, free: float) -> None:
    said = SeatsReported(taken, 0, limit)
    assert seats_available(said) == seat_values(said)["instance.seats_available"] == free


@fuzz(300)
@given(REPORTS.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_any_order_of_reports_has_the_same_newest(told: tuple[list[Fact], list[Fact]]) -> None:
    facts, shuffled = told
    folded, events = report(*shuffled)
    assert folded.newest == report(*facts, *shuffled)[0].newest
    if facts:
        last = max(facts, key=lambda f: (f.occurred_at, -(seats_available(f.said)), f.key))  # type: ignore
        assert folded.newest == last.said
        bodies = [MAPPER.decode(*MAPPER.encode(event)) for event in events]
        assert Instance.load(folded.id, bodies) == folded


@fuzz(200)
@given(REPORTS)
def test_edges_join_up(told: list[Fact]) -> None:
    """What an edge leaves is what the edge before arrived at, whatever came too late between."""
    newest = [event for event in report(*told)[1] if event.newest]
    for one, two in pairwise(newest):
        assert two.was == one.said
        assert bool(two.transitions) == (two.said != two.was)


@pytest.mark.parametrize("reports", [255, 256, 257, 700])
def test_a_long_history_is_whole_and_seen_from_its_end(reports: int) -> None:
    told = [seats(day(1, 0, n), n) for n in range(reports)]
    folded, events = report(*told, *told)
    assert len(events) == reports, "a repetition is a duplicate, however long ago"
    assert Instance.load(folded.id, events) == folded
    assert [said.enrollment_count for said in folded.reports_after(0)] == [*range(reports)][::-1]
    assert next(folded.reports_after(reports - 1)) == told[-1].said
    assert list(folded.reports_after(reports)) == []


def test_an_old_id_with_another_story_is_a_conflict_after_hundreds_of_reports() -> None:
    told = [seats(day(1, 0, n), n, id=str(n)) for n in range(600)]
    folded, _ = report(*told)
    for again, conflict in ((seats(day(9), 5, id="3"), True), (seats(day(9), 5, id="x"), False)):
        recorded = folded.record(PlacedFact(again, 1, 0), NOW)
        assert recorded is not None and recorded[1].conflict is conflict


def test_the_last_of_20000_reports_costs_what_the_first_did() -> None:
    """All took 3.1 s while each copied all before it, 0.7 s since."""
    folded, seconds = instance_of_logic(), []
    for hundred in range(200):
        told = [seats(day(1, 0, 100 * hundred + n), n) for n in range(100)]
        begun = time.process_time()
        for each in told:
            recorded = folded.record(PlacedFact(each, 1, 0), NOW)
            assert recorded is not None
            folded = recorded[0]
        seconds.append(time.process_time() - begun)
    assert min(seconds[-20:]) < 6 * min(seconds[:20])


def test_an_instance_is_modified_and_deleted() -> None:
    folded, events = report(modified(day(1)), deleted(day(5)), modified(day(3)), modified(day(6)))
    names = [event.transitions for event in events]
    assert names == [("instance.modified",), ("instance.deleted",), (), ("instance.modified",)]
    assert [event.superseded for event in events] == [False, False, True, False]
    assert folded.deleted_at == day(5)


def test_deletions_in_any_order_end_with_the_newest() -> None:
    told = [deleted(day(2)), deleted(day(5)), seats(day(3), 9), modified(day(4))]
    for order in permutations(told):
        folded, events = report(*order)
        assert folded.deleted_at == day(5)
        assert folded.newest == SeatsReported(9, 0, 10)
        bodies = [MAPPER.decode(*MAPPER.encode(event)) for event in events]
        assert Instance.load(folded.id, bodies) == folded


def test_only_the_first_event_says_which_instance_it_is() -> None:
    _, events = report(modified(day(1)), seats(day(2), 9))
    assert [event.about is not None for event in events] == [True, False]


def tell(*facts: Fact) -> tuple[LearningObject, list[CourseRecorded]]:
    stream = LearningObject.stream("adobe", "1234", LOGIC)
    folded, events = (
        LearningObject(stream, Identity("adobe", "1234", course=LOGIC, kind="course")),
        [],
    )
    for item, each in enumerate(facts):
        recorded = folded.record(PlacedFact(each, 1, item), NOW)
        if recorded is not None:
            folded, event = recorded
            events.append(event)
    return folded, events


def test_a_course_is_drafted_modified_and_deleted() -> None:
    told = [
        fact(day(1), CourseDrafted()),
        fact(day(2), CourseModified()),
        fact(day(5), CourseDeleted()),
    ]
    folded, events = tell(*told, *told)
    assert [event.transitions[0] for event in events] == [
        "course.drafted", "course.modified", "course.deleted",
    ]  # fmt: skip
    assert (folded.version, folded.marked_at) == (3, day(5))
    assert [event.about is not None for event in events] == [True, False, False]


def test_what_is_older_than_the_deletion_of_a_course_is_superseded() -> None:
    folded, events = tell(fact(day(5), CourseDeleted()), fact(day(2), CourseModified()))
    assert (events[1].superseded, events[1].transitions) == (True, ())
    assert folded.marked_at == day(5)


def test_deletions_of_a_course_in_any_order_end_with_the_newest() -> None:
    told = [fact(day(2), CourseDeleted()), fact(day(5), CourseDeleted())]
    for order in permutations(told):
        folded, events = tell(*order)
        assert folded.marked_at == day(5)
        bodies = [MAPPER.decode(*MAPPER.encode(event)) for event in events]
        assert LearningObject.load(folded.id, bodies) == folded


@pytest.mark.parametrize(
    ("last", "gone_at"),
    [(day(4), day(5)), (day(5), day(5)), (day(6), None)],
)
def test_what_was_deleted_lives_again_if_it_was_changed_since(
    last: int, gone_at: int | None
) -> None:
    for about, ends, changes in (
        (report, InstanceDeleted, InstanceModified),
        (tell, CourseDeleted, CourseModified),
    ):
        said = [fact(day(2), ends()), fact(day(5), ends()), fact(last, changes())]
        for order in permutations(said):
            folded, events = about(*order)  # type: ignore[operator]
            assert folded.gone_at == gone_at
            bodies = [MAPPER.decode(*MAPPER.encode(event)) for event in events]
            assert type(folded).load(folded.id, bodies) == folded


def test_an_end_that_is_told_late_of_what_lives_again_is_told_to_nobody() -> None:
    _, events = report(fact(day(6), InstanceModified()), fact(day(5), InstanceDeleted()))
    assert (events[1].superseded, events[1].transitions) == (True, ())
    _, ends = tell(fact(day(6), CourseModified()), fact(day(5), CourseDeleted()))
    assert (ends[1].superseded, ends[1].transitions) == (True, ())
