"""Notifications over HTTP: whom we told what, why not, and what happened to each."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from service.api.context import Desk, Page, moment, moment_or_none, page
from service.api.framework.operations import Given, Operation
from service.api.framework.problems import Refused
from service.api.framework.request import AFTER, LIMIT, choice, in_path, text
from service.learners.lookup import events_of
from service.ledger.events import StreamEvent
from service.rules.notification import OPEN_STATES, STATES, Owed
from service.rules.notification import Notification as Folded
from service.rules.recipients import ROOM, STEPS_UP, route_of
from service.sending import queue
from service.sending.operator import REDRIVABLE, redrive

ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;]+")
"""What may be somebody's address in a reply of a mail server."""

COPIED = (
    "state",
    "outcome",
    "then",
    "code",
    "status",
    "reason",
    "into",
    "event_name",
    "read",
    "held",
    "released_by",
)
TIMES = ("due_at", "until", "next_at", "event_at")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One event; what its kind does not say is left out.

    `reply` is what the other side answered, while it is kept; `read` is what the rule's
    conditions read when it was decided, and `held` why a person had to release it at once.
    `released_by` is the notification whose message was to stand for this one and was not sent.
    """

    version: int
    at: datetime
    kind: Literal[
        "owed", "attempt_started", "attempt_ended", "waiting_for_address", "address_found",
        "deferred", "held", "ended", "redriven",
    ]  # fmt: skip
    state: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    then: str | UnsetType = UNSET
    code: int | UnsetType = UNSET
    status: str | UnsetType = UNSET
    reply: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    into: str | UnsetType = UNSET
    next_at: datetime | UnsetType = UNSET
    until: datetime | UnsetType = UNSET
    due_at: datetime | UnsetType = UNSET
    event_name: str | UnsetType = UNSET
    event_at: datetime | UnsetType = UNSET
    read: dict[str, Any] | UnsetType = UNSET
    held: str | UnsetType = UNSET
    released_by: str | UnsetType = UNSET


def steps(events: Sequence[StreamEvent], kept: Mapping[str, str]) -> list[Step]:
    """The events of one stream; `kept` is what is kept beside it and not erased yet."""
    return [_step(event, kept.get(f"reply/{event.originator_version}")) for event in events]


def _step(event: StreamEvent, reply: str | None) -> Step:
    body: Any = event.body
    said = {name: getattr(body, name, None) for name in COPIED}
    said |= {name: _moment(getattr(body, name, None)) for name in TIMES}
    said["reply"] = ADDRESS.sub("[address]", reply) if reply else None
    return Step(
        version=event.originator_version,
        at=moment(body.decided_at if isinstance(body, Owed) else body.at),
        kind=body.topic.removeprefix("notification."),
        **{name: value for name, value in said.items() if value not in (None, {})},
    )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else moment(ms)


State = Literal[
    "owed", "scheduled", "waiting_address", "held", "sent", "given_up", "cancelled", "expired",
    "suppressed", "dropped", "shadow",
]  # fmt: skip


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed because of a rule, in the LMS's own ids and without a name or an address.

    `to` is `learner`, `manager`, `managers_manager`, `watchers`, `group:NAME` or `room:NAME`;
    `member` is the LMS id of the watcher, the member of a group or the reader of a digest.
    `subject` is the enrolment, instance, course, learner, feed, letter or digest it is about,
    which need not have a course. `due_at` is when it may leave or is tried again; null once it
    has ended.
    """

    id: str
    state: State
    reason: str | None
    rule: str
    mode: str
    trigger: str
    to: str
    member: str | None
    channel: str
    template: str
    subject: str
    source: str
    account: str
    learner: str | None
    course: str | None
    kind: str | None
    instance: str | None
    attempts: int
    decided_at: datetime
    due_at: datetime | None
    ended_at: datetime | None


class NotificationWithHistory(Notification, frozen=True, kw_only=True):
    """A notification with every event of its stream, first to last."""

    history: list[Step]


def listing(desk: Desk, given: Given) -> Page[Notification]:
    """Notifications, those about the latest events first."""
    desk.catch_up()
    limit: int = given["limit"]
    rows = queue.page(desk.app.views, given["state"], given["rule"], limit + 1, given["after"])
    ids = desk.learners(row[column] for row in rows for column in ("person", "recipient"))
    items = [Notification(**told(row, ids)) for row in rows]
    return page(items, limit, lambda each: each.id)


def show(desk: Desk, given: Given) -> NotificationWithHistory:
    """One notification, as the ledger has it now."""
    id: str = given["id"]
    events: list[StreamEvent] = []
    if id.startswith("n"):
        events = events_of(desk.app.ledger, desk.app.mapper, id)
    if not events:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            "no such notification; expected an `id` of /api/v1/notifications",
        )
    row = _row(events)
    ids = desk.learners([row["person"], row["recipient"]])
    return NotificationWithHistory(
        history=steps(events, desk.app.ledger.erasable(id)), **told(row, ids)
    )


def try_again(desk: Desk, given: Given) -> NotificationWithHistory:
    """Lets a notification leave again."""
    show(desk, given)
    app, now = desk.app, desk.clock()
    _, refused = redrive(app.ledger, app.mapper, app.docket, [given["id"]], now)
    for _, reason in refused:
        raise Refused(HTTPStatus.CONFLICT, reason)
    return show(desk, given)


def told(row: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a Notification; `ids` are LMS ids by person."""
    recipient: str = row["recipient"]
    a_role = recipient in STEPS_UP or recipient.startswith(ROOM)
    copied = (
        "id", "state", "reason", "rule", "mode", "trigger", "channel", "template", "subject",
        "source", "account", "instance", "attempts",
    )  # fmt: skip
    return {name: row[name] for name in copied} | {
        "course": row["course"] or None,
        "kind": row["kind"] or None,
        "to": recipient if a_role else route_of(row["entry"]),
        "member": None if a_role else ids.get(recipient),
        "learner": ids.get(row["person"]),
        "decided_at": moment(row["decided_at"]),
        "due_at": moment(row["due_at"]) if row["state"] in OPEN_STATES else None,
        "ended_at": moment_or_none(row["ended_at"]),
    }


def _row(events: list[StreamEvent]) -> dict[str, Any]:
    """A notification as the view would show it."""
    folded = Folded.load(events[0].originator_id, [event.body for event in events])
    owed = msgspec.structs.asdict(folded.owed)
    ended_at = None if folded.is_open or len(events) == 1 else getattr(events[-1].body, "at", None)
    return owed | {
        "id": folded.id,
        "state": folded.state,
        "reason": folded.reason,
        "attempts": folded.attempts,
        "due_at": folded.due_at,
        "ended_at": ended_at,
    }


ID = in_path("id", "Its `id`.", {"type": "string", "minLength": 1})

OPERATIONS = (
    Operation(
        "/api/v1/notifications",
        "List notifications, those about the latest events first.",
        listing,
        Page[Notification],
        (
            choice("state", "Only in this state.", STATES),
            text("rule", "Only of the rule with this id."),
            LIMIT,
            AFTER,
        ),
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Operation(
        "/api/v1/notifications/{id}",
        "Show one notification with its history.",
        show,
        NotificationWithHistory,
        (ID,),
        refusals=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        "/api/v1/notifications/{id}/redrive",
        f"Try a notification again that is {' or '.join(sorted(REDRIVABLE))}.",
        try_again,
        NotificationWithHistory,
        (ID,),
        method="POST",
        refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
