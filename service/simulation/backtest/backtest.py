"""The backtest: what rule files would have sent over the history of one ledger."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import msgspec

from service.rules.conditions import fields_of
from service.rules.decider import Decider
from service.rules.rule import RuleSet
from service.simulation.backtest.difference import Difference
from service.simulation.backtest.log import History
from service.simulation.backtest.outbox import Hear
from service.simulation.backtest.replay import Play, Replay, Span
from service.simulation.backtest.tally import Tally
from service.simulation.backtest.world import Today

OF_TODAY = ("learner.", "course.")
NOT_IN_THE_LOG = ("source", "letter")
"""Subjects of rules of which the log says nothing."""
OF_THE_EVENT = frozenset({"course.id", "course.kind"})


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be rehearsed: `rules` and, to be compared with them, those of `against`.

    The rules go live at `since` or with the first event, and time ends at `until` (ms UTC).
    `lateness` (ms) is the longest allowance of any source.
    """

    rules: RuleSet
    against: RuleSet | None = None
    since: int = 0
    until: int | None = None
    lateness: int = 0
    storm_limit: int


class Backtest(msgspec.Struct, frozen=True):
    """What came of it; `difference` when two rule files were compared."""

    span: Span
    tally: Tally
    difference: Difference | None

    def people_of_examples(self) -> list[str]:
        """The ids of the people in the examples of a difference."""
        shown = self.difference.examples.values() if self.difference else ()
        return [p for few in shown for m in few for p in (m.person, m.recipient) if p]


def backtest(
    history: History,
    today: Today,
    plan: Plan,
    told: Callable[[int], object] = lambda _: None,
    hear: Hear = lambda _: None,
) -> Backtest:
    """Replay the log through one rule file, or two at once; nothing is written or sent.

    `told` hears of each position it has come to; `hear`, with one rule file alone, of what
    became of each notification.
    """
    replay = Replay(history, today, plan.lateness, plan.until)
    difference = Difference() if plan.against is not None else None
    play = Play(_decider(plan.rules, plan), replay, plan.since)
    replay.plays.append(play)
    play.outbox.hear = hear
    if difference is not None and plan.against is not None:
        play.outbox.hear = difference.new
        other = Play(_decider(plan.against, plan), replay, plan.since)
        other.outbox.hear = difference.old
        replay.plays.append(other)
    span = replay.run(told)
    play.outbox.close()
    if difference is not None:
        difference.close()
    return Backtest(span, play.tally, difference)


def _decider(rules: RuleSet, plan: Plan) -> Decider:
    live = tuple(replace(rule, mode="live") for rule in rules.rules if rule.mode != "disabled")
    return Decider(replace(rules, rules=live), plan.storm_limit)


def only(rules: RuleSet, ids: Collection[str]) -> RuleSet:
    """The file with these of its rules alone."""
    return replace(rules, rules=tuple(rule for rule in rules.rules if rule.id in ids))


def of_today(rules: RuleSet) -> list[str]:
    """The rules that ask for a person, a course or a group, who are known as of today only."""
    found = []
    for rule in rules.rules:
        read = set(fields_of(rule.conditions)) - OF_THE_EVENT
        groups = any((entry.to or "").startswith("group:") for entry in rule.entries)
        if groups or any(field.startswith(OF_TODAY) for field in read):
            found.append(rule.id)
    return found


def not_rehearsed(rules: RuleSet) -> Sequence[str]:
    """The rules that a log cannot try: when letters came, and the service ran, is not in it."""
    return [rule.id for rule in rules.rules if rule.trigger.scope.subject in NOT_IN_THE_LOG]
