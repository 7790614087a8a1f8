"""A notification: what its history in the ledger has made of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import msgspec
from msgspec.structs import replace

from service.learners.facts import FactRecorded
from service.learners.feed_subjects import FEED, LETTER
from service.learners.world import World
from service.ledger.events import EventBody
from service.rules.fields import EventSeen, Reading
from service.rules.fields import Subject as Readable

OWED, SCHEDULED, WAITING_ADDRESS, HELD = "owed", "scheduled", "waiting_address", "held"
SENT, GIVEN_UP, CANCELLED, EXPIRED = "sent", "given_up", "cancelled", "expired"
SUPPRESSED, DROPPED, SHADOW = "suppressed", "dropped", "shadow"
NOT_TRIED = "not_tried"
DIGEST = "digest"
"""The trigger of what a digest owes."""
OPEN_STATES = (OWED, SCHEDULED, WAITING_ADDRESS, HELD)
ENDED_STATES = (SENT, GIVEN_UP, CANCELLED, EXPIRED, SUPPRESSED, DROPPED, SHADOW)
STATES = OPEN_STATES + ENDED_STATES


class Owed(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """A rule matched: someone is to be told something.

    `subject` is the stream it is about and `version` its newest event when it was decided;
    `occurrence` is what makes it happen once. `recipient` is a role or the person id of a
    group member. `read` holds what the conditions read, personal values apart in the erasable
    table. `decided_at` is the `now` of the decision, `due_at` when it may leave. `held` says why
    a person must release it first. With `digest` it is told of as an item of one.
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
    held: str | None = None
    digest: bool = False
    read: dict[str, Any] = {}


