"""The cast: Ada and Grace in the course "Logic", and what an LMS may say about them."""

import msgspec

from service.learners.course import LearnerRecorded, LearnerSignIns
from service.learners.enrollment import Enrollment, EnrollmentRecorded
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    Fact,
    FactBody,
    Identity,
    LearnerSeen,
    ModuleCompleted,
    PlacedFact,
    ProgressReported,
    SeatsReported,
    Started,
    Timing,
    Unenrolled,
    fact_key,
)
from service.learners.instance import Instance, InstanceRecorded

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
DAY_0 = 1_767_225_600_000
"""Thursday 1 January 2026, 00:00 UTC, in ms."""
LATENESS = 15 * MINUTE
TIMING = Timing(LATENESS)
NOW = DAY_0 + 100 * DAY

LOGIC, SESSION = "course:1", "course:1_2"
ADA = "1" * 32
WHO = Identity("adobe", "1234", ADA, LOGIC, "course", SESSION)
MEMBER = Identity("adobe", "1234", ADA)
PLACE = Identity("adobe", "1234", course=LOGIC, kind="course", instance=SESSION)
NAMES = {
    Enrolled: "COURSE_ENROLLMENT",
    Started: "TEST_STARTED",
    ProgressReported: "LEARNER_PROGRESS",
    ModuleCompleted: "TEST_MODULE",
    Completed: "COURSE_COMPLETED",
    CompletionRevoked: "LEARNING_PATH_COMPLETION_ROLLBACK",
    Unenrolled: "COURSE_UNENROLLMENT",
}


def day(days: int, minutes: int = 0, ms: int = 0) -> int:
    """A moment in ms."""
    return DAY_0 + days * DAY + minutes * MINUTE + ms


def fact(at: int, said: FactBody, id: str = "", name: str = "") -> Fact:
    """A fact about Ada in Logic; `id` is the LMS's event id."""
    name = name or NAMES.get(type(said), said.TOPIC)
    content = msgspec.json.encode((at, said.TOPIC, said))
    key = fact_key(("adobe", "1234", name, id or str(at)), content)
    return Fact(
        source="adobe", account="1234", name=name, key=key, occurred_at=at, said=said,
        course=LOGIC, kind="course", instance=SESSION, person="77",
    )  # fmt: skip


def enrolled(at: int, how: str | None = None, id: str = "") -> Fact:
    return fact(at, Enrolled(how), id)


def started(at: int) -> Fact:
    return fact(at, Started())


def progress(at: int, percent: float | None) -> Fact:
    return fact(at, ProgressReported(percent))


def module(at: int, name: str, percent: float | None = None, score: float | None = None) -> Fact:
    return fact(at, ModuleCompleted(name, percent, score))


def completed(at: int, passed: bool | None = None, id: str = "", how: str | None = None) -> Fact:
    return fact(at, Completed(passed, enrollment_source=how), id)


def graded(at: int, score: float, passed: bool | None = None) -> Fact:
    return fact(at, Completed(passed, score=score))


def revoked(at: int) -> Fact:
    return fact(at, CompletionRevoked())


def unenrolled(at: int) -> Fact:
    return fact(at, Unenrolled())


def seats(at: int, taken: int, limit: int | None = 10, waiting: int = 0, id: str = "") -> Fact:
    return fact(at, SeatsReported(taken, waiting, limit), id, "CI_STATS")


def seen(at: int, id: str = "") -> Fact:
    """Ada signed in: about her, and no course."""
    said = fact(at, LearnerSeen(), id, "LOGIN")
    return msgspec.structs.replace(said, course="", kind="", instance=None)


def enrollment() -> Enrollment:
    """Ada's enrolment before its first fact."""
    return Enrollment(Enrollment.stream(ADA, LOGIC, SESSION), WHO)


def instance() -> Instance:
    """The session of Logic before its first fact."""
    return Instance(Instance.stream("adobe", "1234", LOGIC, SESSION), PLACE)


def learner() -> LearnerSignIns:
    """Ada before she was first seen."""
    return LearnerSignIns(LearnerSignIns.stream(ADA), MEMBER)


def enroll(*facts: Fact, timing: Timing = TIMING) -> tuple[Enrollment, list[EnrollmentRecorded]]:
    """Ada's enrolment after these facts, told in this order, and the events of it."""
    folded, events = enrollment(), []
    for item, each in enumerate(facts):
        recorded = folded.record(PlacedFact(each, 1, item), NOW, timing)
        if recorded is not None:
            folded, event = recorded
            events.append(event)
    return folded, events


def report(*facts: Fact) -> tuple[Instance, list[InstanceRecorded]]:
    """The session after these facts, told in this order, and the events of it."""
    folded, events = instance(), []
    for item, each in enumerate(facts):
        recorded = folded.record(PlacedFact(each, 1, item), NOW)
        if recorded is not None:
            folded, event = recorded
            events.append(event)
    return folded, events


def see(*facts: Fact) -> tuple[LearnerSignIns, list[LearnerRecorded]]:
    """Ada after these facts, told in this order, and the events of it."""
    folded, events = learner(), []
    for item, each in enumerate(facts):
        recorded = folded.record(PlacedFact(each, 1, item), NOW)
        if recorded is not None:
            folded, event = recorded
            events.append(event)
    return folded, events
