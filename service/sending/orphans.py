"""Orphans: what is owed by a channel that the active rules do not name any more."""

from eventsourcing.persistence import IntegrityError

from service.learners.events import EventMapper
from service.learners.ledger import Ledger
from service.learners.views import Views
from service.rules.notifications import CANCELLED, Ended
from service.sending import queue
from service.sending.docket import Docket

AT_A_TIME = 500


def cancel_orphans(
    views: Views,
    ledger: Ledger,
    mapper: EventMapper,
    docket: Docket,
    channels: set[str],
    now: int,
) -> None:
    """Cancels every open notification whose channel is not one of `channels`.

    No delivery would ever look at it again. One that is in hand right now is left alone.
    """
    ended = mapper.encode(Ended(at=now, state=CANCELLED, reason="rule_removed"))
    for channel in queue.channels(views) - channels:
        last = ""
        while ids := queue.open_by(views, channel, last, AT_A_TIME):
            last = ids[-1]
            for found in docket.notifications(ids):
                if found.is_open and (found.claimed_until or 0) <= now:
                    cancel(ledger, (found.id, found.version + 1, *ended))


def cancel(ledger: Ledger, row: tuple[str, int, str, bytes]) -> None:
    """Appends the end, unless somebody moved the notification meanwhile."""
    try:
        with ledger.transaction() as cursor:
            ledger.append(cursor, [row])
    except IntegrityError:
        return
