"""Every event name of Adobe's, in a letter of the documented shape, is the fact it should be."""

import json
from pathlib import Path

import pytest

from service.incoming.sources.adobe import MEANS, Adobe
from service.incoming.sources.source import SetAside
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    CourseDeleted,
    CourseDrafted,
    CourseModified,
    Enrolled,
    Fact,
    FactBody,
    InstanceDeleted,
    InstanceModified,
    ProgressReported,
    SeatsReported,
    Unenrolled,
)

PAYLOADS = Path(__file__).parent / "payloads"
MARCH = 1_772_582_400_000
ADA, GRACE = "30151701", "30151702"
LOGIC = ("course:5101204", "course", "course:5101204_8120331")
PATH = ("learningProgram:301877", "learning_path", "learningProgram:301877_640219")
SAFETY = ("certification:88410", "certification", "certification:88410_190233")
SELF, ADMIN = "SELF_ENROLL", "ADMIN_ENROLL"

Place = tuple[str, str, str | None]
EXPECTED: dict[str, tuple[FactBody, Place, str | None]] = {
    "COURSE_ENROLLMENT": (Enrolled(enrollment_source=SELF), LOGIC, ADA),
    "COURSE_ENROLLMENT_BATCH": (Enrolled(enrollment_source=ADMIN), LOGIC, GRACE),
    "LEARNING_PATH_ENROLLMENT": (Enrolled(enrollment_source=SELF), PATH, ADA),
    "LEARNING_PATH_ENROLLMENT_BATCH": (Enrolled(enrollment_source=ADMIN), PATH, GRACE),
    "CERTIFICATION_ENROLLMENT": (Enrolled(enrollment_source=SELF), SAFETY, ADA),
    "CERTIFICATION_ENROLLMENT_BATCH": (Enrolled(enrollment_source=ADMIN), SAFETY, GRACE),
    "COURSE_COMPLETED": (Completed(passed=True, enrollment_source=SELF), LOGIC, ADA),
    "COURSE_COMPLETED_BATCH": (Completed(passed=True, enrollment_source=ADMIN), LOGIC, GRACE),
    "LEARNING_PATH_COMPLETED": (Completed(passed=True, enrollment_source=SELF), PATH, ADA),
    "LEARNING_PATH_COMPLETED_BATCH": (
        Completed(passed=True, enrollment_source=ADMIN),
        PATH,
        GRACE,
    ),
    "CERTIFICATION_COMPLETED": (Completed(passed=None, enrollment_source=SELF), SAFETY, ADA),
    "CERTIFICATION_COMPLETED_BATCH": (
        Completed(passed=None, enrollment_source=ADMIN),
        SAFETY,
        GRACE,
    ),
    "LEARNING_PATH_COMPLETION_ROLLBACK": (CompletionRevoked(), PATH, ADA),
    "LEARNING_PATH_COMPLETION_ROLLBACK_BATCH": (CompletionRevoked(), PATH, GRACE),
    "COURSE_UNENROLLMENT": (Unenrolled(), LOGIC, ADA),
    "COURSE_UNENROLLMENT_BATCH": (Unenrolled(), LOGIC, GRACE),
    "LEARNING_PATH_UNENROLLMENT": (Unenrolled(), PATH, ADA),
    "LEARNING_PATH_UNENROLLMENT_BATCH": (Unenrolled(), PATH, GRACE),
    "CERTIFICATION_UNENROLLMENT": (Unenrolled(), SAFETY, ADA),
    "CERTIFICATION_UNENROLLMENT_BATCH": (Unenrolled(), SAFETY, GRACE),
    "LEARNER_PROGRESS": (ProgressReported(percent=40.0), LOGIC, ADA),
    "CI_STATS": (SeatsReported(enrollment_count=24, waitlist_count=3, seat_limit=24), LOGIC, None),
    "LEARNING_OBJECT_DRAFT": (CourseDrafted(), (*LOGIC[:2], None), None),
    "LEARNING_OBJECT_DELETION": (CourseDeleted(), (*LOGIC[:2], None), None),
    "LEARNING_OBJECT_MODIFICATION": (CourseModified(), (*PATH[:2], None), None),
    "LEARNING_OBJECT_MODIFICATION_BATCH": (CourseModified(), (*PATH[:2], None), None),
    "LEARNING_OBJECT_INSTANCE_MODIFICATION": (InstanceModified(), LOGIC, None),
    "LEARNING_OBJECT_INSTANCE_MODIFICATION_BATCH": (InstanceModified(), LOGIC, None),
    "LEARNING_OBJECT_INSTANCE_DELETION": (InstanceDeleted(), LOGIC, None),
}


def test_the_table_of_names_is_the_one_expected_here() -> None:
    assert set(MEANS) == set(EXPECTED)
    assert len(EXPECTED) == 29


@pytest.mark.parametrize("name", EXPECTED)
def test_a_documented_letter_is_one_fact(name: str) -> None:
    body = (PAYLOADS / f"{name.lower()}.json").read_bytes()
    said, place, person = EXPECTED[name]

    items = Adobe().read(body, MARCH)

    assert len(items) == 1
    fact = items[0]
    assert isinstance(fact, Fact)
    assert (fact.source, fact.account, fact.name) == ("adobe", "77021", name)
    assert fact.said == said and type(fact.said) is type(said)
    assert (fact.course, fact.kind, fact.instance) == place
    assert fact.person == person
    assert fact.by_admin is name.endswith("_BATCH")


def test_every_event_of_a_letter_is_read_and_no_two_have_one_key() -> None:
    letters = [json.loads((PAYLOADS / f"{name.lower()}.json").read_bytes()) for name in EXPECTED]
    events = [event for letter in letters for event in letter["events"]]

    facts = Adobe().read(json.dumps({"accountId": 77021, "events": events}).encode(), MARCH)

    assert [fact.name for fact in facts] == list(EXPECTED)
    assert len({fact.key for fact in facts if isinstance(fact, Fact)}) == 29


@pytest.mark.parametrize(
    "name", ["course_unenrollment_trailing_comma", "learning_path_unenrollment_trailing_comma"]
)
def test_a_letter_that_is_not_json_is_set_aside_whole_with_its_place(name: str) -> None:
    items = Adobe().read((PAYLOADS / f"{name}.json").read_bytes(), MARCH)

    assert items == [SetAside("", "not JSON: line 15, column 7: trailing comma in object")]
