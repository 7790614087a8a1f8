"""Occasions: what a rule made of one event or silence, and what became of what it owed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from service.learners.aggregate import Aggregate
from service.learners.instance import Instance, InstanceRecorded
from service.learners.world import Decisions, load
from service.ledger.events import EventBody
from service.rules.conditions import fields_of
from service.rules.decider import Evaluation, key_of, notification_id
from service.rules.explain.causes import Evidence
from service.rules.explain.history import Row
from service.rules.explain.notification import named
from service.rules.explain.report import About, Cause, Named, Occasion, RuleThen, terms_of, time_of
from service.rules.explain.rule_versions import Edition, rule_then
from service.rules.explain.steps_in_words import reason_in_words
from service.rules.rule import Entry, Rule, recipients
from service.rules.text import duration, moment
from service.rules.trace import TermResult, trace, values_read

GONE_SINCE = "the conditions hold as things are known today, but nobody was owed anything then"
TODAY = ("course.", "learner.")
"""Fields that are read as they are known today."""


class Then(NamedTuple):
    """The rule as it was at an occasion, None if there was none; and what it was about."""

    edition: Edition | None
    rule: Rule | None
    about: About


class Found(NamedTuple):
    """What was owed, with the conditions as they were then, or as they would be judged today."""

    lines: Sequence[TermResult]
    notifications: Sequence[Named]
    holds: bool
    steps: Sequence[str] = ()


def states(
    id: str, rows: Sequence[Row], versions: Iterable[int], evidence: Evidence
) -> dict[int, Aggregate[Any]]:
    """An aggregate as it was at some of its versions, by version."""
    bodies: list[EventBody] = [row.body for row in rows]
    found: dict[int, Aggregate[Any]] = {}
    last: Aggregate[Any] | None = None
    for version in sorted(versions):
        if isinstance(last, Instance):
            for body in bodies[last.version : version]:
                assert isinstance(body, InstanceRecorded)
                last = last.apply(body)
        else:
            last = load(id, bodies[:version], evidence.past.lateness)
        found[version] = last
    return found


def found_by(evidence: Evidence, evaluation: Evaluation) -> Found:
    """Find what a rule owed because of a match, and its conditions term by term."""
    rule = evaluation.rule
    by_entry = [(entry, list(owed_by(evidence, evaluation, entry))) for entry in rule.entries]
    owed = [each for _, found in by_entry for each in found]
    if not owed:
        lines = evaluation.terms()
        return Found(lines, (), all(line.holds for line in lines if line.depth == 0))
    first = evidence.past.notification(owed[0].id)
    assert first is not None
    known = values_read(first.owed.read, evidence.past.kept(first.id))
    silent = [entry for entry, found in by_entry if entry.after_ms and not found]
    steps = [step(entry, first.owed.decided_at) for entry in silent]
    lines = list(trace(rule.conditions, known.get, known.__contains__))
    return Found(lines, owed, True, steps)


def owed_by(evidence: Evidence, evaluation: Evaluation, entry: Entry) -> Iterator[Named]:
    """Find what was owed by one entry of a rule."""
    rule, reading = evaluation.rule, evaluation.reading
    key = key_of(evaluation.match, reading)
    for recipient in recipients(entry, reading, Decisions()):
        found = named(evidence, notification_id(rule, entry, key, recipient))
        if found is not None:
            yield found


def step(entry: Entry, decided_at: int) -> str:
    """A step of an escalation by which nothing is owed."""
    return (
        f"the step after {duration(entry.after_ms)} to {entry.to or entry.post} owed nothing; it "
        f"is asked at {moment(decided_at + entry.after_ms)}, if all still holds then"
    )


def occasion(
    evidence: Evidence,
    then: Then,
    at: int,
    what: str,
    cause: Cause | None,
    why_not: str | None,
    found: Found | None,
) -> Occasion:
    """One occasion; `why_not` says why the rule was not even asked."""
    owed = list(found.notifications) if found else []
    told = any(each.told for each in owed)
    verdict = became(owed) if owed else why_not
    if verdict is None and found is not None:
        verdict = GONE_SINCE if found.holds else failed(found.lines)
    show = found is not None and (bool(owed) or why_not is None)
    return Occasion(
        at=time_of(at),
        what=what,
        cause=cause,
        rule=rule_of(evidence, then),
        verdict=verdict or "",
        told=told,
        terms=terms_of(list(found.lines)) if found and show else [],
        notifications=owed,
        steps=list(found.steps) if found else [],
    )


def rule_of(evidence: Evidence, then: Then) -> RuleThen | None:
    """The rule as an answer shows it."""
    if then.edition is None or then.rule is None:
        return None
    return rule_then(then.edition, then.rule, evidence.editions.today())


def asleep(evidence: Evidence, id: str, then: Then, at: int) -> str | None:
    """Why a rule could tell nobody at a moment (ms UTC); None when it was live or in shadow."""
    if then.rule is not None:
        return "the rule was disabled then" if then.rule.mode == "disabled" else None
    if then.edition is None:
        return "no rule file was active then"
    if then.edition.rules is None:
        return "the rule file as it was then cannot be read by this version"
    later = evidence.editions.appeared(id, at)
    return "there was no such rule then" + (f"; it came at {moment(later)}" if later else "")


def failed(lines: Sequence[TermResult]) -> str:
    """Which condition did not hold."""
    line = next(line for line in lines if line.depth == 0 and not line.holds)
    return f"line {line.line} does not hold: {line.words}"


def became(owed: Sequence[Named]) -> str:
    """What became of what was owed: `learner: sent; manager: expired, as …`."""
    return "; ".join(_became(each) for each in owed)


def _became(each: Named) -> str:
    reason = reason_in_words(each.reason)
    if each.told and each.into:
        return f"{each.to}: told by {each.into}, as {reason}"
    return f"{each.to}: {each.state.replace('_', ' ')}{f', as {reason}' if reason else ''}"


def reads_today(rules: Iterable[Rule]) -> Iterator[str]:
    """The fields, read by the conditions of rules, of which only today's value is known."""
    for rule in rules:
        for field in fields_of(rule.conditions):
            if field.startswith(TODAY) and field not in ("course.id", "course.kind"):
                yield field
