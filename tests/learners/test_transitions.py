"""Transitions: the table of design §4 row by row, and only of the fact's own kind."""

from itertools import permutations

import pytest
from hypothesis import given
from msgspec.structs import replace

from service.learners.enrollment import SHAPES, Enrollment
from service.learners.facts import (
    AT_ONCE,
    Completed,
    CompletionRevoked,
    Enrolled,
    Fact,
    ModuleCompleted,
    PlacedFact,
    ProgressReported,
    Started,
    Unenrolled,
)
from service.ledger.events import EventMapper
from tests.campaigns import fuzz
from tests.learners.cast import (
    NOW,
    TIMING,
    completed,
    day,
    enroll,
    enrolled,
    graded,
    module,
    progress,
    revoked,
    started,
    unenrolled,
)
from tests.learners.histories import HISTORIES
from tests.learners.test_order_freedom import FACTS

ROW = {
    Enrolled: {"enrolled"},
    Started: {"started"},
    ProgressReported: {"started", "progressed"},
    ModuleCompleted: {"started", "progressed", "module_completed"},
    Completed: {"completed", "result_changed"},
    CompletionRevoked: {"completion_revoked"},
    Unenrolled: {"unenrolled"},
}
LEFT_TWICE_AND_BACK = [
    enrolled(day(1)), unenrolled(day(10)), unenrolled(day(20)), enrolled(day(40)),
    progress(day(41), 20.0),
]  # fmt: skip


def caused(before: list[Fact], last: Fact) -> str:
    """The transitions of the last fact, told after the others, without their prefix."""
    _, events = enroll(*before, last)
    return " ".join(name.removeprefix("enrollment.") for name in events[-1].transitions)


