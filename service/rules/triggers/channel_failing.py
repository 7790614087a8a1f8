"""Set a rule off when a way out fails for long: `trigger: {channel_failing_for: 30m}`.

Each failing is told of once by every rule, by another channel.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from service.learners.facts import FactRecorded
from service.learners.feed_subjects import CHANNEL, FailingChannel
from service.learners.world import Decisions, World
from service.learners.writer import Writer
from service.ledger.events import EventBody, Latest
from service.rules.calendar import MINUTE
from service.rules.conditions import Condition
from service.rules.decider import Decider
from service.rules.fields import EventSeen, Reading
from service.rules.notification import Owed
from service.rules.rule import Rule
from service.rules.scope import FAILING_CHANNEL, Scope
from service.rules.text import format_duration
from service.rules.triggers.trigger import Kind, Match, Miss, Occurrence, RuleIdentity

TRIGGER = "channel_failing_for"
BETWEEN_FAILINGS_MS = 10 * MINUTE
"""How long after a turn no failing of a channel is recorded: flapping fills no ledger."""


class ChannelFailing(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record that a channel fails `since` (ms UTC), and how; see FailingChannel."""

    TOPIC: ClassVar[str] = "channel.failing"
    at: int
    since: int
    trouble: str
    code: int | None = None
    status: str | None = None


