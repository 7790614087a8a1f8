"""Evaluate a rule on one occurrence: did it match, do its conditions hold, and by which values.

One evaluation serves live rules and shadow, `try`, rule tests, `explain` and `backtest --verify`.
"""

from typing import NamedTuple

from service.learners.world import World
from service.rules.field_values import Reading
from service.rules.rule import Rule
from service.rules.trace import TermResult, trace
from service.rules.triggers.trigger import Match, Miss, Occurrence


class Evaluation(NamedTuple):
    """Hold what a rule made of one occurrence. Live code owes if it `holds`; people read the rest.

    `reading.read` has the values that the conditions asked for.
    """

    rule: Rule
    outcome: Match | Miss
    holds: bool
    reading: Reading

    @property
    def match(self) -> Match:
        """The match; to be asked for only where there is one."""
        assert isinstance(self.outcome, Match)
        return self.outcome

    @property
    def missed(self) -> str | None:
        """Why the rule was not triggered, in words; None when it was."""
        return self.outcome.words() if isinstance(self.outcome, Miss) else None

    def terms(self) -> list[TermResult]:
        """List every condition with its value, also those that deciding need not ask for."""
        read = self.reading.read
        self.reading.read = {}
        found = list(trace(self.rule.conditions, self.reading))
        self.reading.read = read
        return found


def evaluate(rule: Rule, occurrence: Occurrence, reading: Reading, world: World) -> Evaluation:
    """Evaluate a rule; `reading` is the occurrence's own, shared by the rules it may set off."""
    outcome = rule.trigger.match(rule, occurrence, world)
    holds = isinstance(outcome, Match) and conditions_hold(rule, reading)
    return Evaluation(rule, outcome, holds, reading)


def conditions_hold(rule: Rule, reading: Reading) -> bool:
    """Tell whether the conditions hold; what they ask for is remembered in `reading.read`."""
    reading.read = {}
    return rule.holds(reading)
