"""Plan what leaves now, as one message with what else, and what ends instead.

Pure: values in, values out. Delivery and the backtest plan with it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import msgspec

from service.ledger.events import EventBody, Latest, stream_id
from service.rules.judgement import Due, Verdict
from service.rules.notification import (
    DROPPED,
    OWED,
    SCHEDULED,
    Ended,
    Notification,
    Owed,
    ended_unsent,
)

REASON = "throttle"


class ThrottlePassed(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record the notifications that a throttle let through and still counts: when, and which."""

    TOPIC: ClassVar[str] = "throttle.passed"
    at: int
    passed: tuple[tuple[int, str], ...]


SHAPES: Mapping[str, Any] = {ThrottlePassed.TOPIC: ThrottlePassed}
Pass = tuple[str, int, ThrottlePassed]
"""The next event of a throttle's stream: stream, version and body."""


def passing(notification: Notification, due: Due, latest: Latest, now: int) -> Pass | str | None:
    """Say what is remembered when a notification leaves; the reason when it is one too many.

    None when nothing is: it has no throttle, or was let through before. A throttle counts the
    room or the very person, by whichever of their records. What ended unsent does not count; nor
    does what left by a clock that was far ahead.
    """
    throttle = due.entry.throttle
    if throttle is None:
        return None
    streams = throttle_streams(notification.owed, due)
    before = [[p for p in _passed(latest(s)) if abs(now - p[0]) < throttle.per_ms] for s in streams]
    if any(other == notification.id for each in before for _, other in each):
        return None
    if sum(map(len, before)) >= throttle.max:
        before = [[p for p in each if not _unsent(p[1], latest)] for each in before]
    if sum(map(len, before)) >= throttle.max:
        return REASON
    version, _ = latest(streams[0]) or (0, None)
    passed = (*before[0], (now, notification.id))
    return streams[0], version + 1, ThrottlePassed(at=now, passed=passed)


def _passed(newest: tuple[int, EventBody] | None) -> Sequence[tuple[int, str]]:
    return newest[1].passed if newest and isinstance(newest[1], ThrottlePassed) else ()


def _unsent(id: str, latest: Latest) -> bool:
    newest = latest(id)
    return newest is not None and ended_unsent(newest[1])


def throttle_streams(owed: Owed, due: Due) -> list[str]:
    """Name the streams of one throttle: of an entry, a recipient, and the values it groups by.

    Those of other records of the recipient come behind.
    """
    assert due.entry.throttle is not None
    recipient = due.recipient.id if due.recipient else owed.recipient
    values = [str(due.reading(field)) for field in due.entry.throttle.group_by]
    records = (recipient, *due.beside)
    return [stream_id("t", owed.rule, owed.entry, each, *values) for each in records]


COLLAPSED = "collapsed"
WEIGHTS = {"certification": 2, "learning_path": 1}
"""Of messages that become one, the one about the larger thing speaks for the others."""

Leaving = tuple[Notification, Due]
"""A notification that may leave, and as what."""
Judge = Callable[[Notification], Verdict]
"""Gives the verdict on a notification."""


class PlannedMessage(NamedTuple):
    """Hold one message: the notification that speaks, and those it speaks for.

    `told` are those that it is the first to stand for; `before` ended so at an earlier attempt.
    `passed` is what its throttle remembers of it.
    """

    lead: Notification
    due: Due
    told: Sequence[Leaving] = ()
    before: Sequence[Leaving] = ()
    passed: Pass | None = None

    @property
    def others(self) -> list[Leaving]:
        """List all that it names beside its own."""
        return [*self.told, *self.before]

    @property
    def notifications(self) -> list[Notification]:
        """List all of which it tells, the one that speaks first."""
        return [self.lead, *(notification for notification, _ in self.others)]


Accept = Callable[[PlannedMessage], EventBody | None]
"""Takes a message, or says how its lead ends instead: its words may not fit its values."""


class Plan(msgspec.Struct):
    """Hold what leaves, and the next event of what does not; throttles remember `passed`."""

    messages: list[PlannedMessage] = []
    endings: list[tuple[Notification, EventBody]] = []
    passed: dict[str, tuple[int, EventBody]] = {}


def plan(
    groups: Iterable[Sequence[Notification]],
    judge: Judge,
    latest: Latest,
    now: int,
    accept: Accept = lambda _: None,
) -> Plan:
    """Plan groups of notifications, of which each may become one message.

    What a group has spoken for and ended already is only judged, to be named.
    """
    planned = Plan()

    def remembered(stream: str) -> tuple[int, EventBody] | None:
        return planned.passed.get(stream) or latest(stream)

    for group in groups:
        judged = [(n, judge(n)) for n in group]
        leaving = [(n, verdict) for n, verdict in judged if isinstance(verdict, Due)]
        if any(n.is_open for n, _ in leaving):
            _add(planned, leaving, remembered, now, accept)
        planned.endings += [(n, v) for n, v in judged if n.is_open and isinstance(v, EventBody)]
    return planned


def _add(
    planned: Plan, leaving: Sequence[Leaving], latest: Latest, now: int, accept: Accept
) -> None:
    """Add one message for all of these, unless its throttle drops it or it is not accepted."""
    (lead, due), told = chosen_of([each for each in leaving if each[0].is_open])
    passed = passing(lead, due, latest, now)
    if passed == REASON:
        dropped = Ended(at=now, state=DROPPED, reason=REASON)
        planned.endings += [(n, dropped) for n in (lead, *(n for n, _ in told))]
        return
    remembered = passed if isinstance(passed, tuple) else None
    before = [each for each in leaving if each[0].into == lead.id]
    message = PlannedMessage(lead, due, told, before, remembered)
    instead = accept(message)
    if instead is not None:
        planned.endings.append((lead, instead))
        return
    planned.messages.append(message)
    if remembered is not None:
        stream, version, body = remembered
        planned.passed[stream] = (version, body)


def chosen_of(leaving: Sequence[Leaving]) -> tuple[Leaving, list[Leaving]]:
    """Pick the notification that speaks, and the others; who spoke before speaks on."""

    def rank(each: Leaving) -> tuple[bool, int, int, str]:
        notification, owed = each[0], each[0].owed
        weight = WEIGHTS.get(owed.kind, 0)
        return not notification.speaks_for, -weight, owed.decided_at, notification.id

    ranked = sorted(leaving, key=rank)
    return ranked[0], ranked[1:]


def collapsed(message: PlannedMessage, now: int) -> Ended:
    """Make the end of what a message is the first to stand for."""
    return Ended(at=now, state=DROPPED, reason=COLLAPSED, into=message.lead.id)


def joins(notification: Notification, first: Notification) -> bool:
    """Tell whether it was decided while the first one was waiting for company."""
    free = notification.claimed_until is None and notification.attempts == 0
    waits = notification.state in (OWED, SCHEDULED)
    return waits and free and notification.owed.decided_at <= first.owed.due_at
