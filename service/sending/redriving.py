"""Redriving: trying again what was given up, because a person says so."""

from collections.abc import Sequence

from eventsourcing.persistence import IntegrityError

from service.learners.events import EventMapper
from service.learners.ledger import Ledger
from service.rules.notification import Notification
from service.rules.notifications import EXPIRED, GIVEN_UP, HELD, Redriven
from service.sending.docket import Docket

REDRIVABLE = frozenset({GIVEN_UP, EXPIRED, HELD})
AT_A_TIME = 500
CHANGED = "it changed meanwhile; look at it again"


def redrive(
    ledger: Ledger, mapper: EventMapper, docket: Docket, ids: Sequence[str], now: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """Makes notifications owed again from `now`; returns those done, and why others are not.

    Before one leaves it is tested again like any other. Twice is refused the second time.
    """
    done: list[str] = []
    refused: list[tuple[str, str]] = []
    for start in range(0, len(ids), AT_A_TIME):
        chunk = list(dict.fromkeys(ids[start : start + AT_A_TIME]))
        found = {n.id: n for n in docket.notifications(chunk)}
        reasons = {id: why_not(found.get(id)) for id in chunk}
        refused += [(id, reason) for id, reason in reasons.items() if reason]
        wanted = [found[id] for id, reason in reasons.items() if reason is None]
        written = append(ledger, mapper, wanted, now)
        done += written
        refused += [(n.id, CHANGED) for n in wanted if n.id not in written]
    return done, refused


def why_not(notification: Notification | None) -> str | None:
    """Why a notification cannot be redriven; None when it can."""
    if notification is None:
        return "no such notification"
    if notification.state not in REDRIVABLE:
        wanted = ", ".join(sorted(REDRIVABLE))
        return f"expected one of {wanted}, got {notification.state}"
    return None


def append(
    ledger: Ledger, mapper: EventMapper, wanted: Sequence[Notification], now: int
) -> list[str]:
    """Appends the event to all at once; returns the ids of those nobody else moved meanwhile."""
    rows = [(n.id, n.version + 1, *mapper.encode(Redriven(at=now))) for n in wanted]
    try:
        with ledger.transaction() as cursor:
            ledger.append(cursor, rows)
    except IntegrityError:
        if len(wanted) == 1:
            return []
        return [id for each in wanted for id in append(ledger, mapper, [each], now)]
    return [n.id for n in wanted]
