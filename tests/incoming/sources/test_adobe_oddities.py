"""What Adobe's feed is known to do, and what it might: read, ignored or set aside one by one."""

from typing import Any

import pytest

from service.learners.facts import Completed, SeatsReported
from tests.incoming.sources.adobe_payloads import OTHER_ID, event, fact, reason


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-03-02T11:00:00.000Z", 0),
        ("2026-03-02T11:00:00Z", 0),
        ("2026-03-02T11:00Z", 0),
        ("2026-03-02t11:00:00z", 0),
        ("2026-03-02T11:00:00", 0),
        ("2026-03-02T12:00:00.000+01:00", 0),
        ("2026-03-02T12:00:00+0100", 0),
        ("2026-03-02 12:00:00 +0100", 0),
        ("2026-03-02T11:00:00.5Z", 500),
        ("2026-03-02T11:00:00.123456789Z", 123),
        ("2026-03-02T11:00:00.9999999Z ", 999),
        (1772449200, 0),
        (1772449200.25, 250),
        (1772449200007, 7),
        (1.772449200007e12, 7),
        ("1772449200", 0),
        (" 1772449200007 ", 7),
    ],
)
def test_a_moment_is_read_in_every_form(timestamp: object, expected: int) -> None:
    assert fact(event(timestamp=timestamp)).occurred_at - 1_772_449_200_000 == expected


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (..., "timestamp: expected a date and time, got nothing"),
        (None, "timestamp: expected a date and time, got nothing"),
        (True, "timestamp: expected a date and time, got true or false"),
        ("", "timestamp: expected an ISO 8601 date and time, got other text"),
        ("yesterday", "timestamp: expected an ISO 8601 date and time, got other text"),
        ("10000-01-01T00:00:00Z", "timestamp: expected an ISO 8601 date and time, got other text"),
        (-1, "timestamp: expected a moment of the years 2000 to 2099, got another time"),
        (0, "timestamp: expected a moment of the years 2000 to 2099, got another time"),
        (1e300, "timestamp: expected a moment of the years 2000 to 2099, got another time"),
        (
            "0001-01-01T00:00:00+23:59",
            "timestamp: expected a moment of the years 2000 to 2099, got another time",
        ),
        ({}, "timestamp: expected bool | int | float | str | null, got object"),
    ],
)
def test_a_moment_that_is_none_sets_the_event_aside(timestamp: object, expected: str) -> None:
    assert reason(event(timestamp=timestamp)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"loId": "learning_program:9", "loInstanceId": "learning_program:9_1"},
            ("learningProgram:9", "learning_path", "learningProgram:9_1"),
        ),
        (
            {"loId": "learningProgram:9", "loInstanceId": "learningProgram:9_1"},
            ("learningProgram:9", "learning_path", "learningProgram:9_1"),
        ),
        (
            {"loId": "course:7374992", "loInstanceId": "course:7376092_10250977"},
            ("course:7376092", "course", "course:7376092_10250977"),
        ),
        ({"loInstanceId": ...}, ("course:5101204", "course", None)),
        ({"loInstanceId": None, "loId": 5101204}, ("course:5101204", "course", None)),
        ({"loInstanceId": 8120331}, ("course:5101204", "course", "course:5101204_8120331")),
        ({"loId": ..., "loInstanceId": "9_1"}, ("course:9", "course", "course:9_1")),
        (
            {"loId": "course:a_b", "loInstanceId": "course:a_b_1"},
            ("course:a_b", "course", "course:a_b_1"),
        ),
        (
            {"loId": "learning_program:9", "loInstanceId": "learning_program:9"},
            ("learningProgram:9", "learning_path", "learningProgram:9"),
        ),
        (
            {"loId": "certification:5", "loInstanceId": ..., "loType": "course"},
            ("certification:5", "certification", None),
        ),
    ],
)
def test_course_and_instance_are_found_in_every_spelling(
    changes: dict[str, Any], expected: tuple[str, str, str | None]
) -> None:
    found = fact(event(**changes))
    assert (found.course, found.kind, found.instance) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [(..., None), (None, None), (True, True), (False, False), ("true", True), ("FALSE", False)],
)
def test_absent_is_not_failed(given: object, expected: bool | None) -> None:
    assert fact(event(hasPassed=given)).said == Completed(passed=expected)


