"""Triggers: why an event does not trigger a rule."""

from service.learners.instance import InstanceRecorded, seat_values
from service.learners.world import Happening, World
from service.rules.decider import SEATS_CHANGED
from service.rules.describe import range_in_words, shown
from service.rules.rule import ChangeTrigger, EventTrigger, Rule
from service.rules.triggers.seat_change import is_edge, memory_stream, rearmed


def not_triggered(rule: Rule, happening: Happening, world: World) -> str | None:
    """Why an event does not trigger a rule; None when it does."""
    event, trigger = happening.event, rule.trigger
    if isinstance(trigger, EventTrigger):
        return None if trigger.event in event.transitions else f"it is not {trigger.event}"
    assert isinstance(trigger, ChangeTrigger)
    if SEATS_CHANGED not in event.transitions or not isinstance(event, InstanceRecorded):
        return "it is no report of seats"
    was, said = event.was, event.said
    assert was is not None and type(said) is type(was)
    old, new = (shown(trigger.field, seat_values(s)[trigger.field]) for s in (was, said))
    if not is_edge(trigger, was, said):
        return f"{trigger.field} went from {old} to {new}"
    last = world.latest(memory_stream(rule, happening.stream)) if trigger.rearm else None
    if trigger.rearm and last and not rearmed(trigger, last[1], happening.aggregate):
        needed = range_in_words(trigger.rearm)
        return f"{trigger.field} has not been {needed} since the rule last fired"
    return None
