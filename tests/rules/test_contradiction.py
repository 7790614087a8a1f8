"""A rule that `check` says can never fire does not fire: in no history that anyone tells."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from service.learners.aggregate import Aggregate
from service.learners.directory.people import Person
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    Fact,
    ModuleCompleted,
    ProgressReported,
    SeatsReported,
    Started,
    Unenrolled,
)
from service.rules.contradiction import CONDITIONS_MAX, possible
from service.rules.decider import Decider
from service.rules.language.reader import read_rules
from service.rules.triggers.stalled import SilenceOccurrence, stalled_rules
from tests.campaigns import fuzz
from tests.rules.world import ADA, DAY, NOW, World, enrolled, fact, session, told

HEAD = "version: 1\nchannels: {email: 'drawer://', room: 'drawer://'}\nrules:\n"
NEVER = "this rule can never fire: "


def read(trigger: Any, conditions: list[Any], to: str = "learner") -> tuple[Decider, list[str]]:
    """The rules of one rule, and what is warned of."""
    notify = {"to": "learner", "via": "email"} if to == "learner" else {"post": "room"}
    rule = {"id": "one", "trigger": trigger, "conditions": conditions}
    rule["notify"] = [notify | {"template": "x"}]
    found, problems = read_rules(
        HEAD + f"  - {yaml.safe_dump(rule, default_flow_style=True)}", environ={}
    )
    assert found is not None, problems
    return Decider(found), [problem.message for problem in problems]


def event(name: str) -> dict[str, str]:
    return {"event": f"enrollment.{name}"}


def free(**ranges: Any) -> dict[str, Any]:
    return {"change": "instance.seats_available", **ranges}


STALLED: dict[str, Any] = {"stalled_for": "7d"}
IN_VAIN = [
    (STALLED, [{"enrollment.status": "completed"}]),
    (STALLED | {"count_from": "started"}, [{"enrollment.status": "enrolled"}]),
    (STALLED, [{"enrollment.days_silent": {"lt": "7d"}}]),
    (STALLED, [{"enrollment.passed": True}]),
    (STALLED, [{"none": [{"enrollment.status": {"in": ["enrolled", "in_progress"]}}]}]),
    (event("enrolled"), [{"enrollment.passed": True}]),
    (event("enrolled"), [{"enrollment.started_at": {"empty": False}}]),
    (event("completed"), [{"enrollment.progress": {"lt": 100}}]),
    (event("completed"), [{"enrollment.days_silent": {"gte": 7}}]),
    (event("completed"), [{"enrollment.passed": True}, {"enrollment.passed": False}]),
    (event("completed"), [{"enrollment.score": {"gt": 50, "lt": 30}}]),
    (event("completed"), [{"enrollment.score": {"gte": 800}}]),
    (event("completed"), [{"course.id": "a"}, {"course.id": {"in": ["b", "c"]}}]),
    (event("completed"), [{"course.id": "a"}, {"course.id": {"matches": "b*"}}]),
    (
        event("completed"),
        [{"learner.groups": {"contains": "a"}}, {"none": [{"learner.groups": {"contains": "a"}}]}],
    ),
    (
        event("completed"),
        [
            {"any": [{"enrollment.status": "enrolled"}, {"enrollment.passed": False}]},
            {"enrollment.passed": {"ne": False}},
        ],
    ),
    (free(to={"gte": 0}), []),
    (free(**{"from": 5, "to": 5}), []),
    (free(to={"gt": 2, "lt": 3}), []),
    (free(to={"gt": 0}), [{"instance.seats_available": 0}]),
]
NOT_IN_VAIN = [
    (STALLED, [{"enrollment.status": "enrolled"}]),
    (STALLED, [{"enrollment.passed": {"ne": True}}]),
    (STALLED | {"count_from": "started"}, [{"enrollment.days_silent": {"lt": "7d"}}]),
    (event("completed"), [{"enrollment.passed": {"ne": False}}]),
    (
        event("completed"),
        [{"course.title": {"contains": "a"}}, {"course.title": {"matches": "b*"}}],
    ),
    (event("completed"), [{"course.id": {"in": ["a", "b"]}}, {"course.id": {"ne": "a"}}]),
    (event("unenrolled"), [{"enrollment.passed": True}]),
    (event("completion_revoked"), [{"enrollment.status": "in_progress"}]),
    (free(**{"from": {"lte": 0}, "to": {"gt": 0}}), [{"instance.waitlist_count": 0}]),
    (free(to={"lte": 2}, rearm={"gte": 5}), []),
    (free(), []),
    (free(to={"gt": 1000000}), []),
]


@pytest.mark.parametrize(("trigger", "conditions"), IN_VAIN)
def test_what_can_never_fire_is_said(trigger: Any, conditions: list[Any]) -> None:
    (message,) = read(trigger, conditions, to="room")[1]
    assert message.startswith(NEVER)


@pytest.mark.parametrize(("trigger", "conditions"), NOT_IN_VAIN)
def test_what_can_fire_is_let_be(trigger: Any, conditions: list[Any]) -> None:
    assert read(trigger, conditions, to="room")[1] == []


def test_the_message_says_what_is_so_instead_and_where_the_other_condition_stands() -> None:
    assert read(STALLED, [{"enrollment.status": "completed"}])[1] == [
        f"{NEVER}this is never so when stalled_for 7d, count_from enrolled sets it off; "
        "enrollment.status is enrolled or in_progress then"
    ]
    text = HEAD + (
        "  - id: one\n    trigger: {event: enrollment.completed}\n    conditions:\n"
        "      - enrollment.passed: true\n      - course.id: a\n      - enrollment.passed: false\n"
        "    notify: [{to: learner, via: email, template: x}]\n"
    )
    assert [str(problem) for problem in read_rules(text, environ={})[1]] == [
        f"rules.yaml:9:9: {NEVER}this and the condition in line 7 are never true together"
    ]


def test_whoever_writes_very_much_is_taken_at_their_word() -> None:
    many = [{"course.id": f"c{number}"} for number in range(CONDITIONS_MAX)]
    assert read(event("completed"), many)[1] == []
    wide = [{"any": [{"course.id": f"c{n}"}, {"course.id": f"d{n}"}]} for n in range(12)]
    assert read(event("completed"), wide)[1] == []
    assert possible(())


PERCENTS = st.sampled_from([None, 0.0, 30.0, 100.0])
SAID = st.one_of(
    st.builds(Enrolled, st.sampled_from([None, "SELF_ENROLL"])),
    st.just(Started()),
    st.builds(ProgressReported, PERCENTS),
    st.builds(ModuleCompleted, st.sampled_from("ab"), PERCENTS, PERCENTS),
    st.builds(Completed, st.sampled_from([None, True, False]), PERCENTS),
    st.just(CompletionRevoked()),
    st.just(Unenrolled()),
)
SEATS = st.builds(
    SeatsReported, st.integers(0, 4), st.integers(0, 2), st.sampled_from([None, 2, 4])
)
AT = st.sampled_from(
    [NOW - days * DAY + minutes * 60_000 for days in range(9) for minutes in (0, 5, 20)]
)
NUMBERS = st.sampled_from([0, 1, 2, 3, 30, 50, 100])
COMPARISONS = st.dictionaries(
    st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]), NUMBERS, min_size=1, max_size=2
)
CHOSEN = st.sampled_from(["enrolled", "in_progress", "completed", "unenrolled"])
SAME = st.sampled_from(["eq", "ne"])
KNOWN = ("passed", "score", "progress", "started_at", "completed_at", "days_silent")
TESTS = st.one_of(
    st.builds(lambda op, value: {"enrollment.status": {op: value}}, SAME, CHOSEN),
    st.builds(lambda v: {"enrollment.status": {"in": v}}, st.lists(CHOSEN, min_size=1, max_size=2)),
    st.builds(lambda op, value: {"enrollment.passed": {op: value}}, SAME, st.booleans()),
    st.builds(
        lambda name, empty: {f"enrollment.{name}": {"empty": empty}},
        st.sampled_from(KNOWN),
        st.booleans(),
    ),
    st.builds(
        lambda name, tests: {f"enrollment.{name}": tests},
        st.sampled_from(["progress", "score", "days_silent"]),
        COMPARISONS,
    ),
    st.builds(
        lambda op, v: {"learner.groups": {op: v}},
        st.sampled_from(["contains_any", "contains_all"]),
        st.lists(st.sampled_from("abc"), min_size=1, max_size=2),
    ),
    st.builds(lambda op, v: {"learner.locale": {op: v}}, st.sampled_from(["eq", "ne", "matches"]),
              st.sampled_from(["de", "en", "d*"])),
)  # fmt: skip
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.builds(
        lambda group, members: {group: members},
        st.sampled_from(["all", "any", "none"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
OF_ENROLLMENTS = st.one_of(
    st.sampled_from(["enrolled", "started", "progressed", "module_completed", "completed",
                     "completion_revoked", "unenrolled"]).map(event),
    st.builds(lambda days, since: {"stalled_for": f"{days}d", "count_from": since},
              st.sampled_from([1, 2, 7]), st.sampled_from(["enrolled", "started"])),
)  # fmt: skip
RANGES = st.dictionaries(st.sampled_from(["from", "to"]), COMPARISONS, max_size=2)
PEOPLE = st.builds(
    lambda groups, locale: Person(ADA, "adobe", "1", "77", groups=tuple(groups), locale=locale),
    st.sets(st.sampled_from("abc")),
    st.sampled_from([None, "de", "en"]),
)


def world_of(person: Person) -> World:
    world = World()
    world.people[ADA] = person
    return world


def fired(rules: Decider, aggregate: Aggregate[Any], facts: list[Fact], world: World) -> bool:
    """Whether the one rule owes something, with each fact or on the day of a silence."""
    owed = False
    for each in facts:
        aggregate, appended = told(aggregate, each)
        if appended.event is None:
            continue
        owed = owed or rules(appended, world, NOW) is not None
        for rule, _ in stalled_rules(rules.active):
            asked = SilenceOccurrence.of(aggregate, NOW, 0)  # type: ignore[arg-type]
            owed = owed or rules.decide([rule], asked, world) is not None
    return owed


@fuzz(2_000)
@given(
    OF_ENROLLMENTS,
    st.lists(CONDITIONS, min_size=1, max_size=3),
    st.lists(st.tuples(SAID, AT), max_size=8),
    PEOPLE,
)
def test_no_history_of_an_enrolment_sets_it_off(
    trigger: Any, conditions: list[Any], said: list[Any], person: Person
) -> None:
    rules, warnings = read(trigger, conditions)
    facts = [fact(body, at, key=f"{n:032x}") for n, (body, at) in enumerate(said)]
    if warnings:
        assert not fired(rules, enrolled(), facts, world_of(person))


@fuzz(1_000)
@given(RANGES, st.lists(st.tuples(SEATS, AT), max_size=8), COMPARISONS)
def test_no_history_of_seats_sets_it_off(
    ranges: dict[str, Any], said: list[Any], seats: dict[str, Any]
) -> None:
    rules, warnings = read(free(**ranges), [{"instance.seats_available": seats}], to="room")
    facts = [fact(body, at, key=f"{n:032x}", person="") for n, (body, at) in enumerate(said)]
    if warnings:
        assert not fired(rules, session(), facts, World())
