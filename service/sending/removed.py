"""Removed: what is owed because of a rule, or by a channel, that the active file has no more."""

from collections.abc import Collection

from eventsourcing.persistence import IntegrityError

from service.learners.events import EventMapper
from service.learners.ledger import Ledger
from service.learners.views import Views
from service.rules.notifications import CANCELLED, Ended
from service.sending import queue
from service.sending.docket import Docket

AT_A_TIME = 500


def cancel_removed(
    views: Views,
    ledger: Ledger,
    mapper: EventMapper,
    docket: Docket,
    channels: Collection[str],
    live: Collection[str],
    now: int,
) -> None:
    """Cancels every open notification of a channel or rule that is not among these.

    No delivery would look at it again. One that is in hand right now is left alone.
    """
    ended = mapper.encode(Ended(at=now, state=CANCELLED, reason="rule_removed"))
    ids = list(queue.removed(views, channels, live))
    for start in range(0, len(ids), AT_A_TIME):
        for found in docket.notifications(ids[start : start + AT_A_TIME]):
            if found.is_open and found.claimed_until is None:
                cancel(ledger, (found.id, found.version + 1, *ended))


def cancel(ledger: Ledger, row: tuple[str, int, str, bytes]) -> None:
    """Appends the end, unless somebody moved the notification meanwhile."""
    try:
        with ledger.transaction() as cursor:
            ledger.append(cursor, [row])
    except IntegrityError:
        return
