"""Needs: which topics of the log a rule set must read; the others are passed over undecoded."""

from collections.abc import Iterable, Iterator

from service.learners import course, enrollment, instance, learner
from service.learners.watching import WatchAsked, WatchStopped
from service.rules.clock import TimeAsked
from service.rules.conditions import Condition, Term
from service.rules.decide import SEATS_CHANGED
from service.rules.language import ChangeTrigger, EventTrigger, Rule, StalledTrigger
from service.rules.watchers import WATCHERS

SEATS = "instance."


def topics_of(rules: Iterable[Rule]) -> frozenset[str]:
    """The topics that can trigger one of these rules, or change what one reads."""
    wanted = {TimeAsked.TOPIC}
    for rule in rules:
        trigger = rule.trigger
        if isinstance(trigger, StalledTrigger) or names(rule) & enrollment.SHAPES.keys():
            wanted |= enrollment.SHAPES.keys()
        if isinstance(trigger, ChangeTrigger) or reads_seats(rule):
            wanted |= instance.SHAPES.keys()
        if any(entry.to == WATCHERS for entry in rule.entries):
            wanted |= {WatchAsked.TOPIC, WatchStopped.TOPIC}
        others = course.SHAPES.keys() | learner.SHAPES.keys() | instance.SHAPES.keys()
        wanted |= names(rule) & others
    if wanted & instance.SHAPES.keys():
        wanted |= instance.SHAPES.keys()
    return frozenset(wanted)


def names(rule: Rule) -> frozenset[str]:
    """The transitions that may trigger a rule."""
    trigger = rule.trigger
    if isinstance(trigger, EventTrigger):
        return frozenset({trigger.event})
    return frozenset({SEATS_CHANGED}) if isinstance(trigger, ChangeTrigger) else frozenset()


def reads_seats(rule: Rule) -> bool:
    """Whether a condition asks for something of the instance."""
    return any(field.startswith(SEATS) for field in fields_of(rule.conditions))


def fields_of(conditions: Iterable[Condition]) -> Iterator[str]:
    """Every field that conditions may read."""
    for condition in conditions:
        if isinstance(condition, Term):
            yield condition.field
        else:
            yield from fields_of(condition.conditions)
