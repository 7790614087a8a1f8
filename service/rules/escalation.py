"""Escalation: who is told later, when what was told first still holds."""

from collections.abc import Callable

from service.learners.world import Decisions, UncommittedWorld
from service.rules.decider import Decider, holds
from service.rules.fanout import Match
from service.rules.field_values import Reading
from service.rules.notification import CANCELLED, Notification
from service.rules.rule import AFTER, Entry, Rule
from service.rules.triggers.stalled import Ask, Mark
from service.rules.verdict import Subject, event_of, untrue

FIRSTS_AT_A_TIME = 1_000

First = tuple[Notification, Subject]
"""What a rule owed first of all because of one match, and what that is about as of now."""
Firsts = Callable[[Rule, int, int, int], list[First]]
"""Those of a rule decided after one moment and until another, in that order; at least `limit` of
them if there are so many, and all that were decided together with the last."""


def ask_steps(
    asked: Ask, decider: Decider, firsts: Firsts, world: UncommittedWorld, now: int
) -> None:
    """Asks every step of every rule; each keeps a mark along the moments of first decisions."""
    for rule in decider.by_id.values():
        for entry in rule.escalation:
            key = mark_of(rule, entry)
            mark = asked.marks.get(key) or started_step(entry, now)
            asked.marks[key] = _ask_step(rule, entry, mark, asked, decider, firsts, world, now)


def mark_of(rule: Rule, entry: Entry) -> str:
    """The name of a step's mark: with other words it is the same step."""
    return f"{rule.id}/{entry.route}{AFTER}{entry.after_ms}"


def started_step(entry: Entry, now: int) -> Mark:
    """The mark of a step that is new now: whom it could have told before is not told."""
    begin = now - entry.after_ms
    return Mark(begin, begin, now)


def _ask_step(
    rule: Rule, entry: Entry, mark: Mark, asked: Ask, decider: Decider, firsts: Firsts,
    world: UncommittedWorld, now: int,
) -> Mark:  # fmt: skip
    bound = now - entry.after_ms
    begin = max(min(mark.mark, bound), mark.floor)
    due = firsts(rule, begin, bound, FIRSTS_AT_A_TIME) if bound > begin else []
    end = max(bound, begin)
    if len(due) >= FIRSTS_AT_A_TIME:
        end = due[-1][0].owed.decided_at
        asked.more = True
    for first, subject in _once_each(due):
        decided = step(rule, entry, first, subject, decider, world, now)
        if decided is not None:
            asked.decisions.extend(decided)
            world.remember(decided)
    return Mark(end, mark.floor, mark.since)


def _once_each(firsts: list[First]) -> list[First]:
    """One for each occurrence, and not one that was cancelled if another was not."""
    ranked = sorted(firsts, key=lambda first: first[0].state != CANCELLED)
    return list({first[0].owed.occurrence: first for first in ranked}.values())


def step(
    rule: Rule, entry: Entry, first: Notification, subject: Subject, decider: Decider,
    world: UncommittedWorld, now: int,
) -> Decisions | None:  # fmt: skip
    """What one step owes at `now`; None when what was told first does not hold any more."""
    owed = first.owed
    reading = Reading(subject.aggregate, event_of(owed), world, now)
    if first.state == CANCELLED or untrue(owed, subject, rule, reading) or not holds(rule, reading):
        return None
    decisions, at = Decisions(), owed.event_at or 0
    match = Match(owed.trigger, owed.occurrence, at, len(subject.bodies), True)
    decider.owing.owe(rule, (entry,), match, reading, world, decisions)
    return decisions
