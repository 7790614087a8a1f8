"""Steps: the next event of a notification, with what goes into the log with it or not at all."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from service.ledger.events import EventBody
from service.rules.digests import Row
from service.rules.notification import (
    DROPPED,
    HELD,
    NOT_TRIED,
    SENT,
    AttemptEnded,
    Ended,
    Notification,
    Redriven,
)
from service.sending.loader import Docket

Change = tuple[Notification, EventBody]
"""A notification and the next event of its stream."""


class Step(NamedTuple):
    """What is written together: `also` are the next events of other notifications, `beside` those
    of other streams. It `rests_on` these streams being no longer than that.
    """

    notification: Notification
    body: EventBody
    also: tuple[Change, ...] = ()
    beside: tuple[Row, ...] = ()
    rests_on: tuple[tuple[str, int], ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        return ((self.notification, self.body), *self.also)


class Unsettled(msgspec.Struct, frozen=True):
    """What became of a notification as claimed, with the reply's text; not on disk yet."""

    notification: Notification
    end: EventBody
    text: str = ""

    @property
    def tried(self) -> bool:
        """Whether the network was touched, so that this counts whoever has it in hand now."""
        return isinstance(self.end, AttemptEnded) and self.end.outcome != NOT_TRIED


def ground(steps: Sequence[Step]) -> dict[str, int]:
    """What these steps rest on: each of these streams has just this newest version."""
    return {stream: version for step in steps for stream, version in step.rests_on}


def with_releases(step: Step, docket: Docket) -> Step:
    """The step, and those owed again for which a message was to stand that now ends unsent."""
    released: list[Change] = []
    for speaker, body in step.changes:
        if isinstance(body, Ended | AttemptEnded) and silences(speaker, body):
            again = Redriven(at=body.at, released_by=speaker.id)
            found = docket.notifications(speaker.speaks_for)
            released += [(n, again) for n in found if n.state == DROPPED and n.into == speaker.id]
    return step._replace(also=(*step.also, *released)) if released else step


def silences(notification: Notification, body: EventBody) -> bool:
    """Whether it ends here unsent, though it was to speak for others."""
    if not notification.speaks_for:
        return False
    after = notification.apply(body)
    return not after.is_open and after.state != SENT


def is_due(notification: Notification, now: int) -> bool:
    """Whether the log itself says that it may leave now and nobody has it in hand."""
    free = notification.claimed_until is None or notification.claimed_until <= now
    return (
        notification.is_open
        and notification.state != HELD
        and free
        and (notification.due_at <= now)
    )
