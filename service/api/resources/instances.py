"""Show instances over HTTP: how many seats are taken, waited for and free."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from service.api.framework.operations import Operation
from service.api.framework.problems import ApiError, NotFound
from service.api.framework.request import LIMIT_DEFAULT, After, Limit, Text
from service.api.request_context import Page, RequestContext, SourceName, item, page
from service.learners import enrollment_views

COLUMNS = ("source", "account", "course", "instance")
MISSING = "no such instance; expected an `id` or `instance` of /api/v1/instances"

InstanceId = Annotated[str, Meta(min_length=1, description="Its `id`, or its LMS id.")]


class Instance(msgspec.Struct, frozen=True):
    """An instance of a course with its newest seat report, in the LMS's own ids.

    Seats are null before the first report. After it, a `seat_limit` that is null means there is
    no limit, and so does `seats_available`.
    """

    id: str
    source: str
    account: str
    course: str
    kind: str
    instance: str
    enrollment_count: int | None
    waitlist_count: int | None
    seat_limit: int | None
    seats_available: int | None
    reported_at: datetime | None
    deleted_at: datetime | None


class InstanceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Choose which instances are listed."""

    source: Annotated[SourceName | None, Meta(description="Only of this LMS.")] = None
    account: Annotated[Text | None, Meta(description="Only of this account.")] = None
    course: Annotated[Text | None, Meta(description="Only of the course with this LMS id.")] = None
    instance: Annotated[Text | None, Meta(description="Only with this LMS id.")] = None
    limit: Limit = LIMIT_DEFAULT
    after: After | None = None


class InstancePath(msgspec.Struct, frozen=True):
    """Name one instance."""

    id: InstanceId


def listing(context: RequestContext, query: InstanceQuery) -> Page[Instance]:
    """List instances, in order of id."""
    context.check_account(query.source, query.account)
    filters = {name: getattr(query, name) for name in COLUMNS}
    rows = enrollment_views.listing(
        context.app.views, "instances", filters, limit=query.limit + 1, after=query.after or ""
    )
    return page([item(Instance, row) for row in rows], query.limit, lambda each: each.id)


def show(context: RequestContext, path: InstancePath) -> Instance:
    """Show one instance, by its id or by the LMS's."""
    return item(Instance, found(context, path.id))


def found(context: RequestContext, id: str) -> Mapping[str, Any]:
    """Find the row of an instance, by its id or by the LMS's; raise NotFound or ApiError."""
    rows = _rows(context, id=id) or _rows(context, instance=id)
    if not rows:
        raise NotFound
    if len(rows) > 1:
        raise ApiError(
            HTTPStatus.CONFLICT,
            "several accounts have an instance with this LMS id; take the `id` of one of them "
            "from /api/v1/instances?instance=",
        )
    return rows[0]


def _rows(context: RequestContext, **filters: str) -> list[Mapping[str, Any]]:
    """Find rows; two are enough to know that there are several."""
    views = context.app.views
    return list(enrollment_views.listing(views, "instances", filters, limit=2, after=""))


OPERATIONS = (
    Operation(
        "/api/v1/instances",
        "List instances of courses with their seats, in order of id.",
        listing,
        refusals=(HTTPStatus.NOT_FOUND,),
        reads_views=True,
    ),
    Operation(
        "/api/v1/instances/{id}",
        "Show one instance.",
        show,
        missing=MISSING,
        refusals=(HTTPStatus.CONFLICT,),
        reads_views=True,
    ),
)
