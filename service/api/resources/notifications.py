"""Show notifications over HTTP: whom we told what, why not, and what happened to each."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.api.framework.operations import Operation
from service.api.framework.problems import ApiError, NotFound
from service.api.framework.request import LIMIT_DEFAULT, After, Limit, Text
from service.api.request_context import Page, RequestContext, item, moment, page, with_moments
from service.ledger.events import EventBody
from service.rules.notification import OPEN_STATES, Owed
from service.rules.notification import Notification as Folded
from service.rules.rule import ROOM, STEPS_UP, route_of
from service.sending import queue
from service.sending.operator import REDRIVABLE, redrive

MISSING = "no such notification; expected an `id` of /api/v1/notifications"
ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;]+")
"""What may be somebody's address in a reply of a mail server."""

Kind = TypeVar("Kind", bound="Notification")
Open = Literal["owed", "scheduled", "waiting_address", "held"]
Ended = Literal["sent", "given_up", "cancelled", "expired", "suppressed", "dropped", "shadow"]
NotificationState = Literal[Open, Ended]
Waiting = Literal["waiting_for_address", "address_found", "deferred", "rule_returned", "held"]
StepKind = Literal["owed", "attempt_started", "attempt_ended", Waiting, "ended", "redriven"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One event; what its kind does not say is left out.

    `reply` is what the other side answered, while it is kept; `read` is what the rule's
    conditions read when it was decided, and `held` why a person had to release it at once.
    `since` is when the rule file became active that owes it no more; `what` is known now: the
    `address`, or the `title`.
    `released_by` is the notification whose message was to stand for this one and was not sent.
    """

    version: int
    at: datetime
    kind: StepKind
    state: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    then: str | UnsetType = UNSET
    code: int | UnsetType = UNSET
    status: str | UnsetType = UNSET
    reply: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    into: str | UnsetType = UNSET
    what: str | UnsetType = UNSET
    next_at: datetime | UnsetType = UNSET
    until: datetime | UnsetType = UNSET
    since: datetime | UnsetType = UNSET
    due_at: datetime | UnsetType = UNSET
    event_name: str | UnsetType = UNSET
    event_at: datetime | UnsetType = UNSET
    read: dict[str, Any] | UnsetType = UNSET
    held: str | UnsetType = UNSET
    released_by: str | UnsetType = UNSET


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed because of a rule, in the LMS's own ids and without a name or an address.

    `to` is `learner`, `manager`, `managers_manager`, `watchers`, `group:NAME` or `room:NAME`;
    `member` is the LMS id of the watcher, the member of a group or the reader of a digest.
    `subject` is the enrolment, instance, course, learner, feed, letter or digest it is about,
    which need not have a course. `due_at` is when it may leave or is tried again; null once it
    has ended.
    """

    id: str
    state: NotificationState
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


class NotificationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Choose which notifications are listed."""

    state: Annotated[NotificationState | None, Meta(description="Only in this state.")] = None
    rule: Annotated[Text | None, Meta(description="Only of the rule with this id.")] = None
    limit: Limit = LIMIT_DEFAULT
    after: After | None = None


class NotificationPath(msgspec.Struct, frozen=True):
    """Name one notification."""

    id: Annotated[str, Meta(min_length=1, description="Its `id`.")]


def listing(context: RequestContext, query: NotificationQuery) -> Page[Notification]:
    """List notifications, those about the latest events first."""
    views = context.app.views
    rows = queue.page(views, query.state, query.rule, query.limit + 1, query.after)
    ids = context.learners(row[column] for row in rows for column in ("person", "recipient"))
    items = [_told(Notification, row, ids) for row in rows]
    return page(items, query.limit, lambda each: each.id)


def show(context: RequestContext, path: NotificationPath) -> NotificationWithHistory:
    """Show one notification, as the ledger has it now."""
    store, id = context.app.store, path.id
    events = store.stream(id) if id.startswith("n") else []
    if not events:
        raise NotFound
    row = _row(id, events)
    ids = context.learners([row["person"], row["recipient"]])
    history = steps(events, store.ledger.erasable(id))
    return _told(NotificationWithHistory, row, ids, history=history)


def try_again(context: RequestContext, path: NotificationPath) -> NotificationWithHistory:
    """Let a notification leave again."""
    show(context, path)
    app, now = context.app, context.clock()
    _, refused = redrive(app.notification_streams, [path.id], now, app.writer.lookup)
    for _, reason in refused:
        raise ApiError(HTTPStatus.CONFLICT, reason)
    return show(context, path)


def steps(events: Sequence[EventBody], kept: Mapping[str, str]) -> list[Step]:
    """Tell the events of one stream; `kept` is what is kept beside it and not erased yet."""
    return [_step(v, body, kept.get(f"reply/{v}")) for v, body in enumerate(events, 1)]


def _step(version: int, body: Any, reply: str | None) -> Step:
    said = {n: getattr(body, n) for n in Step.__struct_fields__ if n in body.__struct_fields__}
    said |= {
        "version": version,
        "at": body.decided_at if isinstance(body, Owed) else body.at,
        "kind": body.topic.removeprefix("notification."),
        "reply": without_addresses(reply) if reply else None,
    }
    told = {name: value for name, value in said.items() if value not in (None, {})}
    return Step(**with_moments(Step, told))


def without_addresses(reply: str) -> str:
    """Take out of a server's reply what may be somebody's address."""
    return ADDRESS.sub("[address]", reply)


def _told(kind: type[Kind], row: Mapping[str, Any], ids: Mapping[str, str], **more: Any) -> Kind:
    """Make a notification of a row; `ids` are LMS ids by person."""
    recipient: str = row["recipient"]
    a_role = recipient in STEPS_UP or recipient.startswith(ROOM)
    return item(
        kind,
        row,
        course=row["course"] or None,
        kind=row["kind"] or None,
        to=recipient if a_role else route_of(row["entry"]),
        member=None if a_role else ids.get(recipient),
        learner=ids.get(row["person"]),
        due_at=moment(row["due_at"]) if row["state"] in OPEN_STATES else None,
        **more,
    )


def _row(id: str, events: list[EventBody]) -> dict[str, Any]:
    """Make the row that the view would show."""
    folded = Folded.load(id, events)
    owed = msgspec.structs.asdict(folded.owed)
    ended_at = None if folded.is_open or len(events) == 1 else getattr(events[-1], "at", None)
    return owed | {
        "id": folded.id,
        "state": folded.state,
        "reason": folded.reason,
        "attempts": folded.attempts,
        "due_at": folded.due_at,
        "ended_at": ended_at,
    }


OPERATIONS = (
    Operation(
        "/api/v1/notifications",
        "List notifications, those about the latest events first.",
        listing,
        reads_views=True,
    ),
    Operation(
        "/api/v1/notifications/{id}",
        "Show one notification with its history.",
        show,
        missing=MISSING,
    ),
    Operation(
        "/api/v1/notifications/{id}/redrive",
        f"Try a notification again that is {', '.join(sorted(REDRIVABLE))}, or cancelled because "
        "its rule was gone or, once they are two people again, as `merged`.",
        try_again,
        method="POST",
        missing=MISSING,
        refusals=(HTTPStatus.CONFLICT,),
    ),
)
