"""Named histories end as written by hand, in every order and with every single duplicate."""

from itertools import pairwise, permutations

import pytest

from service.learners.enrollment import Enrollment
from service.learners.enrollment_state import read
from service.learners.facts import AT_ONCE, Completed, EnrollmentFact, Fact
from tests.learners.cast import TIMING, completed, day, enroll, enrolled, progress
from tests.learners.histories import HISTORIES, History

named = pytest.mark.parametrize("history", HISTORIES, ids=[h.name for h in HISTORIES])


def entry(fact: Fact) -> tuple[int, int, str, EnrollmentFact]:
    assert isinstance(fact.said, EnrollmentFact)
    return fact.occurred_at, fact.said.RANK, fact.key, fact.said


def ends_well(history: History, folded: Enrollment) -> bool:
    return (folded.state.snapshot(), folded.state.modules) == (history.end, history.modules)


def test_there_are_at_least_25_histories_with_names_of_their_own() -> None:
    assert len({history.name for history in HISTORIES}) == len(HISTORIES) >= 25


@named
def test_the_reading_of_the_sorted_set_is_the_end_written_by_hand(history: History) -> None:
    state = read(sorted(map(entry, history.facts)), TIMING)
    assert state.snapshot() == history.end
    assert state.modules == history.modules


@named
def test_every_order_ends_the_same(history: History) -> None:
    for order in permutations(history.facts):
        folded, events = enroll(*order)
        assert ends_well(history, folded), [fact.name for fact in order]
        assert len(events) == folded.version == len(history.facts)


@named
def test_every_order_with_every_single_duplicate_ends_the_same(history: History) -> None:
    for twice in history.facts:
        for order in permutations([*history.facts, twice]):
            folded, events = enroll(*order)
            assert ends_well(history, folded), [fact.name for fact in order]
            assert len(events) == len(history.facts)


@named
def test_the_last_stored_snapshot_is_the_end(history: History) -> None:
    for order in permutations(history.facts):
        _, events = enroll(*order)
        stored = [event.after for event in events if event.after is not None]
        assert stored[-1] == history.end


@named
def test_a_superseded_fact_is_one_that_leaves_the_state_as_it_was(history: History) -> None:
    for order in permutations(history.facts):
        _, events = enroll(*order)
        states = [enroll(*order[:n])[0].state for n in range(len(order) + 1)]
        unchanged = [one == two for one, two in pairwise(states)]
        assert [event.superseded for event in events] == unchanged
        assert not any(event.transitions for event in events if event.superseded)


def test_two_completions_of_one_instant_are_read_by_key_whichever_came_first() -> None:
    """One says passed and the other failed: no order of arrival may decide."""
    both = [completed(day(10), True, "one"), completed(day(10), False, "two")]
    states = {enroll(*order)[0].state for order in permutations(both)}
    assert len(states) == 1
    last = max(both, key=lambda fact: fact.key).said
    assert isinstance(last, Completed)
    assert states.pop().passed is last.passed


def test_a_source_that_is_never_late_has_no_stragglers() -> None:
    history = [completed(day(10)), enrolled(day(10, 1)), progress(day(10, 2), 5.0)]
    assert enroll(*history, timing=AT_ONCE)[0].state.status == "in_progress"
    assert enroll(*history)[0].state.status == "completed"


def test_the_same_id_with_another_story_is_recorded_and_flagged() -> None:
    facts = [enrolled(day(1), id="7"), enrolled(day(2), id="7"), enrolled(day(3), id="8")]
    _, events = enroll(*facts)
    assert [event.conflict for event in events] == [False, True, False]


def test_only_the_first_event_names_whose_enrolment_it_is() -> None:
    _, events = enroll(enrolled(day(1)), progress(day(2), 5.0))
    assert [event.about is not None for event in events] == [True, False]
