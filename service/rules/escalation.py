"""Escalate: decide who is told later, when what was told first still holds."""

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from service.learners.world import Decisions, UncommittedWorld
from service.rules.decider import Decider, Evaluation, id_of_owed
from service.rules.notification import CANCELLED, Notification, Owed
from service.rules.rule import AFTER, Entry, Rule
from service.rules.triggers.stalled import SilenceMark, SweepResult
from service.rules.triggers.trigger import Match
from service.rules.verdict import Item, Subject, untrue

FIRSTS_AT_A_TIME = 1_000
LEARNER = "learner"

First = tuple[Notification, Subject]
"""What a rule owed first of all because of one match, and what that is about as of now."""
Firsts = Callable[[Rule, int, int, int], list[First]]
"""Those of a rule decided after one moment and until another, in that order; at least `limit` of
them if there are so many, and all that were decided together with the last."""


class Steps(NamedTuple):
    """Ask every step of every rule at `now` (ms UTC), in a world that remembers each decision."""

    decider: Decider
    world: UncommittedWorld
    now: int

    def ask(self, asked: SweepResult, firsts: Firsts) -> None:
        """Ask the steps; each keeps a mark along the moments of first decisions."""
        for rule in self.decider.active:
            for entry in rule.escalation:
                key = mark_of(rule, entry)
                mark = asked.marks.get(key) or started_step(entry, self.now)
                bound = self.now - entry.after_ms
                begin, end = max(min(mark.mark, bound), mark.floor), max(bound, mark.floor)
                due = firsts(rule, begin, bound, FIRSTS_AT_A_TIME) if bound > begin else []
                if len(due) >= FIRSTS_AT_A_TIME:
                    end, asked.more = due[-1][0].owed.decided_at, True
                self._decide(rule, entry, due, asked.decisions)
                asked.marks[key] = SilenceMark(end, mark.floor, mark.since)

    def _decide(self, rule: Rule, entry: Entry, due: list[First], decisions: Decisions) -> None:
        for first in once_each(due):
            decided = self.step(rule, entry, first)
            if decided is not None:
                decisions.extend(decided)
                self.world.remember(decided)

    def step(self, rule: Rule, entry: Entry, first: First) -> Decisions | None:
        """Decide what one step owes; None when what was told first does not hold any more."""
        notification, subject = first
        owed = notification.owed
        told = Item(owed, subject)
        reading = told.reading(self.world, self.now)
        if notification.state == CANCELLED or untrue(told, rule, reading):
            return None
        decisions, at = Decisions(), owed.event_at or 0
        match = Match(
            trigger=owed.trigger,
            occurrence=owed.occurrence,
            at=at,
            version=len(subject.bodies),
            by_clock=True,
        )
        self.decider.fan_out.owe(Evaluation(rule, match, True, reading), (entry,), decisions)
        return decisions


def told_before(rule: Rule, step: Entry, owed: Owed) -> list[str]:
    """Name the notifications by which a rule owed it to the learner before a step, sent or not."""
    earlier = [each for each in rule.entries if each.after_ms < step.after_ms]
    return [
        id_of_owed(replace(owed, entry=each.key, recipient=LEARNER))
        for each in earlier
        if each.to == LEARNER
    ]


def mark_of(rule: Rule, entry: Entry) -> str:
    """Name a step's mark: with other words it is the same step."""
    return f"{rule.id}/{entry.route}{AFTER}{entry.after_ms}"


def started_step(entry: Entry, now: int) -> SilenceMark:
    """Make the mark of a step that is new now: whom it could have told before is not told."""
    begin = now - entry.after_ms
    return SilenceMark(begin, begin, now)


def once_each(firsts: list[First]) -> list[First]:
    """Pick one for each occurrence, and not one that was cancelled if another was not."""
    ranked = sorted(firsts, key=lambda first: first[0].state != CANCELLED)
    chosen = {first[0].owed.occurrence: first for first in ranked}.values()
    return sorted(chosen, key=lambda first: (first[0].owed.decided_at, first[0].owed.occurrence))
