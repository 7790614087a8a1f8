"""Facts that come late are read in their place, at the price of the path to them."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.learners import enrollment, fact_tree
from service.learners.aggregate import FactKeys
from service.learners.enrollment import Enrollment
from service.learners.enrollment_state import MODULES_MAX, Entry, State, read
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    EnrollmentFact,
    Fact,
    ModuleCompleted,
    PlacedFact,
    ProgressReported,
    Started,
    Timing,
    Unenrolled,
)
from tests.campaigns import fuzz
from tests.learners.cast import LATENESS, NOW, TIMING, day, enroll, fact
from tests.learners.test_order_freedom import SAID, sorted_entries

MOMENTS = st.builds(day, st.integers(0, 4), st.sampled_from([0, 5, 15, 16, 700]))
FACTS = st.lists(st.builds(fact, MOMENTS, SAID, st.sampled_from("123")), unique_by=lambda f: f.key)
TIMINGS = st.builds(Timing, st.sampled_from([0, LATENESS]), st.sampled_from([None, LATENESS]))
KINDS: list[Callable[[int], EnrollmentFact]] = [
    lambda n: ProgressReported(float(n % 101)),
    lambda n: ModuleCompleted(str(n)),
    lambda n: Completed(True, float(n % 101)),
    lambda n: [Enrolled(), Started(), Completed(), CompletionRevoked(), Unenrolled()][n * 7 % 5],
]
BURST = 2_000


@contextmanager
def narrow() -> Iterator[None]:
    """Let a few facts make a tree that is high."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fact_tree, "WIDTH", 2)
        patch.setattr(enrollment, "KEPT_APART", 1)
        patch.setattr(enrollment, "APART_AT_MOST", 3)
        yield


def added(facts: list[Fact], timing: Timing) -> Iterator[tuple[Enrollment, list[Fact]]]:
    known: list[Fact] = []
    folded = Enrollment.begin(facts[0], "1" * 32) if facts else None
    for item, each in enumerate(facts):
        assert folded is not None
        recorded = folded.record(PlacedFact(each, 1, item), NOW, timing)
        assert recorded is not None
        folded, known = recorded[0], [*known, each]
        yield folded, known


@fuzz(300)
@given(FACTS.flatmap(st.permutations), TIMINGS)
def test_after_each_fact_the_state_is_what_reading_all_of_them_gives(
    facts: list[Fact], timing: Timing
) -> None:
    with narrow():
        for folded, known in added(facts, timing):
            assert folded.state == read(sorted_entries(known), timing)
            assert list(folded.facts) == sorted_entries(known)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("apart", [1_000, LATENESS // 9, 40_000_000])
def test_a_long_history_in_any_order_is_read_as_one_in_order(
    kind: Callable[[int], EnrollmentFact], apart: int
) -> None:
    facts = [fact(day(1, ms=n * apart), kind(n), str(n)) for n in range(400)]
    shuffled = random.Random(1).sample(facts, len(facts))
    ways = [enroll(*order)[0] for order in (facts, facts[::-1], shuffled)]
    assert [way.state for way in ways] == [read(sorted_entries(facts), TIMING)] * 3
    assert ways[0].facts == ways[1].facts == ways[2].facts


def test_an_end_that_comes_late_is_what_later_facts_are_measured_by() -> None:
    facts = [fact(day(1, n), ProgressReported(float(n)), str(n)) for n in range(1, 200)]
    for minutes in range(0, -15, -5):
        for ended in (Unenrolled(), Completed()):
            facts.append(fact(day(1, minutes), ended))
            assert enroll(*facts)[0].state == read(sorted_entries(facts), TIMING)
    backwards = [*facts[:199], *facts[:198:-1]]
    assert enroll(*backwards)[0].state == read(sorted_entries(facts), TIMING)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Count the facts that are walked, and the nodes that are passed."""
    counter = count()
    walk, passed = fact_tree.advance, fact_tree.FactTree.passage

    def advance(state: State, entry: Entry, timing: Timing) -> State:
        next(counter)
        return walk(state, entry, timing)

    def passage(tree: fact_tree.FactTree, state: State, timing: Timing) -> fact_tree.Passage:
        next(counter)
        return passed(tree, state, timing)

    monkeypatch.setattr(fact_tree, "advance", advance)
    monkeypatch.setattr(fact_tree.FactTree, "passage", passage)
    yield lambda: next(counter)


@pytest.mark.parametrize("kind", KINDS)
def test_a_burst_newest_first_costs_a_path_for_each_fact(
    kind: Callable[[int], EnrollmentFact], steps: Callable[[], int]
) -> None:
    facts = [fact(day(1, ms=n), kind(n), str(n)) for n in range(BURST)]
    enroll(*facts[::-1])
    assert steps() < 100 * BURST  # and not the half of its square


def test_ends_that_come_late_before_a_long_activity_cost_a_path_too(
    steps: Callable[[], int],
) -> None:
    """Each moves the end that all the activity is measured by."""
    active = [fact(day(2, ms=n), ProgressReported(1.0), str(n)) for n in range(BURST)]
    for ended in (Completed(), Unenrolled()):
        ends = [fact(day(1, ms=n), ended, f"end{n}") for n in range(BURST // 4)]
        enroll(*active, *ends)
    assert steps() < 100 * 2 * BURST


def test_an_episode_remembers_its_first_modules() -> None:
    said = [ModuleCompleted(str(n)) for n in range(MODULES_MAX + 5)]
    facts = [fact(day(1, ms=n), each, str(n)) for n, each in enumerate(said)]
    for order in (facts, facts[::-1]):
        modules = enroll(*order)[0].state.modules
        assert modules == tuple(str(n) for n in range(MODULES_MAX))


def test_keys_of_a_long_stream_are_all_known() -> None:
    keys = FactKeys()
    for n in range(1_000):
        assert f"{n:032}" not in keys
        assert not keys.conflicts(f"{n:016}" + "0" * 16)
        keys = keys.having(f"{n:016}" + "1" * 16)
    assert all(f"{n:016}" + "1" * 16 in keys for n in range(1_000))
    assert all(keys.conflicts(f"{n:016}" + "0" * 16) for n in range(1_000))
    assert len(keys.settled) < 10
