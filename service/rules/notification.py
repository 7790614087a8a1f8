"""A notification: what its history in the ledger has made of it."""

from collections.abc import Iterable
from typing import Self

import msgspec
from msgspec.structs import replace

from service.learners.events import Body
from service.rules.notifications import (
    HELD,
    NOT_TRIED,
    OPEN_STATES,
    OWED,
    SCHEDULED,
    SENT,
    WAITING_ADDRESS,
    AddressFound,
    AttemptEnded,
    AttemptStarted,
    Deferred,
    Ended,
    Held,
    Owed,
    Redriven,
    WaitingForAddress,
    first_reason,
    first_state,
)


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
    def load(cls, id: str, bodies: Iterable[Body]) -> Self:
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

    def apply(self, event: Body) -> Self:
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
