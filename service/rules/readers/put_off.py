"""Judge again what was put off: its reader may have chosen anew since, or the rules changed.

Pure: values in, values out. The service and the backtest ask it.
"""

from service.rules.calendar import instant, local
from service.rules.judgement import Due, Ground, Verdict
from service.rules.notification import Deferred, Notification
from service.rules.plan import AT_MOST, MORNING, DailyLimit
from service.rules.rule import zone_of

EARLIER = "earlier"
"""Why something waits that was brought forward: what it waited for is over."""


def sooner(notification: Notification, verdict: Verdict, ground: Ground) -> Deferred | None:
    """Say to when something is brought forward, as it is judged now; None if it waits on.

    What is not to be told any more ends at its moment, as ever.
    """
    match verdict:
        case Due():
            found = _leaving(notification, verdict, ground)
        case Deferred(reader=str()):
            found = verdict
        case _:
            return None
    return found if found.until < notification.due_at else None


def _leaving(notification: Notification, due: Due, ground: Ground) -> Deferred:
    """Put off what may leave to now, or to the morning or day of which its reader has enough.

    What has not aged so far begins to.
    """
    defaults, now = ground.decider.rules.defaults, ground.now
    limit = DailyLimit(due, defaults, ground.world.latest, now=now)
    if limit.passing(notification) is None:
        return limit.put_off(notification, due)
    until, zone = now, zone_of(due.recipient, defaults)
    if notification.reason == AT_MOST:
        until = max(until, instant(local(now, zone).date(), MORNING, zone))
    reader = due.recipient.id if due.recipient else notification.owed.recipient
    fresh = notification.ready_at > now
    return Deferred(at=now, until=until, reason=EARLIER, chosen=fresh, reader=reader)