TABLE = {
    "first enrolment": ([], enrolled(day(1)), "enrolled"),
    "enrolled after leaving": (
        [enrolled(day(1)), unenrolled(day(2))], enrolled(day(3)), "enrolled",
    ),
    "enrolled anew after completion": (
        [enrolled(day(1)), completed(day(2))], enrolled(day(40)), "enrolled",
    ),
    "enrolled twice": ([enrolled(day(1))], enrolled(day(2)), ""),
    "enrolled while under way": ([progress(day(1), 5.0)], enrolled(day(2)), ""),
    "enrolled behind a completion": ([completed(day(2))], enrolled(day(2, 5)), ""),
    "an old enrolment of who has left": ([unenrolled(day(9))], enrolled(day(1)), ""),
    "an old enrolment before a lone revocation": ([revoked(day(9))], enrolled(day(1)), "enrolled"),
    "started": ([enrolled(day(1))], started(day(2)), "started"),
    "started twice": ([enrolled(day(1)), started(day(2))], started(day(3)), ""),
    "started without enrolment": ([], started(day(2)), "started"),
    "an earlier start": ([enrolled(day(1)), started(day(3))], started(day(2)), ""),
    "started on a completed course": ([completed(day(1))], started(day(9)), ""),
    "first progress": ([enrolled(day(1))], progress(day(2), 5.0), "started progressed"),
    "first progress of nothing": ([enrolled(day(1))], progress(day(2), 0.0), "started"),
    "first progress without percent": ([enrolled(day(1))], progress(day(2), None), "started"),
    "more progress": (
        [enrolled(day(1)), progress(day(2), 5.0)], progress(day(3), 6.0), "progressed",
    ),
    "the same percent": ([enrolled(day(1)), progress(day(2), 5.0)], progress(day(3), 5.0), ""),
    "a lower percent": ([enrolled(day(1)), progress(day(2), 5.0)], progress(day(3), 4.0), ""),
    "an older percent": ([enrolled(day(1)), progress(day(3), 5.0)], progress(day(2), 9.0), ""),
    "an older percent when the newer fact has none": (
        [enrolled(day(1)), progress(day(3), None)], progress(day(2), 9.0), "progressed",
    ),
    "progress behind the completion": ([completed(day(2))], progress(day(2, 5), 9.0), ""),
    "progress after leaving, within L": (
        [enrolled(day(1)), unenrolled(day(2))], progress(day(2, 15), 9.0), "",
    ),
    "progress after leaving, beyond L": (
        [enrolled(day(1)), progress(day(2), 9.0), unenrolled(day(3))], progress(day(4), 9.0),
        "started progressed",
    ),
    "progress after a revocation starts from unknown": (
        [progress(day(1), 90.0), completed(day(2)), revoked(day(3))], progress(day(4), 9.0),
        "progressed",
    ),
    "first progress in the new episode": (
        [progress(day(1), 90.0), completed(day(2)), enrolled(day(40))], progress(day(41), 9.0),
        "started progressed",
    ),
    "first module": (
        [enrolled(day(1))], module(day(2), "a"), "started progressed module_completed",
    ),
    "second module": (
        [enrolled(day(1)), module(day(2), "a")], module(day(3), "b"),
        "progressed module_completed",
    ),
    "the module again": ([enrolled(day(1)), module(day(2), "a")], module(day(3), "a"), ""),
    "the module again with more percent": (
        [enrolled(day(1)), module(day(2), "a", 5.0)], module(day(3), "a", 6.0), "progressed",
    ),
    "a score alone": (
        [enrolled(day(1)), module(day(2), "a", 5.0)], module(day(3), "a", 5.0, 90.0), "",
    ),
    "a score behind the completion": (
        [completed(day(2))], module(day(2, 5), "a", score=90.0), "",
    ),
    "the module of the last episode": (
        [module(day(1), "a"), completed(day(2)), enrolled(day(40))], module(day(41), "a"),
        "started progressed module_completed",
    ),
    "completed": ([enrolled(day(1))], completed(day(2)), "completed"),
    "completed without enrolment": ([], completed(day(2)), "completed"),
    "completed twice": ([completed(day(2))], completed(day(2, 60)), ""),
    "completed again after exactly a day": ([completed(day(2))], completed(day(3)), ""),
    "completed again after more than a day": (
        [completed(day(2))], completed(day(3, ms=1)), "completed",
    ),
    "completed a year later, with the same result": (
        [graded(day(2), 80.0, True)], graded(day(367), 80.0, True), "completed",
    ),
    "failed, then passed": (
        [completed(day(2), False)], completed(day(2, 60), True), "completed",
    ),
    "failed with few points, then passed with many": (
        [graded(day(2), 40.0, False)], graded(day(2, 60), 80.0, True), "completed",
    ),
    "passed, then failed": (
        [completed(day(2), True)], completed(day(2, 60), False), "result_changed",
    ),
    "another score": ([graded(day(2), 40.0)], graded(day(2, 60), 80.0), "result_changed"),
    "the same score": ([graded(day(2), 40.0)], graded(day(2, 60), 40.0), ""),
    "an older score": ([graded(day(2, 60), 40.0)], graded(day(2), 80.0), ""),
    "a result of which nothing was known": (
        [completed(day(2))], completed(day(2), True, "two"), "completed",
    ),
    "a result that was known and is said no more": (
        [completed(day(2), True)], completed(day(2, 60)), "",
    ),
    "a result of which nothing was known, and another score": (
        [graded(day(2), 40.0)], graded(day(2, 60), 80.0, True), "completed result_changed",
    ),
    "completed before leaving, and told after it": (
        [enrolled(day(1)), unenrolled(day(3))], completed(day(2)), "completed",
    ),
    "completed after leaving": ([unenrolled(day(1))], completed(day(2)), "completed"),
    "completed anew": (
        [completed(day(2)), enrolled(day(40))], completed(day(50)), "completed",
    ),
    "an old completion after the new enrolment": (
        [enrolled(day(1)), unenrolled(day(30)), enrolled(day(40))], completed(day(2)), "",
    ),
    "an old completion that was revoked since": (
        [enrolled(day(1)), revoked(day(9))], completed(day(2)), "",
    ),
    "a completion that makes later progress void": (
        [enrolled(day(1)), progress(day(3), 9.0)], completed(day(2)), "completed",
    ),
    "revoked": ([completed(day(2))], revoked(day(3)), "completion_revoked"),
    "revoked after leaving": (
        [completed(day(2)), unenrolled(day(3))], revoked(day(4)), "completion_revoked",
    ),
    "revoked before leaving, and told after it": (
        [completed(day(2)), unenrolled(day(4))], revoked(day(3)), "completion_revoked",
    ),
    "revoked first": ([], revoked(day(3)), ""),
    "revoked while open": ([enrolled(day(1))], revoked(day(3)), ""),
    "revoked, but completed again since": (
        [completed(day(2)), completed(day(9))], revoked(day(3)), "",
    ),
    "a late revocation lets later progress count": (
        [completed(day(2)), progress(day(9), 5.0)], revoked(day(3)), "completion_revoked",
    ),
    "left": ([enrolled(day(1))], unenrolled(day(2)), "unenrolled"),
    "left first": ([], unenrolled(day(2)), "unenrolled"),
    "left twice": ([unenrolled(day(2))], unenrolled(day(3)), ""),
    "left before the enrolment of today": ([enrolled(day(9))], unenrolled(day(2)), ""),
    "left and gone on": ([enrolled(day(1)), progress(day(9), 5.0)], unenrolled(day(2)), ""),
    "a late episode between two departures is not today's": (
        LEFT_TWICE_AND_BACK, progress(day(12), 90.0), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE)
def test_a_fact_causes_what_the_table_says(row: str) -> None:
    before, last, expected = TABLE[row]
    assert caused(before, last) == expected


def test_every_row_of_the_table_is_met() -> None:
    met = {name for _, last, names in TABLE.values() for name in names.split()}
    assert met == set().union(*ROW.values())


@fuzz(400)
@given(FACTS)
def test_a_transition_is_of_the_facts_own_kind(facts: list[Fact]) -> None:
    for event in enroll(*facts)[1]:
        names = {name.removeprefix("enrollment.") for name in event.transitions}
        assert names <= ROW[type(event.said)]


@fuzz(400)
@given(FACTS)
def test_a_status_that_did_not_change_is_no_transition(facts: list[Fact]) -> None:
    for n in range(len(facts)):
        before, (after, events) = enroll(*facts[:n])[0], enroll(*facts[: n + 1])
        if len(events) > before.version and before.state.status == after.state.status:
            assert set(events[-1].transitions) <= {
                "enrollment.started", "enrollment.progressed", "enrollment.module_completed",
                "enrollment.completed", "enrollment.result_changed",
                "enrollment.completion_revoked",
            }  # fmt: skip


def test_an_episode_that_is_not_todays_is_superseded_and_leaves_the_state() -> None:
    folded, events = enroll(*LEFT_TWICE_AND_BACK, progress(day(12), 90.0))
    assert events[-1].superseded
    assert folded.state == enroll(*LEFT_TWICE_AND_BACK)[0].state


def test_transitions_are_stored_and_a_replay_reads_them_without_deciding_again() -> None:
    """What an event triggered stays, also when the lateness allowance is another today."""
    mapper = EventMapper([SHAPES])
    for history in HISTORIES:
        for order in list(permutations(history.facts))[:24]:
            folded, events = enroll(*order)
            bodies = [mapper.decode(*mapper.encode(event)) for event in events]
            assert [b.transitions for b in bodies] == [e.transitions for e in events]
            for timing in (AT_ONCE, TIMING):
                loaded = Enrollment.load(folded.id, bodies, timing)
                assert loaded.version == folded.version
            assert loaded == folded


def test_a_message_depends_on_the_order_and_the_state_does_not() -> None:
    """Two completions are told if the enrolment between came in time, one if it came last."""
    told = [completed(day(2)), enrolled(day(2, 20)), completed(day(2, 40))]
    in_time, late = enroll(*told), enroll(told[0], told[2], told[1])
    assert [len(e.transitions) for e in in_time[1]] == [1, 1, 1]
    assert [len(e.transitions) for e in late[1]] == [1, 0, 0]
    assert in_time[0].state == late[0].state


def test_more_of_a_completion_that_an_older_version_told_nobody_of_is_told_first() -> None:
    """Before decision 22 a completion that came after the news of leaving led to nothing."""
    facts = [enrolled(day(1)), unenrolled(day(3)), completed(day(2))]
    folded, events = enroll(*facts)
    silent = [replace(event, transitions=()) for event in events]
    old = Enrollment.load(folded.id, silent, TIMING)
    recorded = old.record(PlacedFact(completed(day(2), True, "two"), 2, 0), NOW, TIMING)
    assert recorded is not None
    assert (recorded[1].transitions, recorded[1].restates) == (("enrollment.completed",), None)
