"""What is odd about whole letters of Community Training: types, bodies in bodies, keys."""

import json
from typing import Any

import pytest

from service.incoming.sources.community_training import CommunityTraining
from service.incoming.sources.source import SetAside
from service.learners.facts import AT_ONCE, Fact
from tests.incoming.sources.community_training_payloads import (
    ADA,
    BODIES,
    NOON,
    event,
    fact,
    letter,
    read,
    reason,
)


@pytest.mark.parametrize(
    "spelled", ["COURSE_COMPLETION", " course_completion\n", "Course Completion"]
)
def test_a_type_is_known_in_capitals_small_letters_and_with_blanks(spelled: str) -> None:
    assert fact({**event(), "EventType": spelled}) == fact(event())


def test_an_unknown_type_is_set_aside_with_the_nearest_one() -> None:
    assert reason({**event(), "EventType": "COURSE_COMPLETED"}) == (
        "EventType: expected an event type we know, got another; did you mean COURSE_COMPLETION?"
    )
    (odd,) = read({**event(), "EventType": "QUIZ\x00" * 100})
    assert isinstance(odd, SetAside)
    assert odd.name == "QUIZ?" * 12
    assert odd.reason.endswith("update Coursebell, or turn it off in Settings > Global Settings")


def test_a_body_may_come_as_json_in_a_text() -> None:
    told = event("MODULE_COMPLETION")
    assert fact({**told, "MessageBody": json.dumps(told["MessageBody"])}) == fact(told)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (..., "MessageBody: expected an object, got nothing"),
        (None, "MessageBody: expected an object, got nothing"),
        (5, "MessageBody: expected str | object | null, got int"),
        ("", "MessageBody: not JSON: line 1, column 1: input data was truncated or half of a "
         "surrogate pair"),
        ("{'UserId': 1}", "MessageBody: not JSON: line 1, column 2: object keys must be strings"),
        ("null", "MessageBody: text: expected object, got null"),
        ('{"UserId": [1], "CompletionDate": "2026-03-02T11:00:00", "CourseId": 1}',
         "MessageBody.UserId: expected text or a number, got an array"),
        ('{"CompletionDate": {}}',
         "MessageBody.CompletionDate: expected text or a number, got an object"),
        ("[" * 5000, "MessageBody: text: expected object, got array"),
        ({}, "MessageBody.CompletionDate: expected a date and time, got nothing"),
    ],
)  # fmt: skip
def test_a_body_that_is_none_sets_its_event_aside(body: object, expected: str) -> None:
    told = {"EventType": "COURSE_COMPLETION", "MessageBody": body}
    assert reason({key: value for key, value in told.items() if value is not ...}) == expected


@pytest.mark.parametrize(
    ("type", "field"),
    [("LOGIN", "UserId"), ("COURSE_START", "UserId"), ("COURSE_START", "CourseId"),
     ("MODULE_COMPLETION", "CourseItemId"), ("COURSE_COMPLETION", "CourseId")],
)  # fmt: skip
def test_an_event_without_what_it_is_about_is_set_aside(type: str, field: str) -> None:
    place = f"MessageBody.{field}"
    assert reason(event(type, **{field: ...})) == f"{place}: expected an id, got nothing"
    assert reason(event(type, **{field: " "})) == f"{place}: expected an id, got blank text"
    assert "expected at most 255 characters" in reason(event(type, **{field: "x" * 256}))


@pytest.mark.parametrize("odd", [{}, [1], [[]], {"a": {}}, True, 1.5, "\x07"])
def test_a_field_that_an_event_has_no_use_for_costs_nothing(odd: object) -> None:
    for type in ("COURSE_COMPLETION", "COURSE_START"):
        assert fact(event(type, CourseItemId=odd, LoginTime=odd)) == fact(event(type))
    for field in ("CourseId", "CourseItemId", "StartDate", "CompletionDate", "ExamPercentage"):
        assert fact(event("LOGIN", **{field: odd})) == fact(event("LOGIN"))


def test_ids_as_numbers_and_as_text_are_one_fact() -> None:
    as_text = event("MODULE_COMPLETION", UserId=" 40211 ", CourseId="3117", CourseItemId="9102")
    assert fact(as_text) == fact(event("MODULE_COMPLETION"))


@pytest.mark.parametrize("body", [b"{}", b" [ ] ", b"[]", b"{ }\n"])
def test_what_has_no_event_in_it_says_nothing(body: bytes) -> None:
    assert CommunityTraining().read(body, NOON) == []


@pytest.mark.parametrize("body", [b'{"challenge": "x"}', b'{"events": []}', b'{"eventType": "x"}'])
def test_what_is_no_event_is_set_aside(body: bytes) -> None:
    expected = SetAside("", "EventType: expected text, got nothing")
    assert CommunityTraining().read(body, NOON) == [expected]


def test_bytes_that_are_no_text_cost_their_event_only() -> None:
    body = letter(event(), event(FirstName="@"), event("LOGIN")).replace(b'"@"', b'"\xff"')
    assert CommunityTraining().read(body, NOON) == [
        fact(event()),
        SetAside("COURSE_COMPLETION", "not JSON: expected UTF-8, got other bytes"),
        fact(event("LOGIN")),
    ]


def test_the_end_of_the_exam_and_of_the_course_are_two_facts_of_one_moment() -> None:
    exam, end = fact(event("MODULE_COMPLETION")), fact(event("COURSE_COMPLETION"))
    assert exam.occurred_at == end.occurred_at
    assert exam.key[:16] != end.key[:16]


@pytest.mark.parametrize(
    "changes",
    [
        {"StartDate": "2026-03-02T11:00:00.193249Z"},
        {"CourseId": 3118},
        {"CourseItemId": 9102},
    ],
)
def test_another_date_course_or_part_is_another_event(changes: dict[str, Any]) -> None:
    """There is no event id: two looks at a course within one millisecond are still two."""
    one, other = fact(event("COURSE_START")), fact(event("COURSE_START", **changes))
    assert one.key[:16] != other.key[:16]


def test_neither_name_nor_address_nor_title_is_in_a_key() -> None:
    who = dict.fromkeys(ADA, "x") | {"CourseName": "y"}
    assert fact(event(**who)).key == fact(event()).key


def test_the_same_event_with_another_result_is_a_conflict() -> None:
    one, other = fact(event(ExamPercentage="80")), fact(event(ExamPercentage="90"))
    assert one.key[:16] == other.key[:16] and one.key != other.key


def test_nothing_comes_late_unless_somebody_says_so() -> None:
    assert CommunityTraining().timing == AT_ONCE
    assert all(isinstance(item, Fact) for item in read(*map(event, BODIES)))
