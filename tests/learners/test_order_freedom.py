"""The same letters in any order give the same enrolments: generated facts and the real intake."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.incoming.letters import Arrival
from service.incoming.sources import adobe_events
from service.learners.enrollment import SHAPES, Enrollment
from service.learners.episode import NOTHING, read
from service.learners.events import EventMapper
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    EnrollmentSaid,
    Fact,
    ModuleCompleted,
    ProgressReported,
    Started,
    Unenrolled,
)
from tests.installation import DONE, Installation, about, body, event
from tests.learners.cast import (
    DAY,
    LATENESS,
    LOGIC,
    NOW,
    SESSION,
    completed,
    day,
    enroll,
    enrolled,
    fact,
    progress,
    revoked,
)
from tests.learners.histories import HISTORIES
from tests.learners.oracle import standing

LEARNERS_EACH = 64
MAPPER = EventMapper([SHAPES])
PERCENTS = st.sampled_from([None, 0.0, 30.0, 100.0])
SAID = st.one_of(
    st.builds(Enrolled, st.sampled_from([None, "SELF_ENROLL", "ADMIN_ENROLL"])),
    st.just(Started()),
    st.builds(ProgressReported, PERCENTS),
    st.builds(ModuleCompleted, st.sampled_from("ab"), PERCENTS),
    st.builds(Completed, st.sampled_from([None, True, False])),
    st.just(CompletionRevoked()),
    st.just(Unenrolled()),
)
MOMENTS = st.sampled_from([day(n, m) for n in range(4) for m in (0, 5, 15, 16)])
FACTS = st.lists(
    st.builds(fact, MOMENTS, SAID, st.sampled_from("123")), max_size=12, unique_by=lambda f: f.key
)


def sorted_entries(facts: list[Fact]) -> list[tuple[int, int, str, EnrollmentSaid]]:
    return sorted((f.occurred_at, f.said.RANK, f.key, f.said) for f in facts)  # type: ignore[misc]


@settings(max_examples=400, deadline=None)
@given(FACTS.flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_any_order_is_the_sorted_order(orders: tuple[list[Fact], list[Fact]]) -> None:
    facts, shuffled = orders
    state = read(sorted_entries(facts), LATENESS)
    assert enroll(*shuffled)[0].state == enroll(*facts, *shuffled)[0].state == state


@settings(max_examples=600, deadline=None)
@given(FACTS)
def test_the_reading_agrees_with_the_text_told_once_more(facts: list[Fact]) -> None:
    state = read(sorted_entries(facts), LATENESS)
    told = standing(sorted_entries(facts), LATENESS)
    assert {name: getattr(state, name) for name in told} == told


@settings(max_examples=200, deadline=None)
@given(FACTS)
def test_what_is_stored_loads_as_it_was_recorded(facts: list[Fact]) -> None:
    folded, events = enroll(*facts)
    stored = [MAPPER.encode(event) for event in events]
    bodies = [MAPPER.decode(topic, state) for topic, state in stored]
    assert [MAPPER.encode(each) for each in bodies] == stored
    if bodies:
        assert Enrollment.load(folded.id, bodies, LATENESS) == folded


@settings(max_examples=200, deadline=None)
@given(FACTS, FACTS)
def test_going_on_after_a_restart_is_going_on(before: list[Fact], after: list[Fact]) -> None:
    through, events = enroll(*before, *after)
    first, stored = enroll(*before)
    folded = Enrollment.load(first.id, stored, LATENESS) if stored else first
    resumed = list(stored)
    for item, each in enumerate([*before, *after]):
        recorded = folded.record(each, letter=1, item=item, now=NOW, lateness=LATENESS)
        if recorded is not None:
            folded, told = recorded
            resumed.append(told)
    assert (folded, resumed) == (through, events)


@settings(max_examples=300, deadline=None)
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


def told_by_adobe(fact: Fact, learner: int, random: Random) -> dict[str, Any]:
    """The fact as Adobe would say it, with an event id that orders ties at random."""
    said, data = fact.said, about(learner, LOGIC, SESSION)
    if isinstance(said, Completed) and said.passed is not None:
        data["hasPassed"] = said.passed
    if isinstance(said, ProgressReported | ModuleCompleted) and said.percent is not None:
        data["progressPercent"] = said.percent
    if isinstance(said, ModuleCompleted):
        data["enrollmentSource"] = said.module
    if isinstance(said, Enrolled | Completed) and said.enrollment_source:
        data["enrollmentSource"] = said.enrollment_source
    return event(fact.name, fact.occurred_at, f"{random.random()}", **data)


def shuffled(random: Random) -> list[dict[str, Any]]:
    """Every learner's events, each learner in an order of their own, some of them twice."""
    events = []
    for learner in range(LEARNERS_EACH * len(HISTORIES)):
        history = HISTORIES[learner % len(HISTORIES)]
        told = [told_by_adobe(fact, learner, random) for fact in history.facts]
        events += told + random.sample(told, random.randint(0, 1))
    random.shuffle(events)
    return events


def deliver(room: Installation, events: list[dict[str, Any]], random: Random) -> None:
    """In letters of 1 to 12 events, taken in rounds of 1 to 200 letters; restarts in between."""
    letters = []
    while events:
        size = random.randint(1, 12)
        letters.append(Arrival("adobe", NOW, {}, body(*events[:size])))
        events = events[size:]
    while letters:
        size = random.choice([1, 2, 3, 50, 200])
        room.app.letters.keep(letters[:size])
        letters = letters[size:]
        room.app.take(NOW)
        if random.random() < 0.1:
            room.app.writer.forget()


@pytest.mark.parametrize("seed", [1])
def test_2000_orders_and_splits_through_the_real_intake_end_as_written(
    seed: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each learner lives one history in an order and a split of their own."""
    means = dict(adobe_events.MEANS)
    monkeypatch.setitem(adobe_events.MEANS, "TEST_STARTED", lambda _: Started())  # type: ignore[arg-type]
    monkeypatch.setitem(
        adobe_events.MEANS,  # type: ignore[arg-type]
        "TEST_MODULE",
        lambda d: ModuleCompleted(d.enrollmentSource, means["LEARNER_PROGRESS"](d).percent),
    )
    random = Random(seed)
    with Installation(tmp_path, DONE) as room:
        deliver(room, shuffled(random), random)
        assert room.app.letters.counts()["set_aside"] == 0
        wrong = differences(room)
        room.reopen(NOW + DAY)
        assert wrong == differences(room) == []


def differences(room: Installation) -> list[tuple[str, object]]:
    """The learners whose enrolment or view row is not as written by hand."""
    room.app.views.catch_up()
    rows = {row["person"]: row for row in room.app.views.reader()["enrollments"].rows}
    keys = [("adobe", "1234", str(n)) for n in range(LEARNERS_EACH * len(HISTORIES))]
    persons = room.app.people.known(keys)
    streams = {key: Enrollment.stream(persons[key], LOGIC, SESSION) for key in keys}
    found = {e.id: e for e in room.app.writer.enrollments(list(streams.values()))}
    assert len(found) == len(rows) == len(keys) >= 2000
    wrong: list[tuple[str, object]] = []
    for n, key in enumerate(keys):
        history, folded, row = HISTORIES[n % len(HISTORIES)], found[streams[key]], rows[persons[key]]
        if (folded.state.snapshot(), folded.state.modules) != (history.end, history.modules):
            wrong.append((history.name, folded))
        if (row["status"], row["progress"]) != (history.end.status, history.end.progress):
            wrong.append((history.name, row))
        if row["silent_since"] != history.end.silent_since:
            wrong.append((history.name, row))
    return wrong
