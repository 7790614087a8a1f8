"""Find why a rule told nobody, and what came closest to it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.learners.enrollment import EnrollmentRecorded
from service.learners.facts import Fact, FactRecorded
from service.rules.rule import Rule, RuleSet
from service.rules.trace import TermResult
from service.rules.triggers.stalled import stalled_trigger_of
from service.simulation.recorder import Judged
from service.simulation.rule_tests.outcome import Actual
from service.simulation.rule_tests.scenario import Expected, Scenario
from service.simulation.rule_tests.script_values import written
from service.simulation.sandbox import Sandbox

NAMED = 3


class RecordedFact(NamedTuple):
    """Pair a fact of the test with what the ledger recorded at `at` (ms since the start)."""

    at: int
    fact: Fact
    body: FactRecorded  # type: ignore[type-arg]


class NearMisses:
    """Look for reasons in what was recorded and in how the rules came to their answers."""

    def __init__(
        self,
        scenario: Scenario,
        rules: RuleSet,
        file: str,
        judged: Sequence[Judged],
        recorded: Sequence[RecordedFact],
    ) -> None:
        """Take what was played and recorded; `file` is what the rule file is called."""
        self._scenario = scenario
        self._rules = {rule.id: rule for rule in rules.rules}
        self._file = file
        self._judged = judged
        self._recorded = recorded

    def rule_in_words(self, id: str) -> str:
        """Say where the rule stands, and what triggers it."""
        rule = self._rules[id]
        return f"{self._file}:{rule.line} {id}: triggered by {rule.trigger.words()}"

    def why_not(self, expected: Expected, actual: Sequence[Actual]) -> list[str]:
        """Say why a rule has nothing for an expectation; `actual` is what all rules led to."""
        rule = self._rules[expected.rule]
        if rule.mode == "disabled":
            return ["the rule is disabled"]
        others = [each for each in actual if each.rule == rule.id]
        if others:
            return [f"instead: {message_in_words(each)}" for each in others[:NAMED]]
        triggered = [j for j in self._judged if j.rule == rule.id and j.missed is None]
        if triggered:
            return [line for each in triggered[-NAMED:] for line in self._conditions(each)]
        return [f"not triggered: {each}" for each in self._untriggered(rule)]

    def _written(self, at: int) -> str:
        return written(at - self._scenario.start)

    def _conditions(self, judged: Judged) -> Iterator[str]:
        """Say every term that failed, with the value it had."""
        at = self._written(judged.occurrence.now)
        failed = [term for term in judged.terms if not term.holds]
        if not failed:
            yield f"triggered at {at}, and nobody is there to be told"
            return
        yield f"triggered at {at}, but its conditions do not hold:"
        yield from (self._term(term) for term in failed)

    def _term(self, term: TermResult) -> str:
        return f"{'  ' * (term.depth + 1)}{self._file}:{term.line} {term.words} -> no"

    def _untriggered(self, rule: Rule) -> list[str]:
        reasons = {
            "change": self._reports,
            "stalled_for": self._longest_silence,
            "source_silent_for": self._feeds,
            "channel_failing_for": self._channels,
        }
        return reasons.get(rule.trigger.kind, self._events)(rule)

    def _reports(self, rule: Rule) -> list[str]:
        return self._answers(rule) or ["no report of seats differs from the one before it"]

    def _answers(self, rule: Rule) -> list[str]:
        """Say why what the rule was asked about did not trigger it, of the last few."""
        asked = [each for each in self._judged if each.rule == rule.id]
        return [f"at {self._written(j.occurrence.now)} {j.missed}" for j in asked[-NAMED:]]

    def _feeds(self, rule: Rule) -> list[str]:
        if self._scenario.feeds_fall_silent:
            return ["no source was silent for so long after a letter"]
        return ["the sources go on talking in this test; write 'feeds_fall_silent: true'"]

    def _channels(self, rule: Rule) -> list[str]:
        return self._answers(rule) or ["no channel fails in this test; give a 'channel.failing'"]

    def _events(self, rule: Rule) -> list[str]:
        """Name the events of this name that changed nothing, or else the last of another."""
        event = rule.trigger.words()
        vain = [r for r in self._recorded if r.body.topic == event]
        if vain:
            return [f"{in_words(each)} changed nothing" for each in vain[-NAMED:]]
        nearest = [in_words(each) for each in self._recorded[-1:]]
        return [f"nothing was {event}" + "".join(f"; nearest: {each}" for each in nearest)]

    def _longest_silence(self, rule: Rule) -> list[str]:
        trigger = stalled_trigger_of(rule)
        assert trigger is not None
        asked = self._answers(rule)
        if asked:
            return asked
        lengths = list(self._silences(trigger.count_from))
        if not lengths:
            return ["no enrollment is open"]
        length, began, who = max(lengths)
        until = "the end" if began + length == self._scenario.until else written(began + length)
        return [
            f"the longest silence is {written(length)} of {written(trigger.silence_ms)}: "
            f"{who}, from {written(began)} to {until}"
        ]

    def _silences(self, count_from: str) -> Iterator[tuple[int, int, str]]:
        """Give length and beginning of each silence, and whose it is."""
        open_ones: dict[str, tuple[int, str]] = {}
        for at, fact, body in self._recorded:
            if not isinstance(body, EnrollmentRecorded) or body.after is None:
                continue
            who = f"{fact.person} in {fact.course}"
            if who in open_ones:
                began, _ = open_ones.pop(who)
                yield at - began, began, who
            name = "silent_since" if count_from == "enrolled" else "active_at"
            since: int | None = getattr(body.after, name)
            if since is not None:
                open_ones[who] = since - self._scenario.start, who
        for began, who in open_ones.values():
            yield self._scenario.until - began, began, who


def recorded(sandbox: Sandbox, scenario: Scenario) -> Iterator[RecordedFact]:
    """Give every fact of the test as the ledger has it; its letters are numbered as given."""
    facts = [given.what for given in scenario.given if isinstance(given.what, Fact)]
    for body in sandbox.facts():
        at = body.recorded_at - scenario.start
        yield RecordedFact(at, facts[body.letter - 1], body)


def in_words(recorded: RecordedFact) -> str:
    """Say `enrollment.progressed of ada in safety at 2d (80 %)`."""
    at, fact, body = recorded
    parts = [body.topic]
    if fact.person:
        parts.append(f"of {fact.person}")
    about = fact.instance if fact.instance and not fact.person else fact.course
    if about:
        parts.append(f"in {about}")
    parts.append(f"at {written(at)}")
    percent = getattr(body.said, "percent", None)
    return " ".join(parts) + (f" ({percent:g} %)" if percent is not None else "")


def message_in_words(actual: Actual) -> str:
    """Say `completed to ada at 3d, “Well done”`, or what became of it instead."""
    words = f"{actual.rule} to {actual.whom or f'the {actual.role}, whom nobody knows'}"
    at = written(actual.at)
    if actual.message is not None:
        title = actual.message.subject or actual.message.text.partition("\n")[0]
        return f"{words} at {at}, “{title}”"
    return f"{words}, {actual.state} since {at}" + (f": {actual.reason}" if actual.reason else "")
