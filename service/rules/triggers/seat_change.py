"""Edges: when a value of an instance changed as a rule asks, and when a rule is armed anew."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, ClassVar

from service.learners.facts import SeatsReported
from service.learners.instance import Instance, seat_values
from service.ledger.events import EventBody
from service.rules.rule import ChangeTrigger, Rule


class Fired(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """A rule with `rearm` fired at this version of the instance: it must be armed anew."""

    TOPIC: ClassVar[str] = "rule.fired"
    at: int
    instance: str
    fired_at: int


SHAPES: Mapping[str, Any] = {Fired.TOPIC: Fired}


def is_edge(trigger: ChangeTrigger, was: SeatsReported, said: SeatsReported) -> bool:
    """Whether the value changed, from a value in `from` to one in `to`."""
    old, new = seat_values(was)[trigger.field], seat_values(said)[trigger.field]
    if old == new or (trigger.from_ and not trigger.from_.matches(old)):
        return False
    if trigger.to is None:
        return True
    entered = trigger.from_ is not None or not trigger.to.matches(old)
    return entered and trigger.to.matches(new)


def rearmed(trigger: ChangeTrigger, last: EventBody, instance: object) -> bool:
    """Whether the value was back in the `rearm` range since the rule last fired."""
    assert isinstance(last, Fired) and isinstance(instance, Instance) and trigger.rearm
    return any(
        trigger.rearm.matches(seat_values(report)[trigger.field])
        for report in instance.reports_after(last.fired_at)
    )


def memory_stream(rule: Rule, instance: str) -> str:
    """The stream that remembers when a rule with `rearm` last fired for an instance."""
    name = f"{rule.mode}\x1f{rule.id}\x1f{instance}".encode()
    return f"f{blake2b(name, digest_size=16).hexdigest()}"