class ChannelWorking(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record that a channel works again."""

    TOPIC: ClassVar[str] = "channel.working"
    at: int


SHAPES: Mapping[str, Any] = {each.TOPIC: each for each in (ChannelFailing, ChannelWorking)}


def channel_as_recorded(stream: str, bodies: Sequence[EventBody]) -> FailingChannel | None:
    """Give how a channel failed, the last time, by these events of its stream; None if it did not.

    They may be the newest alone.
    """
    for body in reversed(bodies):
        match body:
            case ChannelFailing():
                return FailingChannel(
                    name=stream.removeprefix(CHANNEL),
                    since=body.since,
                    trouble=body.trouble,
                    code=body.code,
                    status=body.status,
                    works=body is not bodies[-1],
                )
    return None


def recorded_channel(latest: Latest, channel: str) -> FailingChannel | None:
    """Give how a channel fails by its newest event; None if it works."""
    stream = f"{CHANNEL}{channel}"
    newest = latest(stream)
    return channel_as_recorded(stream, [newest[1]]) if newest else None


class ChannelOccurrence(Occurrence, frozen=True):
    """Hold a channel that fails, with its newest event, and for how long (ms): before and now."""

    failing: FailingChannel
    version: int = 0
    was_ms: int = 0

    @classmethod
    def of(cls, failing: FailingChannel, version: int, now: int, was_ms: int = 0) -> Self:
        """Ask about a channel at `now`."""
        return cls(failing, EventSeen("", "", at=failing.since), now, failing, version, was_ms)


@dataclass(frozen=True)
class ChannelFailingTrigger:
    """Set a rule off when a channel, or just this one, has failed for `failing_ms`."""

    kind: ClassVar[Kind] = "channel_failing_for"
    scope: ClassVar[Scope] = FAILING_CHANNEL
    transitions: ClassVar[frozenset[str]] = frozenset()
    implied: ClassVar[tuple[Condition, ...]] = ()
    failing_ms: int
    channel: str | None = None

    def admits(self, event: FactRecorded[Any]) -> bool:
        """Admit no event: time matches."""
        return False

    def match(self, rule: RuleIdentity, occurrence: Occurrence, world: World) -> Match | Miss:
        """Match a failing that has just become so long.

        One that was so long when the rule was asked last was told of then.
        """
        if not isinstance(occurrence, ChannelOccurrence):
            return Miss(lambda: "it is no failing of a channel")
        failing = occurrence.failing
        if self.channel not in (None, failing.name):
            return Miss(lambda: f"it is another channel than '{self.channel}'")
        if not occurrence.was_ms < self.failing_ms <= occurrence.now - failing.since:
            return Miss(lambda: "the channel has not failed for just so long")
        return Match(
            trigger=TRIGGER,
            occurrence=failing.occurrence,
            at=failing.since,
            version=occurrence.version,
            by_clock=True,
        )

    def still_holds(self, owed: Owed, reading: Reading) -> bool:
        """Tell whether it has not worked since."""
        match reading.subject:
            case FailingChannel(works=False, occurrence=occurrence):
                return owed.trigger == TRIGGER and owed.occurrence == occurrence
        return False

    def words(self) -> str:
        """Say `channel_failing_for 30m of email`."""
        of = f" of {self.channel}" if self.channel else ""
        return f"{TRIGGER} {format_duration(self.failing_ms)}{of}"


def channel_trigger_of(rule: Rule) -> ChannelFailingTrigger | None:
    """Give the trigger of a rule that tells of failing channels; None for any other rule."""
    return rule.trigger if isinstance(rule.trigger, ChannelFailingTrigger) else None


class ChannelWatch:
    """Watch the channels; the turns, from working to failing and back, are in the ledger."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._asked: dict[tuple[str, str, str], int] = {}

    def ask(
        self, decider: Decider, channels: Mapping[str, FailingChannel | None], now: int
    ) -> None:
        """Record which channels have turned, and ask every rule about those that fail.

        `channels` are those that were tried, None for one that works.
        """
        turns = Decisions()
        failing = list(self._failing(channels, turns, now))
        rules = [rule for rule in decider.active if channel_trigger_of(rule)]
        pairs = [(rule, *each) for rule in rules for each in failing]
        asked = (([rule], self._occurrence(rule, each, at, now=now)) for rule, each, at in pairs)
        decisions = decider.decide_each(asked, self._writer.world(now))
        decisions.following += turns.following
        if decisions.once or decisions.following:
            self._writer.commit(decisions)
        self._asked = {_key(rule, each): now - each.since for rule, each, _ in pairs}

    def _failing(
        self, channels: Mapping[str, FailingChannel | None], turns: Decisions, now: int
    ) -> Iterator[tuple[FailingChannel, int]]:
        """Give what fails, as it is recorded or will be by these `turns`, and at which version."""
        for name, failing in channels.items():
            stream = f"{CHANNEL}{name}"
            version, last = self._writer.store.latest(stream) or (0, None)
            turn = turn_of(failing, last, now)
            if turn is not None:
                version, last = version + 1, turn
                turns.following.append((stream, version, turn))
            recorded = channel_as_recorded(stream, [last]) if last else None
            if recorded is not None:
                yield recorded, version

    def _occurrence(
        self, rule: Rule, failing: FailingChannel, version: int, now: int
    ) -> ChannelOccurrence:
        was = self._asked.get(_key(rule, failing), 0)
        return ChannelOccurrence.of(failing, version, now, was_ms=was)


def _key(rule: Rule, failing: FailingChannel) -> tuple[str, str, str]:
    return rule.id, rule.mode, failing.occurrence


def turn_of(
    failing: FailingChannel | None, last: EventBody | None, now: int
) -> ChannelFailing | ChannelWorking | None:
    """Give the event by which a channel turns at `now` (ms UTC); None while it stays as it was.

    One that fails in another way than before fails since then all the same.
    """
    if failing is None:
        failed = last is not None and last.topic == ChannelFailing.TOPIC
        return ChannelWorking(at=now) if failed else None
    match last:
        case ChannelFailing(trouble=failing.trouble):
            return None
        case ChannelFailing(at=at) if _just_now(at, now):
            return None
        case ChannelWorking(at=at) if _just_now(at, now):
            return None
        case ChannelFailing(since=since):
            return _recorded(failing, since, now)
    return _recorded(failing, min(failing.since, now), now)


def _just_now(at: int, now: int) -> bool:
    return 0 <= now - at < BETWEEN_FAILINGS_MS


def _recorded(failing: FailingChannel, since: int, now: int) -> ChannelFailing:
    trouble, code, status = failing.trouble, failing.code, failing.status
    return ChannelFailing(at=now, since=since, trouble=trouble, code=code, status=status)
