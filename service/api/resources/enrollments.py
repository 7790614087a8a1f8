"""List enrolments over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from service.api.framework.operations import Operation
from service.api.framework.request import LIMIT_DEFAULT, After, Limit, Text
from service.api.request_context import Page, RequestContext, SourceName, item, page
from service.learners import enrollment_views

Status = Literal["enrolled", "in_progress", "completed", "unenrolled"]
COLUMNS = ("source", "account", "course", "instance", "status")


class Enrollment(msgspec.Struct, frozen=True):
    """One learner in one instance of a course, in the LMS's own ids.

    `learner` is the id by which the LMS told of it, also where that record was merged into
    another; null for someone who was forgotten; `instance` where the LMS has none.
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
    status: Status
    progress: float | None
    passed: bool | None
    score: float | None
    enrollment_source: str | None
    enrolled_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    silent_since: datetime | None


class EnrollmentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Choose which enrolments are listed."""

    source: Annotated[SourceName | None, Meta(description="Only of this LMS.")] = None
    account: Annotated[Text | None, Meta(description="Only of this account.")] = None
    learner: Annotated[Text | None, Meta(description="Only of the learner with this LMS id.")] = (
        None
    )
    course: Annotated[Text | None, Meta(description="Only in the course with this LMS id.")] = None
    instance: Annotated[Text | None, Meta(description="Only in the instance with this LMS id.")] = (
        None
    )
    status: Annotated[Status | None, Meta(description="Only in this status.")] = None
    limit: Limit = LIMIT_DEFAULT
    after: After | None = None


def listing(context: RequestContext, query: EnrollmentQuery) -> Page[Enrollment]:
    """List enrolments, in order of id."""
    context.check_account(query.source, query.account)
    app = context.app
    filters: dict[str, Any] = {name: getattr(query, name) for name in COLUMNS}
    if query.learner is not None:
        namesakes, records_of = app.people.namesakes(query.learner), app.people.records_of
        filters["person"] = [id for person in namesakes for id in records_of(person.id)]
    found = enrollment_views.listing(
        app.views, "enrollments", filters, limit=query.limit + 1, after=query.after or ""
    )
    rows = list(found)
    learners = context.learners(row["person"] for row in rows)
    items = [_enrollment(row, learners.get(row["person"])) for row in rows]
    return page(items, query.limit, lambda each: each.id)


def _enrollment(row: Mapping[str, Any], learner: str | None) -> Enrollment:
    return item(
        Enrollment,
        row,
        learner=learner,
        passed=None if row["passed"] is None else bool(row["passed"]),
        enrollment_source=row["enrolled_by"],
    )


OPERATIONS = (
    Operation(
        "/api/v1/enrollments",
        "List enrolments, in order of id.",
        listing,
        refusals=(HTTPStatus.NOT_FOUND,),
        reads_views=True,
    ),
)
