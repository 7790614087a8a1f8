"""Instances over HTTP: how many seats are taken, waited for and free."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec

from service.api.context import Desk, Page, moment_or_none, page
from service.api.framework.operations import Given, Operation
from service.api.framework.problems import Refused
from service.api.framework.request import AFTER, LIMIT, in_path, text
from service.learners import enrollment_views

COLUMNS = ("source", "account", "course", "instance")
TWO = 2


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


def listing(desk: Desk, given: Given) -> Page[Instance]:
    """Instances, in order of id."""
    desk.catch_up()
    limit: int = given["limit"]
    filters = {name: given[name] for name in COLUMNS}
    rows = enrollment_views.listing(
        desk.app.views, "instances", filters, limit + 1, given["after"] or ""
    )
    return page([_instance(row) for row in rows], limit, lambda each: each.id)


def show(desk: Desk, given: Given) -> Instance:
    """One instance, by its id or by the LMS's."""
    desk.catch_up()
    return _instance(found(desk, given["id"]))


def found(desk: Desk, id: str) -> Mapping[str, Any]:
    """The row of an instance, by its id or by the LMS's; raises Refused."""
    views = desk.app.views
    rows = list(enrollment_views.listing(views, "instances", {"id": id}, 1, ""))
    rows = rows or list(enrollment_views.listing(views, "instances", {"instance": id}, TWO, ""))
    if not rows:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            "no such instance; expected an `id` or `instance` of /api/v1/instances",
        )
    if len(rows) == TWO:
        raise Refused(
            HTTPStatus.CONFLICT,
            "several accounts have an instance with this LMS id; take the `id` of one of them "
            "from /api/v1/instances?instance=",
        )
    return rows[0]


def _instance(row: Mapping[str, Any]) -> Instance:
    return Instance(
        id=row["id"],
        source=row["source"],
        account=row["account"],
        course=row["course"],
        kind=row["kind"],
        instance=row["instance"],
        enrollment_count=row["enrollment_count"],
        waitlist_count=row["waitlist_count"],
        seat_limit=row["seat_limit"],
        seats_available=row["seats_available"],
        reported_at=moment_or_none(row["reported_at"]),
        deleted_at=moment_or_none(row["deleted_at"]),
    )


ID = in_path("id", "Its `id`, or its LMS id.", {"type": "string", "minLength": 1})

OPERATIONS = (
    Operation(
        "/api/v1/instances",
        "List instances of courses with their seats, in order of id.",
        listing,
        Page[Instance],
        (
            text("source", "Only of this LMS, e.g. `adobe`."),
            text("account", "Only of this account."),
            text("course", "Only of the course with this LMS id."),
            text("instance", "Only with this LMS id."),
            LIMIT,
            AFTER,
        ),
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Operation(
        "/api/v1/instances/{id}",
        "Show one instance.",
        show,
        Instance,
        (ID,),
        refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
)
