"""Attempts: what an outcome leads to, and when it is tried again."""

from service.rules.notification import GIVEN_UP, HELD, OWED, SENT, AttemptEnded, Notification
from service.sending.channels.channel import Outcome

MINUTE_MS = 60_000
WAITS = (1, 5, 25, 60)
"""Minutes until the next attempt; the last one repeats until `expires_after`."""
CLAIM_MS = 15 * MINUTE_MS
PLAN_MS = MINUTE_MS
"""How long messages may leave on one test; what is left then is handed back."""
CHANNEL_REST_MS = MINUTE_MS
"""How long a channel is left alone after trouble that was not about one recipient."""
RETRY_AFTER_LIMIT_MS = 60 * MINUTE_MS


def after(outcome: Outcome, notification: Notification, form: str, now: int) -> AttemptEnded:
    """The end of an attempt: sent, given up, tried again, or held for a person.

    An unknown outcome of a mail is tried again with the same Message-ID; of a chat message,
    which nothing would tell apart, it is held (design §7).
    """
    then, next_at = OWED, None
    if outcome.kind == "accepted":
        then = SENT
    elif outcome.kind == "permanent":
        then = GIVEN_UP
    elif outcome.kind == "unknown" and form == "chat":
        then = HELD
    else:
        next_at = now + wait_ms(outcome, notification)
    return AttemptEnded(
        at=now,
        outcome=outcome.kind,
        then=then,
        code=outcome.code,
        status=outcome.status,
        next_at=next_at,
    )


def wait_ms(outcome: Outcome, notification: Notification) -> int:
    """Milliseconds until the next attempt: 1, 5, 25, 60 min, or longer if we were asked to."""
    own = WAITS[min(notification.attempts, len(WAITS) - 1)] * MINUTE_MS
    asked = int((outcome.retry_after or 0) * 1000)
    return max(own, min(asked, RETRY_AFTER_LIMIT_MS))
