"""Set a rule off when an open enrolment falls silent: `trigger: {stalled_for: 7d}`.

The clock asks along the activity axis, each silence once (design §6).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import msgspec

from service.learners.enrollment import Enrollment
from service.learners.enrollment_state import ENROLLED, IN_PROGRESS
from service.learners.facts import FactRecorded
from service.learners.world import Decisions, UncommittedWorld, World
from service.rules.calendar import DAY
from service.rules.conditions import Condition, FieldTest
from service.rules.contradiction import standing
from service.rules.decider import Decider
from service.rules.done_or_gone import done_or_gone
from service.rules.fields import EventSeen, Reading
from service.rules.notification import Owed
from service.rules.rule import Rule
from service.rules.scope import SILENCE, Scope
from service.rules.text import format_duration
from service.rules.triggers.trigger import Kind, Match, Miss, Occurrence, RuleIdentity

ASKED_AT_A_TIME = 1_000
STALLED = "stalled_for"
IMPORTED = "an import brought it when it was due already, and nobody is told of that"


class SilenceOccurrence(Occurrence, frozen=True):
    """Hold an enrolment as the clock asks about it; the rule has been live since (ms UTC)."""

    live_since: int = 0

    @classmethod
    def of(cls, enrollment: Enrollment, now: int, live_since: int) -> "SilenceOccurrence":
        """Ask about an enrolment at `now`."""
        seen = EventSeen(enrollment.about.source, enrollment.about.account)
        return cls(enrollment, seen, now, live_since)


@dataclass(frozen=True)
class StalledTrigger:
    """Set a rule off when nothing happened in an open enrolment for `silence_ms`."""

    kind: ClassVar[Kind] = "stalled_for"
    scope: ClassVar[Scope] = SILENCE
    transitions: ClassVar[frozenset[str]] = frozenset()
    silence_ms: int
    count_from: Literal["enrolled", "started"]

    @property
    def implied(self) -> tuple[Condition, ...]:
        """Say that the enrolment is open; one that is counted from its start has been started.

        Days of silence are counted from what happened last, also the enrolment.
        """
        if self.count_from == "started":
            return (standing((IN_PROGRESS,)),)
        silent = FieldTest("enrollment.days_silent", "gte", self.silence_ms // DAY)
        return standing((ENROLLED, IN_PROGRESS)), silent

    def admits(self, event: FactRecorded[Any]) -> bool:
        """Admit no event: time matches."""
        return False

    def match(self, rule: RuleIdentity, occurrence: Occurrence, world: World) -> Match | Miss:
        """Match a silence that has lasted, unless an import brought it when it was due already.

        That is so for a rule that was live then; before, its `on_activate` judges. Nor is a silence
        matched that need not be told, as the course is done or gone.
        """
        if not isinstance(occurrence, SilenceOccurrence):
            return Miss(lambda: "it is no silence")
        enrollment = occurrence.subject
        assert isinstance(enrollment, Enrollment)
        silence = enrollment.state.silence(self.count_from)
        if silence is None or silence[0] > occurrence.now - self.silence_ms:
            return Miss(lambda: "it is not silent for so long")
        if self.was_imported_due(enrollment, silence[0], occurrence.live_since):
            return Miss(lambda: IMPORTED)
        needless = done_or_gone(enrollment, world)
        if needless is not None:
            return Miss(needless.words)
        return silence_match(enrollment, silence[0], silence[1])

    def was_imported_due(self, enrollment: Enrollment, since: int, live_since: int) -> bool:
        """Tell whether a silence since (ms UTC) was due already when an import brought it about."""
        imported_at = enrollment.imported_at(self.count_from)
        if imported_at is None or imported_at < live_since:
            return False
        return since + self.silence_ms <= imported_at

    def still_holds(self, owed: Owed, reading: Reading) -> bool:
        """Tell whether it is the same silence, long enough for the rule now, and to be told."""
        enrollment = reading.enrollment
        silence = enrollment.state.silence(self.count_from) if enrollment else None
        if owed.trigger != STALLED or enrollment is None or silence is None:
            return False
        if silence[0] > reading.now - self.silence_ms:
            return False
        same = owed.occurrence == f"{enrollment.id}/{silence[1]}"
        return same and done_or_gone(enrollment, reading.world) is None

    def words(self) -> str:
        """Say `stalled_for 7d, count_from enrolled`."""
        return f"{STALLED} {format_duration(self.silence_ms)}, count_from {self.count_from}"


def silence_match(enrollment: Enrollment, since: int, key: object) -> Match:
    """Say that a silence since (ms UTC), named by its key, set a rule off."""
    return Match(
        trigger=STALLED,
        occurrence=f"{enrollment.id}/{key}",
        at=since,
        version=enrollment.version,
        by_clock=True,
    )


class StalledRule(NamedTuple):
    """Hold a rule that tells of silences, with its trigger."""

    rule: Rule
    trigger: StalledTrigger


def stalled_rules(rules: Iterable[Rule]) -> list[StalledRule]:
    """Pick the rules that tell of silences."""
    return [StalledRule(r, r.trigger) for r in rules if isinstance(r.trigger, StalledTrigger)]


def stalled_trigger_of(rule: Rule | None) -> StalledTrigger | None:
    """Give the trigger of a rule that tells of silences; None for any other, and for none."""
    trigger = rule.trigger if rule else None
    return trigger if isinstance(trigger, StalledTrigger) else None


class SilenceMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Mark that silences which began up to `mark` were asked; those up to `floor` never are.

    `since` is when the rule went live (all three in ms UTC).
    """

    mark: int
    floor: int
    since: int = 0


