"""Explain what a rule made of one event or silence, and what became of what it owed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from service.learners.aggregate import Aggregate
from service.learners.instance import Instance, InstanceRecorded
from service.learners.world import Decisions, World, load
from service.ledger.events import EventBody
from service.rules.decider import Evaluation, evaluate, key_of, notification_id, reading_of
from service.rules.explain.answers import (
    About,
    Cause,
    Matter,
    Named,
    Occasion,
    RuleThen,
    terms_of,
    time_of,
)
from service.rules.explain.causes import Evidence
from service.rules.explain.history import RecordedEvent
from service.rules.explain.outlook import outlook
from service.rules.explain.provenance import named
from service.rules.explain.rule_versions import RuleFileVersion, rule_then
from service.rules.explain.steps_in_words import reason_in_words
from service.rules.rule import Entry, Rule, recipients
from service.rules.text import format_duration, moment
from service.rules.trace import TermResult, trace_recorded
from service.rules.triggers.trigger import Occurrence

OCCASIONS = 20
"""How many occasions of one thing are explained, the latest."""
GONE_SINCE = "the conditions hold as things are known today, but nobody was owed anything then"


class RuleAsOf(NamedTuple):
    """Hold the rule as it was at an occasion, in the file of that time; None for neither."""

    rule_file: RuleFileVersion | None
    rule: Rule | None


class OccasionEvent(NamedTuple):
    """Say what happened, when (ms UTC), and by which event; no event makes a feed silent."""

    at: int
    what: str
    cause: Cause | None


class OccasionOutcome(NamedTuple):
    """Hold what was owed, with the conditions as they were, or as they would be judged today."""

    lines: Sequence[TermResult]
    notifications: Sequence[Named]
    holds: bool
    steps: Sequence[str] = ()


class Judgement(NamedTuple):
    """Say why the rule was not even asked, or what was found when it was."""

    why_not: str | None = None
    found: OccasionOutcome | None = None


class Inquiry(NamedTuple):
    """Ask what one rule made of one thing up to `at` (ms UTC).

    `rule` is how the rule read about then; at an occasion it may have read otherwise.
    """

    evidence: Evidence
    rule: Rule
    about: About
    at: int

    def rows(self) -> list[RecordedEvent]:
        """Read the events of the thing up to the moment."""
        stream = self.evidence.past.stream(self.about.stream)
        return [row for row in stream if row.body.recorded_at <= self.at]

    def then(self, rule_file: RuleFileVersion | None) -> RuleAsOf:
        """Give the rule as it was in a file."""
        return RuleAsOf(rule_file, rule_file.rule(self.rule.id) if rule_file else None)

    def matter(
        self, standing: str, nearest: Iterable[str], occasions: list[Occasion], earlier: int = 0
    ) -> Matter:
        """Answer for the thing; what came nearest is said only where nothing happened."""
        return Matter(
            about=self.about,
            standing=standing,
            nearest=[] if occasions else list(nearest),
            occasions=occasions,
            earlier=earlier,
        )

    def states(
        self, rows: Sequence[RecordedEvent], versions: Iterable[int]
    ) -> dict[int, Aggregate[Any]]:
        """Fold the thing as it was at some of its versions, by version."""
        bodies: list[EventBody] = [row.body for row in rows]
        found: dict[int, Aggregate[Any]] = {}
        last: Aggregate[Any] | None = None
        for version in sorted(versions):
            if isinstance(last, Instance):
                for body in bodies[last.version : version]:
                    assert isinstance(body, InstanceRecorded)
                    last = last.apply(body)
            else:
                last = load(self.about.stream, bodies[:version], self.evidence.timings)
            found[version] = last
        return found

    def asleep(self, then: RuleAsOf, at: int) -> str | None:
        """Say why the rule could tell nobody at a moment (ms UTC); None when it could."""
        if then.rule is not None:
            return "the rule was disabled then" if then.rule.mode == "disabled" else None
        if then.rule_file is None:
            return "no rule file was active then"
        if then.rule_file.rules is None:
            return "the rule file as it was then cannot be read by this version"
        later = self.evidence.rule_files.appeared(self.rule.id, at)
        return "there was no such rule then" + (f"; it came at {moment(later)}" if later else "")

    def judge(self, rule: Rule, occurrence: Occurrence, world: World) -> Judgement:
        """Evaluate a rule as it was, and find what was owed where it was set off."""
        evaluation = evaluate(rule, occurrence, reading_of(occurrence, world), world)
        if evaluation.missed is not None:
            return Judgement(evaluation.missed)
        return Judgement(found=found_by(self.evidence, evaluation))

    def occasion(self, then: RuleAsOf, happened: OccasionEvent, judgement: Judgement) -> Occasion:
        """Answer for one occasion."""
        why_not, found = judgement
        owed = list(found.notifications) if found else []
        verdict = became(self.evidence, owed) if owed else why_not
        if verdict is None and found is not None:
            verdict = GONE_SINCE if found.holds else failed(found.lines)
        show = found is not None and (bool(owed) or why_not is None)
        return Occasion(
            at=time_of(happened.at),
            what=happened.what,
            cause=happened.cause,
            rule=self._rule_of(then),
            verdict=verdict or "",
            told=any(each.told for each in owed),
            terms=terms_of(list(found.lines)) if found and show else [],
            notifications=owed,
            steps=list(found.steps) if found else [],
        )

    def _rule_of(self, then: RuleAsOf) -> RuleThen | None:
        if then.rule_file is None or then.rule is None:
            return None
        return rule_then(then.rule_file, then.rule, self.evidence.rule_files.today())


def found_by(evidence: Evidence, evaluation: Evaluation) -> OccasionOutcome:
    """Find what a rule owed because of a match, and its conditions term by term."""
    rule = evaluation.rule
    by_entry = [(entry, list(owed_by(evidence, evaluation, entry))) for entry in rule.entries]
    owed = [each for _, found in by_entry for each in found]
    if not owed:
        lines = evaluation.terms()
        return OccasionOutcome(lines, (), all(line.holds for line in lines if line.depth == 0))
    first = evidence.past.notification(owed[0].id)
    assert first is not None
    silent = [entry for entry, found in by_entry if entry.after_ms and not found]
    steps = [step(entry, first.owed.decided_at) for entry in silent]
    kept = evidence.past.kept(first.id)
    lines = trace_recorded(rule.conditions, first.owed.read, kept)
    return OccasionOutcome(lines, owed, holds=True, steps=steps)


def owed_by(evidence: Evidence, evaluation: Evaluation, entry: Entry) -> Iterator[Named]:
    """Find what was owed by one entry of a rule."""
    rule, reading = evaluation.rule, evaluation.reading
    key = key_of(evaluation.match, reading)
    for recipient in recipients(entry, reading, Decisions()):
        found = named(evidence, notification_id(rule, entry, key, recipient))
        if found is not None:
            yield found


def step(entry: Entry, decided_at: int) -> str:
    """Describe a step of an escalation by which nothing is owed."""
    after, whom = format_duration(entry.after_ms), entry.to or entry.post
    asked_at = moment(decided_at + entry.after_ms)
    return (
        f"the step after {after} to {whom} owed nothing; it is asked at {asked_at}, if all still "
        "holds then"
    )


def failed(lines: Sequence[TermResult]) -> str:
    """Say which condition did not hold."""
    line = next(line for line in lines if line.depth == 0 and not line.holds)
    return f"line {line.line} does not hold: {line.words}"


def became(evidence: Evidence, owed: Sequence[Named]) -> str:
    """Say what became of what was owed: `learner: sent; manager: expired, as …`."""
    return "; ".join(_became(evidence, each) for each in owed)


def _became(evidence: Evidence, each: Named) -> str:
    reason = reason_in_words(each.reason)
    if each.told and each.into:
        return f"{each.to}: told by {each.into}, as {reason}"
    found = evidence.past.notification(each.id)
    ahead = outlook(evidence, found) if found else None
    words = f"{each.to}: {each.state.replace('_', ' ')}{f', as {reason}' if reason else ''}"
    return words + (f"; {ahead}" if ahead else "")