class AttemptStarted(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """A worker claimed it, before the network is touched; the claim holds until `until`.

    `message_id` is the mail's. `speaks_for` are the notifications dropped with this claim,
    for which its message stands too.
    """

    TOPIC: ClassVar[str] = "notification.attempt_started"
    at: int
    worker: str
    until: int
    message_id: str = ""
    speaks_for: tuple[str, ...] = ()


class AttemptEnded(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """What came of an attempt: `outcome` accepted, permanent, transient, unknown, or not_tried
    when the worker stopped before its turn.

    `then` is the state it leads to; `next_at` when it is tried again. `code` and `status` are
    the reply codes; the reply's text is kept apart, where it can be erased.
    """

    TOPIC: ClassVar[str] = "notification.attempt_ended"
    at: int
    outcome: str
    then: str
    code: int | None = None
    status: str | None = None
    next_at: int | None = None


class WaitingForAddress(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Nobody knows the address yet; it waits for an import, at most until `until`."""

    TOPIC: ClassVar[str] = "notification.waiting_for_address"
    at: int
    until: int


class AddressFound(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """The address it waited for is known; it may leave from now."""

    TOPIC: ClassVar[str] = "notification.address_found"
    at: int


class Deferred(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """It may not leave before `until`, because of a send window or a digest's closing."""

    TOPIC: ClassVar[str] = "notification.deferred"
    at: int
    until: int
    reason: str


class Held(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """It was to leave, and is kept until a person lets it go."""

    TOPIC: ClassVar[str] = "notification.held"
    at: int
    reason: str


class Ended(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """It ends without an attempt: `state` is one of the ended states, `reason` says why.

    `into` is the notification whose message stands for this one too.
    """

    TOPIC: ClassVar[str] = "notification.ended"
    at: int
    state: str
    reason: str
    into: str | None = None


class Redriven(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """A person asked for it to be tried again; what the rules say now still holds.

    With `released_by` nobody asked: the message of that notification was to stand for this one
    too, and ended unsent. It expires when it would have expired by itself.
    """

    TOPIC: ClassVar[str] = "notification.redriven"
    at: int
    released_by: str | None = None


KINDS = (
    Owed, AttemptStarted, AttemptEnded, WaitingForAddress, AddressFound, Deferred, Held, Ended,
    Redriven,
)  # fmt: skip
SHAPES: Mapping[str, Any] = {kind.TOPIC: kind for kind in KINDS}


def first_state(owed: Owed) -> str:
    """The state a notification is born in."""
    if owed.mode == "shadow":
        return SHADOW
    if owed.held is not None:
        return HELD
    return SCHEDULED if owed.due_at > owed.decided_at else OWED


def first_reason(owed: Owed) -> str | None:
    """Why it does not leave at once; None when it does."""
    if owed.mode == "shadow":
        return None
    return owed.held or ("digest" if owed.digest else "collapse" if owed.collapse else None)


def ended_unsent(newest: EventBody) -> bool:
    """Whether a notification whose newest event this is has ended and nobody was told."""
    if isinstance(newest, Ended):
        return newest.into is None
    return isinstance(newest, AttemptEnded) and newest.then == GIVEN_UP


class Notification(msgspec.Struct, frozen=True):
    """A notification as folded from its stream.

    `ready_at` is when it could first have left: expiry counts from there. `joins_at` is the moment
    from which its digest is the next one. `claimed_until` is
    set while an attempt is open. `attempts` counts since it was owed or last redriven. `into`
    is the notification whose message stood for this one, `speaks_for` are those for which this
    one's stands. `message_id` is the one of its first attempt.
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
    reason: str | None = None
    into: str | None = None
    speaks_for: tuple[str, ...] = ()
    message_id: str = ""

    @classmethod
    def load(cls, id: str, bodies: Iterable[EventBody]) -> Self:
        """The notification whose stream holds these bodies, first to last."""
        events = iter(bodies)
        owed = next(events)
        assert isinstance(owed, Owed), f"{id}: the first event of a notification is Owed"
        found = cls(
            id, 1, owed, first_state(owed), owed.due_at, owed.due_at, owed.decided_at,
            reason=first_reason(owed),
        )  # fmt: skip
        for event in events:
            found = found.apply(event)
        return found

    def apply(self, event: EventBody) -> Self:
        """This notification with one more event of its stream."""
        changed = replace(self, version=self.version + 1)
        if isinstance(event, AttemptStarted):
            return changed.claimed(event)
        if isinstance(event, AttemptEnded):
            return changed.attempted(event)
        if isinstance(event, WaitingForAddress):
            return replace(
                changed, state=WAITING_ADDRESS, due_at=event.until, reason="no address",
                claimed_until=None,
            )  # fmt: skip
        if isinstance(event, AddressFound):
            return replace(
                changed, state=OWED, due_at=event.at, ready_at=event.at, joins_at=event.at,
                reason=None,
            )  # fmt: skip
        if isinstance(event, Deferred):
            return replace(
                changed, state=SCHEDULED, due_at=event.until, reason=event.reason,
                claimed_until=None,
            )  # fmt: skip
        if isinstance(event, Held):
            return replace(changed, state=HELD, reason=event.reason, claimed_until=None)
        if isinstance(event, Ended):
            return replace(
                changed, state=event.state, reason=event.reason, claimed_until=None,
                into=event.into, speaks_for=(),
            )  # fmt: skip
        assert isinstance(event, Redriven)
        return replace(
            changed, state=OWED, due_at=event.at, attempts=0, reason=None, claimed_until=None,
            ready_at=self.ready_at if event.released_by else event.at, into=None,
            joins_at=event.at,
        )  # fmt: skip

    def claimed(self, event: AttemptStarted) -> Self:
        """After the start of an attempt, which may have brought others into its message."""
        return replace(
            self, claimed_until=event.until, worker=event.worker,
            message_id=self.message_id or event.message_id,
            speaks_for=(*self.speaks_for, *event.speaks_for),
        )  # fmt: skip

    def attempted(self, event: AttemptEnded) -> Self:
        """After the outcome of an attempt; once sent it stays sent, whatever comes late."""
        if self.state == SENT:
            return self
        tried = event.outcome != NOT_TRIED
        due = self.due_at if event.next_at is None else event.next_at
        reason = None if event.then == SENT else f"{event.outcome} {event.code or ''}".strip()
        return replace(
            self, state=event.then, due_at=due, claimed_until=None, worker=None, reason=reason,
            attempts=self.attempts + tried,
            speaks_for=self.speaks_for if event.then in (SENT, *OPEN_STATES) else (),
        )  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Whether it may still be sent."""
        return self.state in OPEN_STATES


DATED = (FEED, LETTER)
"""Beginnings of the ids of subjects whose own moment conditions may read."""


class Subject(msgspec.Struct, frozen=True):
    """Hold what a notification is about as the log has it now, and the events since.

    What a digest is about has no events, but items.
    """

    aggregate: Readable
    bodies: Sequence[EventBody]
    items: Sequence["Item"] = ()

    @property
    def versions(self) -> dict[str, int]:
        """The streams that say what is so, each with its newest version."""
        if not self.items:
            return {self.aggregate.id: len(self.bodies)}
        return {id: v for item in self.items for id, v in item.subject.versions.items()}

    def transitions_after(self, version: int) -> set[str]:
        """Name every transition of the stream after one version."""
        later = self.bodies[version:]
        return {name for b in later if isinstance(b, FactRecorded) for name in b.transitions}


class Item(NamedTuple):
    """Hold one thing to be told, and what it is about as the log has it now."""

    owed: Owed
    subject: Subject

    def reading(self, world: World, now: int) -> Reading:
        """Make what conditions read of it at `now` (ms UTC)."""
        return Reading(self.subject.aggregate, event_seen(self.owed), world, now)


def event_seen(owed: Owed) -> EventSeen:
    """Give the event that caused a notification, as conditions may read it."""
    if owed.event_name is None:
        at = owed.event_at if owed.subject.startswith(DATED) else None
        return EventSeen(owed.source, owed.account, at=at)
    return EventSeen(owed.source, owed.account, owed.event_name, owed.event_at, owed.by_admin)
