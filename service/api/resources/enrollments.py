"""Enrolments over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from service.api.context import Desk, Page, moment_or_none, page
from service.api.framework.operations import Given, Operation
from service.api.framework.request import AFTER, LIMIT, choice, text
from service.learners import enrollment_views
from service.learners.enrollment_state import STATUSES

COLUMNS = ("source", "account", "course", "instance", "status")


class Enrollment(msgspec.Struct, frozen=True):
    """One learner in one instance of a course, in the LMS's own ids.

    `learner` is null for someone who was forgotten; `instance` where the LMS has none.
    `progress` is in percent; `passed` is null while the LMS has not said. `silent_since` is
    where the silence began that a stalled rule counts; null unless it is open.
    """

    id: str
    source: str
    account: str
    learner: str | None
    course: str
    kind: str
    instance: str | None
    status: Literal["enrolled", "in_progress", "completed", "unenrolled"]
    progress: float | None
    passed: bool | None
    score: float | None
    enrollment_source: str | None
    enrolled_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    silent_since: datetime | None


def listing(desk: Desk, given: Given) -> Page[Enrollment]:
    """Enrolments, in order of id."""
    desk.catch_up()
    limit: int = given["limit"]
    filters: dict[str, Any] = {name: given[name] for name in COLUMNS}
    if given["learner"] is not None:
        filters["person"] = [person.id for person in desk.app.people.namesakes(given["learner"])]
    after = given["after"] or ""
    rows = list(enrollment_views.listing(desk.app.views, "enrollments", filters, limit + 1, after))
    learners = desk.learners(row["person"] for row in rows)
    items = [_enrollment(row, learners.get(row["person"])) for row in rows]
    return page(items, limit, lambda each: each.id)


def _enrollment(row: Mapping[str, Any], learner: str | None) -> Enrollment:
    passed = row["passed"]
    return Enrollment(
        id=row["id"],
        source=row["source"],
        account=row["account"],
        learner=learner,
        course=row["course"],
        kind=row["kind"],
        instance=row["instance"],
        status=row["status"],
        progress=row["progress"],
        passed=None if passed is None else bool(passed),
        score=row["score"],
        enrollment_source=row["enrolled_by"],
        enrolled_at=moment_or_none(row["enrolled_at"]),
        started_at=moment_or_none(row["started_at"]),
        completed_at=moment_or_none(row["completed_at"]),
        silent_since=moment_or_none(row["silent_since"]),
    )


OPERATIONS = (
    Operation(
        "/api/v1/enrollments",
        "List enrolments, in order of id.",
        listing,
        Page[Enrollment],
        (
            text("source", "Only of this LMS, e.g. `adobe`."),
            text("account", "Only of this account."),
            text("learner", "Only of the learner with this LMS id."),
            text("course", "Only in the course with this LMS id."),
            text("instance", "Only in the instance with this LMS id."),
            choice("status", "Only in this status.", STATUSES),
            LIMIT,
            AFTER,
        ),
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
)
