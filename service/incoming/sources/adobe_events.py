"""What each of Adobe Learning Manager's event names says."""

from collections.abc import Callable, Mapping

import msgspec

from service.incoming.values import Scalar, Unusable, count, identifier, percent, truth
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    CourseDeleted,
    CourseDrafted,
    CourseModified,
    Enrolled,
    InstanceDeleted,
    InstanceModified,
    ProgressReported,
    Said,
    SeatsReported,
    Unenrolled,
)


class Data(msgspec.Struct, gc=False, rename="camel"):
    """What an event is about. Dates in here have minute precision since August 2026: not read."""

    user_id: Scalar = None
    lo_id: Scalar = None
    lo_instance_id: Scalar = None
    lo_type: Scalar = None
    enrollment_source: Scalar = None
    has_passed: Scalar = None
    progress_percent: Scalar = None
    enrollment_count: Scalar = None
    waitlist_count: Scalar = None
    seat_limit: Scalar = None


def _enrolled(data: Data) -> Said:
    return Enrolled(enrollment_source=_how(data))


def _completed(data: Data) -> Said:
    passed = truth(data.has_passed, "data.hasPassed")
    return Completed(passed=passed, enrollment_source=_how(data))


def _rolled_back(_: Data) -> Said:
    return CompletionRevoked()


def _unenrolled(_: Data) -> Said:
    return Unenrolled()


def _progress(data: Data) -> Said:
    return ProgressReported(percent=percent(data.progress_percent, "data.progressPercent"))


def _seats(data: Data) -> Said:
    enrolled = count(data.enrollment_count, "data.enrollmentCount")
    if enrolled is None:
        raise Unusable("data.enrollmentCount: expected a whole number, got nothing")
    return SeatsReported(
        enrollment_count=enrolled,
        waitlist_count=count(data.waitlist_count, "data.waitlistCount") or 0,
        seat_limit=count(data.seat_limit, "data.seatLimit"),
    )


def _how(data: Data) -> str | None:
    return identifier(data.enrollment_source, "data.enrollmentSource")


MEANS: Mapping[str, Callable[[Data], Said]] = {
    "COURSE_ENROLLMENT": _enrolled,
    "COURSE_ENROLLMENT_BATCH": _enrolled,
    "LEARNING_PATH_ENROLLMENT": _enrolled,
    "LEARNING_PATH_ENROLLMENT_BATCH": _enrolled,
    "CERTIFICATION_ENROLLMENT": _enrolled,
    "CERTIFICATION_ENROLLMENT_BATCH": _enrolled,
    "COURSE_COMPLETED": _completed,
    "COURSE_COMPLETED_BATCH": _completed,
    "LEARNING_PATH_COMPLETED": _completed,
    "LEARNING_PATH_COMPLETED_BATCH": _completed,
    "CERTIFICATION_COMPLETED": _completed,
    "CERTIFICATION_COMPLETED_BATCH": _completed,
    "LEARNING_PATH_COMPLETION_ROLLBACK": _rolled_back,
    "LEARNING_PATH_COMPLETION_ROLLBACK_BATCH": _rolled_back,
    "COURSE_UNENROLLMENT": _unenrolled,
    "COURSE_UNENROLLMENT_BATCH": _unenrolled,
    "LEARNING_PATH_UNENROLLMENT": _unenrolled,
    "LEARNING_PATH_UNENROLLMENT_BATCH": _unenrolled,
    "CERTIFICATION_UNENROLLMENT": _unenrolled,
    "CERTIFICATION_UNENROLLMENT_BATCH": _unenrolled,
    "LEARNER_PROGRESS": _progress,
    "CI_STATS": _seats,
    "LEARNING_OBJECT_DRAFT": lambda _: CourseDrafted(),
    "LEARNING_OBJECT_MODIFICATION": lambda _: CourseModified(),
    "LEARNING_OBJECT_MODIFICATION_BATCH": lambda _: CourseModified(),
    "LEARNING_OBJECT_DELETION": lambda _: CourseDeleted(),
    "LEARNING_OBJECT_INSTANCE_MODIFICATION": lambda _: InstanceModified(),
    "LEARNING_OBJECT_INSTANCE_MODIFICATION_BATCH": lambda _: InstanceModified(),
    "LEARNING_OBJECT_INSTANCE_DELETION": lambda _: InstanceDeleted(),
}