@pytest.mark.parametrize(
    ("limit", "expected"), [(..., None), (None, None), (0, 0), ("30", 30), (4_294_967_296, 2**32)]
)
def test_seats_without_a_limit_are_unlimited(limit: object, expected: int | None) -> None:
    only = {"userId": ..., "loId": ..., "loType": ...}
    found = fact(event("CI_STATS", enrollmentCount=7, seatLimit=limit, **only))
    assert found.said == SeatsReported(enrollment_count=7, seat_limit=expected)
    assert (found.course, found.kind, found.person) == ("course:5101204", "course", None)


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("COURSE_COMPLETED", {"data": ...}, "data: expected an object, got nothing"),
        ("COURSE_COMPLETED", {"data": []}, "data: expected object | null, got array"),
        ("COURSE_COMPLETED", {"userId": ...}, "data.userId: expected an id, got nothing"),
        ("COURSE_COMPLETED", {"userId": " "}, "data.userId: expected an id, got blank text"),
        (
            "COURSE_COMPLETED",
            {"userId": True},
            "data.userId: expected an id (text or a whole number), got true or false",
        ),
        (
            "COURSE_COMPLETED",
            {"userId": 1.5},
            "data.userId: expected an id (text or a whole number), got a number",
        ),
        (
            "COURSE_COMPLETED",
            {"userId": ["Ada"]},
            "data.userId: expected bool | int | float | str | null, got array",
        ),
        (
            "COURSE_COMPLETED",
            {"userId": "a\x00b"},
            "data.userId: expected an id without control characters, got one with them",
        ),
        (
            "COURSE_COMPLETED",
            {"loId": "x" * 256, "loInstanceId": ...},
            "data.loId: expected at most 255 characters, got 256",
        ),
        (
            "COURSE_COMPLETED",
            {"loId": ..., "loInstanceId": ...},
            "data.loId: expected an id, got nothing",
        ),
        (
            "COURSE_COMPLETED",
            {"loInstanceId": "course:5101204_"},
            "data.loInstanceId: expected an id like course:123_456, got a part of one",
        ),
        (
            "COURSE_COMPLETED",
            {"loInstanceId": "jobAid:1_2"},
            OTHER_ID,
        ),
        (
            "COURSE_COMPLETED",
            {"hasPassed": "maybe"},
            "data.hasPassed: expected true or false, got text",
        ),
        (
            "LEARNER_PROGRESS",
            {"progressPercent": 100.5},
            "data.progressPercent: expected 0 to 100, got a number outside",
        ),
        (
            "LEARNER_PROGRESS",
            {"progressPercent": "half"},
            "data.progressPercent: expected a number, got text",
        ),
        ("LEARNER_PROGRESS", {"progressPercent": "NaN"},
         "data.progressPercent: expected a finite number, got another"),
        (
            "CI_STATS",
            {"seatLimit": -1, "enrollmentCount": 1},
            "data.seatLimit: expected a whole number, 0 or more, got another number",
        ),
        ("CI_STATS", {}, "data.enrollmentCount: expected a whole number, got nothing"),
        (
            "CI_STATS",
            {"enrollmentCount": 1, "loInstanceId": ...},
            "data.loInstanceId: expected an id, got nothing",
        ),
        (
            "COURSE_COMPLETED",
            {"eventId": False},
            "eventId: expected an id (text or a whole number), got true or false",
        ),
    ],
)  # fmt: skip
def test_an_unusable_event_is_set_aside_with_the_field(
    name: str, changes: dict[str, Any], expected: str
) -> None:
    assert reason(event(name, **changes)) == expected
