"""Set a rule off when a value of an instance changed: `trigger: {change: instance.…}`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, product, starmap
from typing import Any, ClassVar

from service.learners.facts import FactRecorded, SeatsReported
from service.learners.instance import Instance, InstanceRecorded, seat_values
from service.learners.world import World
from service.ledger.events import EventBody, stream_id
from service.rules.conditions import Condition, ValueTest
from service.rules.contradiction import NEVER, counts_told_apart
from service.rules.fields import Reading
from service.rules.notification import Owed
from service.rules.scope import INSTANCE, Scope
from service.rules.trace import range_in_words, shown
from service.rules.triggers.event import EventOccurrence
from service.rules.triggers.trigger import Kind, Match, Miss, Occurrence, RuleIdentity

Edge = tuple[float | None, float | None]
"""The value before a report of seats and with it; None is unlimited."""


class RuleFired(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record that a rule with `rearm` fired at this version: it must be armed anew."""

    TOPIC: ClassVar[str] = "rule.fired"
    at: int
    instance: str
    fired_at: int


SHAPES: Mapping[str, Any] = {RuleFired.TOPIC: RuleFired}


@dataclass(frozen=True)
class ChangeTrigger:
    """Set a rule off when a value went from one range to another.

    With `rearm`, only after the value was there again since the rule last fired.
    """

    kind: ClassVar[Kind] = "change"
    scope: ClassVar[Scope] = INSTANCE
    transitions: ClassVar[frozenset[str]] = frozenset({SeatsReported.TOPIC})
    field: str
    from_: ValueTest | None
    to: ValueTest | None
    rearm: ValueTest | None

    @property
    def implied(self) -> tuple[Condition, ...]:
        """Say that the value is in the `to` range; nothing is true where none can come there."""
        ranges = [each.conditions for each in (self.from_, self.to) if each]
        numbers = counts_told_apart(self.field, chain.from_iterable(ranges))
        if not any(starmap(self.takes, product(numbers, repeat=2))):
            return (NEVER,)
        return self.to.conditions if self.to else ()

    def admits(self, event: FactRecorded[Any]) -> bool:
        """Tell whether the value changed as asked."""
        edge = self.edge_of(event)
        return edge is not None and self.takes(*edge)

    def match(self, rule: RuleIdentity, occurrence: Occurrence, world: World) -> Match | Miss:
        """Match a report that changed the value as asked, if the rule is armed."""
        if not isinstance(occurrence, EventOccurrence):
            return Miss(lambda: "it is no report of seats")
        edge = self.edge_of(occurrence.event)
        if edge is None:
            return Miss(lambda: "it is no report of seats")
        if not self.takes(*edge):
            return Miss(lambda: f"{self.field} {self.edge_in_words(edge)}")
        match = occurrence.match(self.field)
        return self._armed(rule, match, occurrence, world) if self.rearm else match

    def _armed(
        self, rule: RuleIdentity, match: Match, occurrence: EventOccurrence, world: World
    ) -> Match | Miss:
        stream = rearm_stream(rule, occurrence.stream)
        version, last = world.latest(stream) or (0, None)
        if isinstance(last, RuleFired) and not self._was_back(last, occurrence.subject):
            return Miss(self._not_rearmed)
        fired = RuleFired(at=occurrence.now, instance=occurrence.stream, fired_at=match.version)
        return Match(
            match.trigger,
            match.occurrence,
            match.at,
            match.version,
            remembered=(stream, version + 1, fired),
        )

    def _was_back(self, last: RuleFired, instance: object) -> bool:
        """Tell whether the value was back in the `rearm` range since the rule last fired."""
        assert isinstance(instance, Instance) and self.rearm
        return any(
            self.rearm.matches(seat_values(report)[self.field])
            for report in instance.reports_after(last.fired_at)
        )

    def _not_rearmed(self) -> str:
        assert self.rearm
        needed = range_in_words(self.rearm)
        return f"{self.field} has not been {needed} since the rule last fired"

    def edge_of(self, event: object) -> Edge | None:
        """Read the value before a report of seats and with it; None for any other event."""
        if not isinstance(event, InstanceRecorded) or event.was is None:
            return None
        if not isinstance(event.said, SeatsReported):
            return None
        return seat_values(event.was)[self.field], seat_values(event.said)[self.field]

    def takes(self, old: float | None, new: float | None) -> bool:
        """Tell whether the value changed, from a value in `from` to one in `to`."""
        if old == new or (self.from_ and not self.from_.matches(old)):
            return False
        if self.to is None:
            return True
        entered = self.from_ is not None or not self.to.matches(old)
        return entered and self.to.matches(new)

    def still_holds(self, owed: Owed, reading: Reading) -> bool:
        """Tell whether the value is still in the `to` range."""
        if owed.trigger != self.field:
            return False
        return self.to is None or self.to.matches(reading(self.field))

    def edge_in_words(self, edge: Edge) -> str:
        """Say `went from 0 to 1`."""
        old, new = (shown(self.field, value) for value in edge)
        return f"went from {old} to {new}"

    def words(self) -> str:
        """Say `instance.seats_available from lte 0 to gt 0`."""
        return " ".join([self.field, *self.ranges()])

    def ranges(self) -> Iterator[str]:
        """Say `from lte 0`, `to gt 0`."""
        for word, test in (("from", self.from_), ("to", self.to)):
            if test:
                yield f"{word} {range_in_words(test)}"


def change_trigger_of(trigger: object) -> ChangeTrigger | None:
    """Give a trigger as one of changes; None when it is of another kind."""
    return trigger if isinstance(trigger, ChangeTrigger) else None


def rearm_stream(rule: RuleIdentity, instance: str) -> str:
    """Name the stream that remembers when a rule with `rearm` last fired for an instance."""
    return stream_id("f", rule.mode, rule.id, instance)
