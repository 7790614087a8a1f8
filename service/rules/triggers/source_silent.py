"""Set a rule off when a feed stops talking: `trigger: {source_silent_for: 12h}`.

Only time in which the service ran counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import msgspec

from service.learners.facts import FactRecorded
from service.learners.feed_subjects import SilentSource
from service.learners.world import Decisions, World
from service.learners.writer import Writer
from service.ledger.events import EventBody
from service.rules.calendar import MINUTE
from service.rules.conditions import Condition
from service.rules.decider import Decider
from service.rules.fields import EventSeen, Reading
from service.rules.notification import Owed
from service.rules.rule import Rule
from service.rules.scope import SILENT_SOURCE, Scope
from service.rules.text import format_duration
from service.rules.triggers.trigger import Kind, Match, Miss, Occurrence, RuleIdentity

STREAM = "feeds"
TRIGGER = "source_silent_for"
RECORDED_EVERY_MS = 5 * MINUTE


class FeedSilence(msgspec.Struct, frozen=True):
    """Hold how long (ms) the service has run since this letter, the last of its source."""

    letter: int
    ran_ms: int


class FeedsWatched(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say how long each feed had been silent at `at`, so that a restart does not begin anew."""

    TOPIC: ClassVar[str] = "feeds.watched"
    at: int
    silences: dict[str, FeedSilence]


SHAPES: Mapping[str, Any] = {FeedsWatched.TOPIC: FeedsWatched}


def watched(
    before: Mapping[str, FeedSilence], heard: Mapping[str, SilentSource], elapsed: int, now: int
) -> dict[str, FeedSilence]:
    """Give the silences after the service has run for another `elapsed` ms."""
    found = {}
    for source, last in heard.items():
        known = before.get(source)
        if known is not None and known.letter == last.letter:
            found[source] = FeedSilence(last.letter, known.ran_ms + elapsed)
        else:
            found[source] = FeedSilence(last.letter, max(0, min(elapsed, now - last.at)))
    return found


class SourceOccurrence(Occurrence, frozen=True):
    """Hold a source's last letter, and how long (ms) the service has run since: before and now."""

    was_ms: int = 0
    ran_ms: int = 0

    @classmethod
    def of(cls, last: SilentSource, now: int, was_ms: int, ran_ms: int) -> Self:
        """Ask about a source at `now`."""
        return cls(last, EventSeen(last.source, "", at=last.at), now, was_ms, ran_ms)


@dataclass(frozen=True)
class SourceSilentTrigger:
    """Set a rule off when no letter came for `silence_ms` from a source that has sent some."""

    kind: ClassVar[Kind] = "source_silent_for"
    scope: ClassVar[Scope] = SILENT_SOURCE
    transitions: ClassVar[frozenset[str]] = frozenset()
    implied: ClassVar[tuple[Condition, ...]] = ()
    silence_ms: int

    def admits(self, event: FactRecorded[Any]) -> bool:
        """Admit no event: time matches."""
        return False

    def match(self, rule: RuleIdentity, occurrence: Occurrence, world: World) -> Match | Miss:
        """Match a silence that has just become so long.

        One that was so long before is not told of again, however the rule was edited meanwhile,
        nor one that was when the rule went live.
        """
        if not isinstance(occurrence, SourceOccurrence):
            return Miss(lambda: "it is no silence of a source")
        last = occurrence.subject
        assert isinstance(last, SilentSource)
        if not occurrence.was_ms < self.silence_ms <= occurrence.ran_ms:
            return Miss(lambda: "the source was not silent for just so long")
        return Match(
            trigger=TRIGGER, occurrence=last.occurrence, at=last.at, version=0, by_clock=True
        )

    def still_holds(self, owed: Owed, reading: Reading) -> bool:
        """Tell whether no letter has come since."""
        last = reading.subject
        same = isinstance(last, SilentSource) and owed.occurrence == last.occurrence
        return owed.trigger == TRIGGER and same

    def words(self) -> str:
        """Say `source_silent_for 12h`."""
        return f"{TRIGGER} {format_duration(self.silence_ms)}"


def source_trigger_of(rule: Rule) -> SourceSilentTrigger | None:
    """Give the trigger of a rule that tells of silent sources; None for any other rule."""
    return rule.trigger if isinstance(rule.trigger, SourceSilentTrigger) else None


class FeedWatch:
    """Watch the feeds; what must be remembered is in the ledger."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._silences: dict[str, FeedSilence] = {}
        self._asked_at: int | None = None
        self._recorded_at = 0

    def recover(self) -> None:
        """Go on with the silences the ledger has; the time in between does not count."""
        _, last = self._writer.store.latest(STREAM) or (0, None)
        self._asked_at = None
        if isinstance(last, FeedsWatched):
            self._silences, self._recorded_at = dict(last.silences), last.at

    def ask(
        self,
        decider: Decider,
        heard: Mapping[str, SilentSource],
        now: int,
        at_most: int | None = None,
    ) -> None:
        """Ask every rule about silent feeds; `heard` are the last letters, by source.

        Since the last ask the service ran all the time, but `at_most` so long (ms): longer, and
        the process was stopped. Without such a rule nothing is recorded.
        """
        rules = [rule for rule in decider.active if source_trigger_of(rule)]
        if not rules:
            self._asked_at = None
            return
        elapsed = 0 if self._asked_at is None else max(0, now - self._asked_at)
        elapsed = elapsed if at_most is None else min(elapsed, at_most)
        silences = watched(self._silences, heard, elapsed=elapsed, now=now)
        silent = list(self._occurrences(silences, heard, now))
        asked = (([rule], each) for rule in rules for each in silent)
        decisions = decider.decide_each(asked, self._writer.world(now))
        if decisions.once or abs(now - self._recorded_at) >= RECORDED_EVERY_MS:
            self._record(decisions, silences, now)
        self._silences, self._asked_at = silences, now

    def _occurrences(
        self, silences: Mapping[str, FeedSilence], heard: Mapping[str, SilentSource], now: int
    ) -> Iterator[SourceOccurrence]:
        for source, silence in silences.items():
            known = self._silences.get(source)
            was = known.ran_ms if known and known.letter == silence.letter else 0
            yield SourceOccurrence.of(heard[source], now, was_ms=was, ran_ms=silence.ran_ms)

    def _record(self, decisions: Decisions, silences: dict[str, FeedSilence], now: int) -> None:
        event = FeedsWatched(at=now, silences=silences)
        version, _ = self._writer.store.latest(STREAM) or (0, None)
        decisions.following.append((STREAM, version + 1, event))
        self._writer.commit(decisions)
        self._recorded_at = now
