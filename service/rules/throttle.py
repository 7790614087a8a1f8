"""Throttle: at most so many messages to one recipient in any stretch of time."""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, ClassVar

from service.ledger.events import EventBody
from service.rules.notification import Notification, Owed, ended_unsent
from service.rules.verdict import Due

REASON = "throttle"


class ThrottlePassed(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """The notifications that this throttle let through and still counts: when, and which."""

    TOPIC: ClassVar[str] = "throttle.passed"
    at: int
    passed: tuple[tuple[int, str], ...]


SHAPES: Mapping[str, Any] = {ThrottlePassed.TOPIC: ThrottlePassed}
Latest = Callable[[str], tuple[int, EventBody] | None]
"""The newest event of a stream and its version."""
Pass = tuple[str, int, ThrottlePassed]
"""The next event of a throttle's stream: stream, version and body."""


def passing(notification: Notification, due: Due, latest: Latest, now: int) -> Pass | str | None:
    """Say what is remembered when a notification leaves; the reason when it is one too many.

    None when nothing is: it has no throttle, or was let through before. A throttle counts the
    room or the very person. What ended unsent does not count; nor does what left by a clock that
    was far ahead.
    """
    throttle = due.entry.throttle
    if throttle is None:
        return None
    stream = memory_stream(notification.owed, due)
    version, last = latest(stream) or (0, None)
    before = last.passed if isinstance(last, ThrottlePassed) else ()
    counted = tuple((at, other) for at, other in before if abs(now - at) < throttle.per_ms)
    if any(other == notification.id for _, other in counted):
        return None
    if len(counted) >= throttle.max:
        counted = tuple(each for each in counted if not _unsent(each[1], latest))
    if len(counted) >= throttle.max:
        return REASON
    passed = (*counted, (now, notification.id))
    return stream, version + 1, ThrottlePassed(at=now, passed=passed)


def _unsent(id: str, latest: Latest) -> bool:
    newest = latest(id)
    return newest is not None and ended_unsent(newest[1])


def memory_stream(owed: Owed, due: Due) -> str:
    """Name the stream of one throttle: of an entry, a recipient, and the values it groups by."""
    assert due.entry.throttle is not None
    recipient = due.recipient.id if due.recipient else owed.recipient
    values = [str(due.reading(field)) for field in due.entry.throttle.group_by]
    name = "\x1f".join((owed.rule, owed.entry, recipient, *values)).encode()
    return f"t{blake2b(name, digest_size=16).hexdigest()}"