class SweepResult(msgspec.Struct):
    """Collect what one ask came to; `more` when it was too much for one transaction."""

    decisions: Decisions
    marks: dict[str, SilenceMark]
    more: bool = False


def started(stalled: StalledRule, now: int) -> SilenceMark:
    """Make the mark of a rule that goes live now (design §6, `on_activate`)."""
    current = stalled.rule.on_activate == "current"
    begin = 0 if current else now - stalled.trigger.silence_ms
    return SilenceMark(begin, begin, now)


class SilenceSource(Protocol):
    """Look up silences: candidates by the views, enrolments by the log."""

    def candidates(
        self, count_from: str, after: int, until: int, limit: int
    ) -> list[tuple[str, int]]:
        """Suggest open enrolments whose silence began after one moment and up to another."""
        ...

    def moved(self, count_from: str, after: int, until: int) -> list[str]:
        """List those that moved since the last ask to a silence that began in (after, until]."""
        ...

    def enrollments(self, ids: Sequence[str]) -> list[Enrollment]:
        """Read enrolments as they stand now."""
        ...


class Sweep(msgspec.Struct):
    """Ask every stalled rule at `now` (ms UTC).

    One that moved since the last ask to a silence behind the mark is asked about now. `lateness`
    (ms) is the longest allowance of any source.
    """

    decider: Decider
    source: SilenceSource
    world: UncommittedWorld
    now: int
    lateness: int

    def ask(self, marks: Mapping[str, SilenceMark]) -> SweepResult:
        """Ask each rule; candidates only suggest, each enrolment is checked itself."""
        asked = SweepResult(Decisions(), dict(marks))
        for stalled in stalled_rules(self.decider.active):
            mark = marks.get(stalled.rule.id) or started(stalled, self.now)
            asked.marks[stalled.rule.id] = self._ask(stalled, mark, asked)
        return asked

    def _ask(self, stalled: StalledRule, mark: SilenceMark, asked: SweepResult) -> SilenceMark:
        """Ask one rule and return its new mark."""
        count_from = stalled.trigger.count_from
        bound = self.now - self.lateness - stalled.trigger.silence_ms
        begin, end = max(min(mark.mark, bound), mark.floor), max(bound, mark.floor)
        due: list[tuple[str, int]] = []
        if bound > begin:
            due = self.source.candidates(count_from, begin, bound, ASKED_AT_A_TIME)
        if len(due) >= ASKED_AT_A_TIME:
            end, asked.more = due[-1][1], True
        moved = self.source.moved(count_from, mark.floor, end)
        ids = dict.fromkeys([*(id for id, _ in due), *moved])
        silences = [
            (silence[0], enrollment.id, SilenceOccurrence.of(enrollment, self.now, mark.since))
            for enrollment in self.source.enrollments(list(ids))
            if (silence := enrollment.state.silence(count_from)) is not None
            and mark.floor < silence[0] <= end
        ]
        in_order = sorted(silences, key=lambda each: each[:2])
        due_ones = (([stalled.rule], occurrence) for _, _, occurrence in in_order)
        asked.decisions.extend(self.decider.decide_each(due_ones, self.world))
        return SilenceMark(end, mark.floor, mark.since)
