"""Decide which notifications an occurrence causes, by the rules of one file."""

from collections.abc import Callable, Iterable, Sequence

from service.learners.world import Decisions, Happening, UncommittedWorld, World
from service.rules.evaluation import Evaluation, evaluate
from service.rules.fanout import FanOut
from service.rules.rule import Rule, RuleSet
from service.rules.storm import LIMIT as STORM_LIMIT
from service.rules.triggers.event import EventOccurrence
from service.rules.triggers.trigger import Occurrence

Observe = Callable[[Evaluation, Occurrence], object]
"""Is told of each evaluation, before anything that follows from it is remembered."""


def nobody(evaluation: Evaluation, occurrence: Occurrence) -> None:
    """Observe nothing."""


class Decider:
    """One rule set, made ready for deciding. Pure: no clock, no network, no database."""

    def __init__(
        self, rules: RuleSet, storm_limit: int = STORM_LIMIT, observe: Observe = nobody
    ) -> None:
        """`storm_limit` is how many of the clock and of old news a rule may owe an hour."""
        self.rules = rules
        self.storm_limit = storm_limit
        self.active = [rule for rule in rules.rules if rule.mode != "disabled"]
        self.by_id = {rule.id: rule for rule in self.active}
        self.fan_out = FanOut(rules.defaults, storm_limit)
        self._observe = observe
        self._by_transition: dict[str, list[Rule]] = {}
        for rule in self.active:
            for name in rule.trigger.transitions:
                self._by_transition.setdefault(name, []).append(rule)

    def __call__(self, happening: Happening, world: World, now: int) -> Decisions | None:
        """Decide on one event as it is appended; None when nothing follows."""
        candidates = self.candidates(happening)
        if not candidates:
            return None
        return self.decide(candidates, EventOccurrence.of(happening, now), world)

    def candidates(self, happening: Happening) -> Sequence[Rule]:
        """Pick the rules that an event may set off, in the order of the file."""
        names = happening.event.transitions
        if len(names) == 1:
            return self._by_transition.get(names[0], ())
        return [rule for name in names for rule in self._by_transition.get(name, ())]

    def decide(
        self, rules: Iterable[Rule], occurrence: Occurrence, world: World
    ) -> Decisions | None:
        """Decide by some rules on one occurrence; None when none of them holds."""
        reading, decisions = occurrence.reading(world), None
        for rule in rules:
            evaluation = evaluate(rule, occurrence, reading, world)
            self._observe(evaluation, occurrence)
            if evaluation.holds:
                decisions = decisions or Decisions()
                self._owe(evaluation, decisions)
        return decisions

    def decide_each(
        self, asked: Iterable[tuple[Iterable[Rule], Occurrence]], world: UncommittedWorld
    ) -> Decisions:
        """Decide on many occurrences, each knowing what the ones before it led to."""
        decisions = Decisions()
        for rules, occurrence in asked:
            decided = self.decide(rules, occurrence, world)
            if decided is not None:
                decisions.extend(decided)
                world.remember(decided)
        return decisions

    def _owe(self, evaluation: Evaluation, decisions: Decisions) -> None:
        self.fan_out.owe(evaluation, evaluation.rule.notify, decisions)
        remembered = evaluation.match.remembered
        if remembered is not None:
            decisions.following.append(remembered)
