"""Fold a notification from its history in the ledger."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, ClassVar, Self

import msgspec
from msgspec.structs import replace

from service.learners.facts import Identity
from service.learners.feed_subjects import DATED
from service.ledger.events import EventBody
from service.rules.fields import EventSeen

OWED, SCHEDULED, WAITING_ADDRESS, HELD = "owed", "scheduled", "waiting_address", "held"
SENT, GIVEN_UP, CANCELLED, EXPIRED = "sent", "given_up", "cancelled", "expired"
SUPPRESSED, DROPPED, SHADOW = "suppressed", "dropped", "shadow"
NOT_TRIED, TITLE = "not_tried", "title"
RULE_GONE, RULE_REMOVED = "rule_gone", "rule_removed"
"""Why something waits, while the file that says so no more is settling, and then ends."""
DIGEST = "digest"
"""The trigger of what a digest owes."""
OPEN_STATES = (OWED, SCHEDULED, WAITING_ADDRESS, HELD)
ENDED_STATES = (SENT, GIVEN_UP, CANCELLED, EXPIRED, SUPPRESSED, DROPPED, SHADOW)
STATES = OPEN_STATES + ENDED_STATES


class Owed(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record that a rule matched: someone is to be told something.

    `subject` is the stream it is about and `version` its newest event when it was decided;
    `occurrence` is what makes it happen once. `recipient` is a role or the person id of a
    group member. `read` holds what the conditions read, personal values apart in the erasable
    table. `decided_at` is the `now` of the decision, `due_at` when it may leave. `held` says why
    a person must release it. With `digest` it is an item of one; what has one `bundle`, a channel
    and who reads it as known then, leaves as one message.
    """

    TOPIC: ClassVar[str] = "notification.owed"
    rule: str
    entry: str
    mode: str
    template: str
    channel: str
    recipient: str
    trigger: str
    occurrence: str
    subject: str
    version: int
    source: str
    account: str
    course: str
    kind: str
    decided_at: int
    due_at: int
    instance: str | None = None
    person: str | None = None
    event_name: str | None = None
    event_at: int | None = None
    by_admin: bool = False
    collapse: str | None = None
    bundle: str | None = None
    held: str | None = None
    digest: bool = False
    read: dict[str, Any] = {}

    @property
    def about(self) -> Identity:
        """Name the enrolment, instance, course or learner that it is about."""
        who, place = (self.source, self.account, self.person or ""), (self.course, self.kind)
        return Identity(*who, *place, self.instance)

    @property
    def version_told(self) -> int | None:
        """Give the version of the event that it tells of; None if time brought it about."""
        return None if self.event_name is None else int(self.occurrence.rpartition("/")[2])

    @property
    def event_seen(self) -> EventSeen:
        """Give the event that caused it, as conditions may read it."""
        name, at = self.event_name, self.event_at
        if name is None:
            at = at if self.subject.startswith(DATED) else None
            return EventSeen(self.source, self.account, at=at)
        return EventSeen(self.source, self.account, name=name, at=at, by_admin=self.by_admin)


