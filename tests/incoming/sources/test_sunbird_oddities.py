"""What Sunbird's telemetry is known to do, in both dialects, and what it might."""

from typing import Any

import pytest

from service.incoming.sources.source import Ignored, SetAside
from service.learners.facts import (
    Completed,
    Enrolled,
    FactBody,
    ModuleCompleted,
    ProgressReported,
    Started,
    Unenrolled,
)
from tests.incoming.sources.sunbird_payloads import (
    ADA,
    BATCH,
    LOGIC,
    NOON,
    UNIT,
    VIDEO,
    event,
    fact,
    of_unit,
    read,
    reason,
    related,
    whose,
)

DAY = 86_400_000
COURSE = {"id": LOGIC, "type": "Course", "rollup": {"l1": LOGIC}}
OTHER = {"id": "org-1", "type": "Organisation"}


@pytest.mark.parametrize(
    ("type", "state", "expected"),
    [
        ("enrol", "Create", Enrolled()),
        ("enrol", ..., Enrolled()),
        ("enrol", None, Enrolled()),
        ("enrol", "create", Enrolled()),
        ("enrol", "Update", Unenrolled()),
        ("enrol", " UPDATE ", Unenrolled()),
        ("ENROL", "update", Unenrolled()),
        ("course-enroll", ..., Enrolled()),
        ("course-enroll", "Update", Unenrolled()),
        ("unenrol", ..., Unenrolled()),
        ("unenrol", "Create", Unenrolled()),
        ("course-unenroll", ..., Unenrolled()),
        ("enrol-complete", ..., Completed(passed=None)),
        (" Course-Complete ", "Update", Completed(passed=None)),
        ("progress-update", ..., ProgressReported(None)),
    ],
)
def test_a_type_and_its_state_say_what_happened(type: str, state: Any, expected: FactBody) -> None:
    told = fact(event(type, state))
    assert told.said == expected
    assert told.name == type.strip().lower()
    assert (told.source, told.account, told.kind) == ("sunbird", "", "course")
    assert (told.course, told.instance, told.person) == (LOGIC, BATCH, ADA)
    assert (told.contact, told.title, told.by_admin) == (None, None, False)


@pytest.mark.parametrize(
    ("sort", "spelled"),
    [("Content", "Content"), ("content", "Content"), ("CourseUnit", "CourseUnit"),
     ("COURSEUNIT", "CourseUnit"), ("TextBookUnit", "TextBookUnit"),
     (" Collection ", "Collection")],
)  # fmt: skip
def test_a_part_of_a_course_is_started_and_completed(sort: str, spelled: str) -> None:
    started, completed = fact(of_unit("start", sort)), fact(of_unit("Complete", sort, UNIT))
    assert (started.name, started.said) == (f"{spelled} start", Started())
    assert (completed.name, completed.said) == (f"{spelled} complete", ModuleCompleted(UNIT))
    assert (started.course, started.instance, started.person) == (LOGIC, BATCH, ADA)


@pytest.mark.parametrize("sort", ["Course", "User", "Certificate"])
def test_starting_something_else_in_a_batch_is_set_aside(sort: str) -> None:
    assert reason(of_unit("start", sort)) == (
        "object.type: expected Content, CourseUnit, TextBookUnit, Collection, got another"
    )


def test_a_completed_part_without_an_id_is_set_aside() -> None:
    assert reason(of_unit("complete", id=None)) == "object.id: expected an id, got nothing"
    assert fact(of_unit("start", id=None)).said == Started()


@pytest.mark.parametrize(
    ("progress", "expected"),
    [(75.5, 75.5), (0, 0.0), (100, 100.0), ("40", 40.0), (-1, None), (100.1, None), ("", None),
     (None, None), ("most of it", None), (True, None), ({"do_1": 2}, None), ([3], None),
     (10**30, None)],
)  # fmt: skip
def test_a_percent_nobody_can_read_is_activity_all_the_same(
    progress: object, expected: float | None
) -> None:
    told = event("progress-update")
    told["edata"]["progress"] = progress
    assert fact(told).said == ProgressReported(expected)


@pytest.mark.parametrize(
    ("ets", "expected"),
    [(1772449200, 0), (1772449200123, 123), (1.772449200123e12, 123), (1772449200.5, 500),
     ("1772449200123", 123), (" 1772449200 ", 0), ("2026-03-02T11:00:00.123Z", 123)],
)  # fmt: skip
def test_a_moment_is_in_seconds_or_in_milliseconds(ets: object, expected: int) -> None:
    assert fact(event(ets=ets)).occurred_at - 1_772_449_200_000 == expected


@pytest.mark.parametrize("ets", [..., None, "", "noon", True, 0, -5, 1e300, NOON + DAY + 1])
def test_a_moment_that_is_none_sets_the_event_aside(ets: object) -> None:
    assert reason(event(ets=ets, **{"@timestamp": "2026-03-02T11:00:00Z"})).startswith("ets: ")


