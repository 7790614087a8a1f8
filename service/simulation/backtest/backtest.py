"""Backtest rule files: replay the history of one ledger and say what they would have sent."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import msgspec

from service.learners.facts import Timing
from service.rules.decider import Decider
from service.rules.rule import GROUP, Rule, RuleSet
from service.simulation.backtest.difference import Difference
from service.simulation.backtest.outbox import FateObserver
from service.simulation.backtest.replay import Replay, RuleReplay, Span
from service.simulation.backtest.replay_world import CurrentDirectory
from service.simulation.backtest.states import History
from service.simulation.backtest.tally import Tally

NOT_IN_THE_LOG = ("source", "letter", "channel")
"""Subjects of rules of which the log says nothing, or not whether it would be so again."""


class BacktestOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Say what is rehearsed: `rules` and, to be compared with them, those of `against`.

    The rules go live at `since` or with the first event, and time ends at `until` (ms UTC).
    `timings` are by source.
    """

    rules: RuleSet
    against: RuleSet | None = None
    since: int = 0
    until: int | None = None
    timings: Mapping[str, Timing] = {}
    storm_limit: int


class BacktestResult(msgspec.Struct, frozen=True):
    """Hold what came of a backtest; `difference` when two rule files were compared."""

    span: Span
    tally: Tally
    difference: Difference | None

    def people_of_examples(self) -> list[str]:
        """List the ids of the people in the examples of a difference."""
        shown = self.difference.examples.values() if self.difference else ()
        return [p for few in shown for m in few for p in (m.person, m.recipient) if p]


def backtest(
    history: History,
    today: CurrentDirectory,
    plan: BacktestOptions,
    told: Callable[[int], object] = lambda _: None,
    hear: FateObserver = lambda _: None,
) -> BacktestResult:
    """Replay the log through one rule file, or two at once; nothing is written or sent.

    `told` hears of each position it has come to; `hear`, with one rule file alone, of what
    became of each notification.
    """
    replay = Replay(history, today, plan.timings, plan.until)
    difference = Difference() if plan.against is not None else None
    play = RuleReplay(_decider(plan.rules, plan), replay, plan.since)
    replay.plays.append(play)
    play.outbox.hear = hear
    if difference is not None and plan.against is not None:
        play.outbox.hear = difference.new
        other = RuleReplay(_decider(plan.against, plan), replay, plan.since)
        other.outbox.hear = difference.old
        replay.plays.append(other)
    span = replay.run(told)
    play.outbox.close()
    if difference is not None:
        difference.close()
    return BacktestResult(span, play.tally, difference)


def _decider(rules: RuleSet, plan: BacktestOptions) -> Decider:
    live = tuple(replace(rule, mode="live") for rule in rules.rules if rule.mode != "disabled")
    return Decider(replace(rules, rules=live), plan.storm_limit)


def only_rules(rules: RuleSet, ids: Collection[str]) -> RuleSet:
    """Keep these of a file's rules alone."""
    return replace(rules, rules=tuple(rule for rule in rules.rules if rule.id in ids))


def of_today(rules: RuleSet) -> list[str]:
    """Name the rules that ask for a person, a course or a group, known as of today only."""

    def asks_a_group(rule: Rule) -> bool:
        return any((entry.to or "").startswith(GROUP) for entry in rule.entries)

    return [rule.id for rule in rules.rules if rule.reads_today or asks_a_group(rule)]


def not_rehearsed(rules: RuleSet) -> Sequence[str]:
    """Name the rules a log cannot try: when letters came, and the service ran, is not in it."""
    return [rule.id for rule in rules.rules if rule.trigger.scope.subject in NOT_IN_THE_LOG]
