"""History: the events of a notification, without what may not be shown."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from service.api.desk import moment
from service.learners.events import Event
from service.rules.notifications import Owed

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


def steps(events: Sequence[Event], kept: Mapping[str, str]) -> list[Step]:
    """The events of one stream; `kept` is what is kept beside it and not erased yet."""
    return [_step(event, kept.get(f"reply/{event.originator_version}")) for event in events]


def _step(event: Event, reply: str | None) -> Step:
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
