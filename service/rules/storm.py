"""Guard against storms: hold what old news and the clock owe beyond so many an hour."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from service.learners.world import Decisions
from service.ledger.events import EventBody, stream_id
from service.rules.calendar import DAY, HOUR
from service.rules.fields import Reading
from service.rules.rule import Rule

HELD = "storm"
LATE_MS = DAY
"""News that is older than that when it comes is not in time, and counts."""
LIMIT = 500
RULES_REMEMBERED = 1_024


class StormCounted(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record how many notifications of a rule were decided in the hour from `since`.

    `others` is what others who decide had counted in theirs, as far as was known.
    """

    TOPIC: ClassVar[str] = "storm.counted"
    at: int
    since: int
    count: int
    others: int = 0

    def is_of(self, now: int) -> bool:
        """Tell whether a moment (ms UTC) is in its hour."""
        return self.since <= now < self.since + HOUR


SHAPES: Mapping[str, Any] = {StormCounted.TOPIC: StormCounted}


def held_by(rule: Rule, reading: Reading, decisions: Decisions, limit: int) -> str | None:
    """Count one more notification of a rule, and say why it is held, if it is too many.

    The count goes into the log once a transaction. Nobody is told by a rule in shadow. Several who
    decide let through what each does not know of the others' page: so many more at most.
    """
    if rule.mode == "shadow":
        return None
    stream, beside = reading.world.counted(storm_stream(rule.id))
    version, last = decisions.tallies.get(stream) or reading.world.latest(stream) or (0, None)
    now = reading.now
    since, count = now, 1
    if isinstance(last, StormCounted) and last.is_of(now):
        since, count = last.since, last.count + 1
    others = counted_by(beside, now)
    counted = StormCounted(at=now, since=since, count=count, others=others)
    decisions.tallies[stream] = version, counted
    return HELD if count + others > limit else None


def counted_by(others: Sequence[StormCounted], now: int) -> int:
    """Add up what others have counted in the hour of theirs that a moment (ms UTC) is in."""
    return sum(each.count for each in others if each.is_of(now))


@lru_cache(RULES_REMEMBERED)
def storm_stream(rule: str) -> str:
    """Name the stream that remembers how many notifications of a rule were decided this hour."""
    return stream_id("s", rule)
