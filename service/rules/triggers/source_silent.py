"""The vigil: which feeds have stopped talking, counting only time in which the service ran."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from service.learners.feed_subjects import SilentSource
from service.learners.world import Decisions, World
from service.learners.writer import Writer
from service.ledger.events import EventBody
from service.rules.decider import Decider, holds
from service.rules.fanout import Match, Owing
from service.rules.field_values import EventSeen, Reading
from service.rules.rule import Rule, SourceSilentTrigger

STREAM = "feeds"
TRIGGER = "source_silent_for"
RECORDED_EVERY_MS = 5 * 60_000


class Silence(msgspec.Struct, frozen=True):
    """How long (ms) the service has run since this letter, which was the last of its source."""

    letter: int
    ran_ms: int


class FeedsWatched(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """How long each feed had been silent at `at`, so that a restart does not begin anew."""

    TOPIC: ClassVar[str] = "feeds.watched"
    at: int
    silences: dict[str, Silence]


SHAPES: Mapping[str, Any] = {FeedsWatched.TOPIC: FeedsWatched}


def watched(
    before: Mapping[str, Silence], heard: Mapping[str, SilentSource], elapsed: int, now: int
) -> dict[str, Silence]:
    """The silences after the service has run for another `elapsed` ms."""
    found = {}
    for source, last in heard.items():
        known = before.get(source)
        if known is not None and known.letter == last.letter:
            found[source] = Silence(last.letter, known.ran_ms + elapsed)
        else:
            found[source] = Silence(last.letter, max(0, min(elapsed, now - last.at)))
    return found


def silent(
    rule: Rule,
    owing: Owing,
    before: Mapping[str, Silence],
    silences: Mapping[str, Silence],
    heard: Mapping[str, SilentSource],
    world: World,
    now: int,
) -> Decisions:
    """What a rule owes for the feeds whose silence has just become as long as it says.

    One that was so long before is not told of again, however the rule was edited meanwhile, nor
    one that was when the rule went live.
    """
    trigger = rule.trigger
    assert isinstance(trigger, SourceSilentTrigger)
    decisions = Decisions()
    for source, silence in silences.items():
        known = before.get(source)
        was = known.ran_ms if known and known.letter == silence.letter else 0
        if was < trigger.silence_ms <= silence.ran_ms:
            last = heard[source]
            reading = Reading(last, EventSeen(source, "", at=last.at), world, now)
            if holds(rule, reading):
                match = Match(TRIGGER, last.occurrence, last.at, 0, True)
                owing.owe(rule, rule.notify, match, reading, world, decisions)
    return decisions


class Vigil:
    """Watches the feeds; what it must remember is in the ledger."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._silences: dict[str, Silence] = {}
        self._version = 0
        self._asked_at: int | None = None
        self._recorded_at = 0

    def recover(self) -> None:
        """Goes on with the silences the ledger has; the time in between does not count."""
        latest = self._writer.lookup.latest(STREAM)
        if latest is not None:
            self._version, last = latest
            assert isinstance(last, FeedsWatched)
            self._silences, self._recorded_at = dict(last.silences), last.at

    def ask(
        self,
        decider: Decider,
        heard: Mapping[str, SilentSource],
        now: int,
        at_most: int | None = None,
    ) -> None:
        """Asks every rule about silent feeds; `heard` are the last letters, by source.

        Since the last ask the service ran all the time, but `at_most` so long (ms): longer, and
        the process was stopped. Without such a rule nothing is recorded.
        """
        rules = [r for r in decider.by_id.values() if isinstance(r.trigger, SourceSilentTrigger)]
        if not rules:
            self._asked_at = None
            return
        elapsed = 0 if self._asked_at is None else max(0, now - self._asked_at)
        elapsed = elapsed if at_most is None else min(elapsed, at_most)
        silences = watched(self._silences, heard, elapsed, now)
        world, decisions = self._writer.world(now), Decisions()
        for rule in rules:
            owing = decider.owing
            decisions.extend(silent(rule, owing, self._silences, silences, heard, world, now))
        if decisions.once or now - self._recorded_at >= RECORDED_EVERY_MS:
            self._record(decisions, silences, now)
        self._silences, self._asked_at = silences, now

    def _record(self, decisions: Decisions, silences: dict[str, Silence], now: int) -> None:
        event = FeedsWatched(at=now, silences=silences)
        decisions.following.append((STREAM, self._version + 1, event))
        self._writer.commit(decisions)
        self._version += 1
        self._recorded_at = now