class NotificationStep(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Add one more step to the history of a notification, at a moment (ms UTC)."""

    at: int

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Give the fields of the notification that the step changes, with their new values."""
        raise NotImplementedError


class AttemptStarted(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record a worker's claim, before the network is touched; the claim holds until `until`.

    `turn` is its place among what its connection claimed with it, from 1, which is the order of
    sending; 0 in older ledgers. `message_id` is the mail's. `speaks_for` are the
    notifications dropped with this claim, for which its message stands too.
    """

    TOPIC: ClassVar[str] = "notification.attempt_started"
    worker: str
    until: int
    turn: int = 0
    message_id: str = ""
    speaks_for: tuple[str, ...] = ()

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Claim it; the start of an attempt may have brought others into its message."""
        return {
            "claimed_until": self.until,
            "worker": self.worker,
            "turn": self.turn,
            "message_id": before.message_id or self.message_id,
            "speaks_for": (*before.speaks_for, *self.speaks_for),
        }


class AttemptEnded(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record what came of an attempt; `not_tried`: the worker stopped before its turn.

    `outcome` is accepted, permanent, transient, unknown or not_tried; `then` the state it leads
    to; `next_at` when it is tried again. `code` and `status` are the reply codes; the reply's
    text is kept apart, where it can be erased.
    """

    TOPIC: ClassVar[str] = "notification.attempt_ended"
    outcome: str
    then: str
    code: int | None = None
    status: str | None = None
    next_at: int | None = None

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Note the outcome; what is sent stays sent, whatever comes late."""
        if before.state == SENT:
            return {}
        return {
            "state": self.then,
            "due_at": before.due_at if self.next_at is None else self.next_at,
            "claimed_until": None,
            "worker": None,
            "reason": None if self.then == SENT else f"{self.outcome} {self.code or ''}".strip(),
            "attempts": before.attempts + (self.outcome != NOT_TRIED),
            "speaks_for": before.speaks_for if self.then in (SENT, *OPEN_STATES) else (),
        }


def wait(state: str, until: int, reason: str) -> dict[str, Any]:
    """Change to a state in which a notification waits, claimed by no worker."""
    return {"state": state, "due_at": until, "reason": reason, "claimed_until": None}


class WaitingForAddress(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record that nobody knows the address; an import is waited for, at most until `until`."""

    TOPIC: ClassVar[str] = "notification.waiting_for_address"
    until: int

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Let it wait."""
        return wait(WAITING_ADDRESS, self.until, "no address")


class AddressFound(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record that the address, or `what` it waited for, is known; it may leave from now."""

    TOPIC: ClassVar[str] = "notification.address_found"
    what: str = "address"

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Let it leave."""
        moments = dict.fromkeys(("due_at", "ready_at", "joins_at"), self.at)
        return {"state": OWED, "reason": None, **moments}


class Deferred(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record a delay until `until`: a window, a digest's closing, or enough for its reader.

    No live rule owes it `since` then, if given. With `bundle` it joins that, and does not age, nor
    while its reader has `chosen` so. `reader` is a person or a room.
    """

    TOPIC: ClassVar[str] = "notification.deferred"
    until: int
    reason: str
    since: int | None = None
    bundle: str | None = None
    chosen: bool = False
    reader: str | None = None

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Put it off."""
        joins = {"bundle": self.bundle} if self.bundle else {}
        ready = {"ready_at": self.until} if self.bundle or self.chosen else {}
        return wait(SCHEDULED, self.until, self.reason) | joins | ready


class RuleReturned(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record that the rule of what was held without it is back; it may leave from now."""

    TOPIC: ClassVar[str] = "notification.rule_returned"

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Let it leave; it has not aged meanwhile."""
        return {"state": OWED, "reason": None, "due_at": self.at, "ready_at": self.at}


class Held(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record a hold at the moment of leaving, until a person lets go."""

    TOPIC: ClassVar[str] = "notification.held"
    until: ClassVar[float] = inf
    reason: str

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Hold it."""
        return {"state": HELD, "reason": self.reason, "claimed_until": None}


class Ended(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record an end without an attempt: `state` is one of the ended states, `reason` why.

    `into` is the notification whose message stands for this one too.
    """

    TOPIC: ClassVar[str] = "notification.ended"
    state: str
    reason: str
    into: str | None = None

    def changes(self, before: "Notification") -> dict[str, Any]:
        """End it; nobody is spoken for any more."""
        ended = {"state": self.state, "reason": self.reason, "claimed_until": None}
        return {**ended, "into": self.into, "speaks_for": ()}


class Redriven(NotificationStep, frozen=True, kw_only=True, omit_defaults=True):
    """Record that a person asked for another try; what the rules say now still holds.

    With `released_by` nobody asked: the message of that notification was to stand for this one
    too, and does not. It expires when it would have expired by itself.
    """

    TOPIC: ClassVar[str] = "notification.redriven"
    released_by: str | None = None

    def changes(self, before: "Notification") -> dict[str, Any]:
        """Begin anew; what was not asked for by a person ages on."""
        return {
            "state": OWED,
            "due_at": self.at,
            "attempts": 0,
            "reason": None,
            "claimed_until": None,
            "ready_at": before.ready_at if self.released_by else self.at,
            "into": None,
            "joins_at": self.at,
        }


KINDS: tuple[type[EventBody], ...] = (Owed, *NotificationStep.__subclasses__())
SHAPES: Mapping[str, Any] = {kind.TOPIC: kind for kind in KINDS}


def first_state(owed: Owed) -> str:
    """Give the state a notification is born in."""
    if owed.mode == "shadow":
        return SHADOW
    if owed.held is not None:
        return HELD
    return SCHEDULED if owed.due_at > owed.decided_at else OWED


def first_reason(owed: Owed) -> str | None:
    """Say why a notification does not leave at once; None when it does."""
    if owed.mode == "shadow":
        return None
    waits = "digest" if owed.digest else "collapse" if owed.collapse else None
    return owed.held or waits or ("bundle" if owed.due_at > owed.decided_at else None)


def ended_unsent(newest: EventBody) -> bool:
    """Tell whether a notification with this newest event has ended and nobody was told."""
    if isinstance(newest, Ended):
        return newest.into is None
    return isinstance(newest, AttemptEnded) and newest.then == GIVEN_UP


class Notification(msgspec.Struct, frozen=True):
    """Hold a notification as folded from its stream.

    `ready_at` is when it could first have left: expiry counts from there. `joins_at` is the moment
    from which its digest is the next one. `claimed_until` is set while an attempt is open, by
    `worker` at its `turn`. `attempts` counts since it was owed or last redriven. `into` is whose
    message stood for this one, `speaks_for` those for which this one's does, `bundle` its company.
    """

    id: str
    version: int
    owed: Owed
    state: str
    due_at: int
    ready_at: int
    joins_at: int = 0
    attempts: int = 0
    claimed_until: int | None = None
    worker: str | None = None
    turn: int = 0
    reason: str | None = None
    into: str | None = None
    speaks_for: tuple[str, ...] = ()
    message_id: str = ""
    bundle: str | None = None

    @classmethod
    def load(cls, id: str, bodies: Iterable[EventBody]) -> Self:
        """Fold the notification whose stream holds these bodies, first to last."""
        events = iter(bodies)
        owed = next(events)
        assert isinstance(owed, Owed), f"{id}: the first event of a notification is Owed"
        found = cls(
            id=id,
            version=1,
            owed=owed,
            state=first_state(owed),
            due_at=owed.due_at,
            ready_at=owed.due_at,
            joins_at=owed.decided_at,
            reason=first_reason(owed),
            bundle=owed.bundle,
        )
        for event in events:
            found = found.apply(event)
        return found

    def apply(self, event: EventBody) -> Self:
        """Add one more event of its stream."""
        assert isinstance(event, NotificationStep), f"{self.id}: expected no {event.topic}"
        return replace(self, version=self.version + 1, **event.changes(self))

    @property
    def is_open(self) -> bool:
        """Tell whether it may still be sent."""
        return self.state in OPEN_STATES
