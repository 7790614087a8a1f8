"""Following: what is told later keeps its distance from what the same reader was told first."""

from service.learners.events import Body
from service.learners.happening import World
from service.rules.language import Entry, Rule
from service.rules.notifications import SENT, AttemptEnded, Ended, Owed, ended_unsent
from service.rules.owing import Match, notification_id
from service.rules.reading import Reading

REASON = "escalation"


def may_follow(rule: Rule, entry: Entry, owed: Owed, reading: Reading, world: World) -> int:
    """From when (ms UTC) a step may leave to a reader whom earlier entries tell of the same.

    An address may have been missing, or a person held it: when the step was decided with less
    than half of `after` between, all of it must pass. While one still waits, that much from now.
    """
    if not entry.after_ms or entry.post:
        return 0
    match = Match(owed.trigger, owed.occurrence, owed.event_at or 0, owed.version)
    moments = [0]
    for earlier in rule.entries:
        if earlier.after_ms < entry.after_ms and earlier.to == entry.to:
            id = notification_id(rule, earlier, match, reading, owed.recipient)
            newest = world.latest(id)
            if newest is not None and not ended_unsent(newest[1]):
                told_at, apart = _told_at(newest[1], reading.now), entry.after_ms - earlier.after_ms
                moments += [told_at + apart] if owed.decided_at < told_at + apart // 2 else []
    return max(moments)


def _told_at(newest: Body, now: int) -> int:
    """When a notification with this newest event told its reader; `now` while it has not."""
    if isinstance(newest, Ended) or (isinstance(newest, AttemptEnded) and newest.then == SENT):
        return newest.at
    return now
