"""Redriving: trying again what was given up, because a person says so."""

from collections.abc import Sequence

from eventsourcing.persistence import IntegrityError

from service.learners.events import EventMapper
from service.learners.ledger import Ledger
from service.rules.notifications import EXPIRED, GIVEN_UP, HELD, Notification, Redriven
from service.sending.docket import Docket

REDRIVABLE = frozenset({GIVEN_UP, EXPIRED, HELD})
AT_A_TIME = 500


def redrive(
    ledger: Ledger, mapper: EventMapper, docket: Docket, ids: Sequence[str], now: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """Makes notifications owed again from `now`; returns those done, and why others are not.

    Before one leaves it is tested again like any other. Twice is refused the second time.
    """
    done: list[str] = []
    refused: list[tuple[str, str]] = []
    for start in range(0, len(ids), AT_A_TIME):
        chunk = ids[start : start + AT_A_TIME]
        found = {n.id: n for n in docket.notifications(chunk)}
        for id in chunk:
            reason = why_not(found.get(id)) or append(ledger, mapper, found[id], now)
            if reason is None:
                done.append(id)
            else:
                refused.append((id, reason))
    return done, refused


def why_not(notification: Notification | None) -> str | None:
    """Why a notification cannot be redriven; None when it can."""
    if notification is None:
        return "no such notification"
    if notification.state not in REDRIVABLE:
        wanted = ", ".join(sorted(REDRIVABLE))
        return f"expected one of {wanted}, got {notification.state}"
    return None


def append(ledger: Ledger, mapper: EventMapper, found: Notification, now: int) -> str | None:
    """Appends the event; says so when somebody else changed the notification meanwhile."""
    row = (found.id, found.version + 1, *mapper.encode(Redriven(at=now)))
    try:
        with ledger.transaction() as cursor:
            ledger.append(cursor, [row])
    except IntegrityError:
        return "it changed meanwhile; look at it again"
    return None