@pytest.mark.parametrize(
    ("object", "actor", "expected"),
    [
        (whose("u-1"), {"id": "u-2", "type": "User"}, "u-1"),
        (whose("f:5a8a:u-1"), {"id": "u-2", "type": "User"}, "u-1"),
        ({**whose("u-1"), "type": "user"}, None, "u-1"),
        (COURSE, {"id": "u-2", "type": "User"}, "u-2"),
        (COURSE, {"id": "f:5a8a:u:2", "type": " USER "}, "u:2"),
        (None, {"id": 40211, "type": "User"}, "40211"),
        (None, {"id": "f:u", "type": "User"}, "f:u"),
    ],
)
def test_the_learner_is_the_user_among_object_and_actor(
    object: Any, actor: Any, expected: str
) -> None:
    told = {**event("enrol-complete"), "object": object, "actor": actor}
    assert fact(told).person == expected


@pytest.mark.parametrize(
    ("object", "actor", "expected"),
    [
        (COURSE, {"id": "lms", "type": "System"}, "actor: expected an actor or an object of type"),
        (COURSE, None, "actor: expected an actor or an object of type User, got neither"),
        (None, {"id": "u-2"}, "actor: expected an actor or an object of type User, got neither"),
        (COURSE, {"type": "User"}, "actor.id: expected an id, got nothing"),
        (whose(" "), {"id": "u-2", "type": "User"}, "object.id: expected an id, got blank text"),
        (whose("f:5a8a:"), None, "object.id: expected an id, got blank text"),
    ],
)
def test_an_event_about_nobody_is_set_aside(object: Any, actor: Any, expected: str) -> None:
    assert reason({**event(), "object": object, "actor": actor}).startswith(expected)


@pytest.mark.parametrize(
    ("object", "cdata", "expected"),
    [
        (whose(ADA, "do_9"), related("b-1", "do_1"), ("do_1", "b-1")),
        (whose(ADA, "do_9"), related("b-1", "do_1")[::-1], ("do_1", "b-1")),
        (whose(ADA, "do_9"), related("b-1", None), ("do_9", "b-1")),
        ({"id": "do_8", "type": "course"}, related("b-1", None), ("do_8", "b-1")),
        ({"id": "do_8", "type": "Course", "rollup": None}, [], ("do_8", None)),
        (whose(ADA), [{"type": "COURSEBATCH", "id": 13501}, None, {}], (LOGIC, "13501")),
        (whose(ADA), [{"type": "CourseBatch"}, {"type": "CourseBatch", "id": "b"}], (LOGIC, "b")),
        (whose(ADA), related("013501:do_1", "do_1"), ("do_1", "013501")),
        (whose(ADA), ..., (LOGIC, None)),
    ],
)
def test_course_and_batch_are_found_by_type_wherever_they_stand(
    object: Any, cdata: Any, expected: tuple[str, str | None]
) -> None:
    found = fact(event(object=object, cdata=cdata) if cdata is not ... else
                 {**event(object=object), "context": {"channel": "in.example"}})  # fmt: skip
    assert (found.course, found.instance) == expected


def test_an_event_without_a_course_is_set_aside() -> None:
    assert reason(event(object=whose(ADA, None), cdata=related(BATCH, None))) == (
        "context.cdata: expected a Course in it, or object.rollup.l1, got neither"
    )


@pytest.mark.parametrize("channel", ["0127684405", "in.sunbird", None, {}, " "])
def test_the_channel_says_nothing_about_who_or_where(channel: Any) -> None:
    """The enrolment says the request's channel, the completion always the same one."""
    assert fact(event(channel=channel)) == fact(event())


@pytest.mark.parametrize(
    "told",
    [
        event(..., "Create", object={"id": BATCH, "type": "CourseBatch"}, cdata=related(None)),
        event(..., "Live", object={"id": VIDEO, "type": "Content"}, cdata=[]),
        event(..., "Update", cdata=[]),
        event("org-merge", object=OTHER, cdata=[]),
        event("start", object=OTHER, cdata=[]),
        event("complete", object=OTHER, cdata=related(None)),
        {"eid": "AUDIT"},
    ],
)
def test_an_audit_about_no_enrollment_is_ignored(told: dict[str, Any]) -> None:
    type = told.get("edata", {}).get("type", "AUDIT")
    assert read(told) == [Ignored(type, "it is not about an enrollment")]


def test_a_certificate_changes_no_enrollment() -> None:
    told = event("certificate-issued-svg", object={"id": "c-1", "type": "Certificate"})
    expected = Ignored("certificate-issued-svg", "a certificate changes no enrollment")
    assert read(told) == [expected]


@pytest.mark.parametrize(
    ("told", "near"),
    [
        (event("enroll"), "enrol"),
        (event("course-enrol", object=COURSE, cdata=[]), "course-enroll"),
        (of_unit("completed"), "complete"),
        (of_unit("progress", cdata=[]), "progress-update"),
    ],
)
def test_an_unknown_type_about_a_course_is_set_aside_with_the_nearest_one(
    told: dict[str, Any], near: str
) -> None:
    (item,) = read(told)
    expected = f"edata.type: expected a type we know, got another; did you mean {near}?"
    assert item == SetAside(told["edata"]["type"], expected)


def test_an_event_of_a_batch_without_a_type_is_set_aside() -> None:
    assert reason(event(...)) == "edata.type: expected text, got nothing"
    assert reason(event(7)) == "edata.type: expected text, got a number"
    assert reason(event("QUIZ")).endswith("update Coursebell, or leave it out at Sunbird")
