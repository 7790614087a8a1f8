"""The same facts in any order give the same enrolment: generated sets of facts."""

from hypothesis import given
from hypothesis import strategies as st

from service.learners.enrollment import SHAPES, Enrollment
from service.learners.enrollment_state import NOTHING, read
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
    fact,
    progress,
    revoked,
)
from tests.learners.oracle import standing

MAPPER = EventMapper([SHAPES])
PERCENTS = st.sampled_from([None, 0.0, 30.0, 100.0])
SAID = st.one_of(
    st.builds(Enrolled, st.sampled_from([None, "SELF_ENROLL", "ADMIN_ENROLL"])),
    st.just(Started()),
    st.builds(ProgressReported, PERCENTS),
    st.builds(ModuleCompleted, st.sampled_from("ab"), PERCENTS, PERCENTS),
    st.builds(Completed, st.sampled_from([None, True, False]), PERCENTS),
    st.just(CompletionRevoked()),
    st.just(Unenrolled()),
)
MOMENTS = st.sampled_from([day(n, m) for n in range(4) for m in (0, 5, 15, 16)])
FACTS = st.lists(
    st.builds(fact, MOMENTS, SAID, st.sampled_from("123")), max_size=12, unique_by=lambda f: f.key
)


def sorted_entries(facts: list[Fact]) -> list[tuple[int, int, str, EnrollmentFact]]:
    return sorted((f.occurred_at, f.said.RANK, f.key, f.said) for f in facts)  # type: ignore[misc]


@fuzz(400)
@given(FACTS.flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_any_order_is_the_sorted_order(orders: tuple[list[Fact], list[Fact]]) -> None:
    facts, shuffled = orders
    state = read(sorted_entries(facts), TIMING)
    assert enroll(*shuffled)[0].state == enroll(*facts, *shuffled)[0].state == state


@fuzz(600)
@given(FACTS)
def test_the_reading_agrees_with_the_text_told_once_more(facts: list[Fact]) -> None:
    state = read(sorted_entries(facts), TIMING)
    told = standing(sorted_entries(facts), TIMING.lateness)
    assert {name: getattr(state, name) for name in told} == told


@fuzz(200)
@given(FACTS)
def test_what_is_stored_loads_as_it_was_recorded(facts: list[Fact]) -> None:
    folded, events = enroll(*facts)
    stored = [MAPPER.encode(event) for event in events]
    bodies = [MAPPER.decode(topic, state) for topic, state in stored]
    assert [MAPPER.encode(each) for each in bodies] == stored
    if bodies:
        assert Enrollment.load(folded.id, bodies, TIMING) == folded


@fuzz(200)
@given(FACTS, FACTS)
def test_going_on_after_a_restart_is_going_on(before: list[Fact], after: list[Fact]) -> None:
    through, events = enroll(*before, *after)
    first, stored = enroll(*before)
    folded = Enrollment.load(first.id, stored, TIMING) if stored else first
    resumed = list(stored)
    for item, each in enumerate([*before, *after]):
        recorded = folded.record(PlacedFact(each, 1, item), NOW, TIMING)
        if recorded is not None:
            folded, told = recorded
            resumed.append(told)
    assert (folded, resumed) == (through, events)


@fuzz(300)
@given(FACTS)
def test_silence_begins_only_while_the_enrolment_is_open(facts: list[Fact]) -> None:
    state = enroll(*facts)[0].state
    is_open = state.status in ("enrolled", "in_progress")
    assert (state.silence("enrolled") is not None) == is_open
    if is_open:
        moments = {f.occurred_at for f in facts}
        assert state.silence("enrolled")[0] in moments  # type: ignore[index]


def test_a_silence_keeps_its_name_when_the_same_moment_is_told_again() -> None:
    """Its name is in the ids of reminders: another would remind a second time."""
    for one, two in [
        (enrolled(day(1), id="a"), enrolled(day(1), id="b")),
        (enrolled(day(1)), progress(day(1), 0.0)),
        (progress(day(2), 5.0), progress(day(2), 6.0)),
    ]:
        names = [enroll(*order)[0].state.silence("enrolled") for order in ([one], [one, two])]
        assert names[0] == names[1]
        assert enroll(two, one)[0].state.silence("enrolled") == names[0]


def test_silences_of_one_enrolment_have_names_of_their_own() -> None:
    facts = [enrolled(day(1)), progress(day(2), 5.0), completed(day(10)), revoked(day(20))]
    silences = [enroll(*facts[:n])[0].state.silence("enrolled") for n in (1, 2, 3, 4)]
    assert [silence and silence[0] for silence in silences] == [day(1), day(2), None, day(20)]
    assert len({silence and silence[1] for silence in silences}) == 4
    assert NOTHING.silence("enrolled") is None
