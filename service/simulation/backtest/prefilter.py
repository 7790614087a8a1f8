"""The sieve: tells quickly that an event can match no rule, so that nothing is asked of it.

What passes is decided on by the decider itself, which asks for everything again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from service.learners import course, enrollment, instance
from service.learners.enrollment import EnrollmentRecorded
from service.learners.enrollment_state import Snapshot
from service.learners.facts import Identity, SeatsReported
from service.learners.instance import InstanceRecorded
from service.learners.watchlist import WatchAsked, WatchStopped
from service.learners.world import World
from service.rules.conditions import Condition, Term, compile_conditions
from service.rules.decider import SEATS_CHANGED
from service.rules.rule import ChangeTrigger, EventTrigger, Rule, StalledTrigger
from service.rules.scheduler import TimeAsked
from service.rules.triggers.seat_change import is_edge
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
        others = course.SHAPES.keys() | instance.SHAPES.keys()
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


STANDING = {
    f"enrollment.{name}": name
    for name in Snapshot.__struct_fields__
    if name not in ("active_at", "silent_since")
}
"""The fields that an event's own snapshot answers."""
COURSE = ("course.id", "course.kind", "course.title", "course.tags")

Place = tuple[str, str, str, str]


class Sieve:
    """The rules of one play, by the transition that may trigger them."""

    def __init__(self, rules: Iterable[Rule], world: World) -> None:
        self._by_name: dict[str, list[Strainer]] = {}
        self._changes: list[ChangeTrigger] = []
        for rule in rules:
            trigger = rule.trigger
            if isinstance(trigger, EventTrigger):
                self._by_name.setdefault(trigger.event, []).append(Strainer(rule, world))
            elif isinstance(trigger, ChangeTrigger):
                self._changes.append(trigger)

    def passes(self, event: Any, who: Callable[[], Identity | None]) -> bool:
        """Whether an event may match a rule; `who` tells whose enrollment it is on."""
        for name in event.transitions:
            for strainer in self._by_name.get(name, ()):
                if not isinstance(event, EnrollmentRecorded) or strainer.passes(event, who):
                    return True
        if not self._changes or not isinstance(event, InstanceRecorded):
            return False
        said, was = event.said, event.was
        if was is None or not isinstance(said, SeatsReported):
            return False
        return any(is_edge(trigger, was, said) for trigger in self._changes)


class Strainer:
    """What of one rule's conditions an event on an enrollment answers by itself, or its course.

    Of a course the answer is the same all the time, and so remembered.
    """

    def __init__(self, rule: Rule, world: World) -> None:
        self._world = world
        self._standing = _only(rule.conditions, STANDING)
        self._course = _only(rule.conditions, COURSE)
        self._answers: dict[Place, bool] = {}

    def passes(self, event: EnrollmentRecorded, who: Callable[[], Identity | None]) -> bool:
        """Whether the rule may match."""
        after = event.after
        standing = self._standing
        if standing and after and not standing(lambda field: getattr(after, STANDING[field])):
            return False
        place = who() if self._course else None
        return place is None or self._suits(place)

    def _suits(self, who: Identity) -> bool:
        key = (who.source, who.account, who.course, who.kind)
        known = self._answers.get(key)
        if known is None:
            known = self._answers[key] = self._asked(key)
        return known

    def _asked(self, place: Place) -> bool:
        source, account, id, kind = place
        course = self._world.course(source, account, id)
        values: dict[str, object] = {
            "course.id": id or None,
            "course.kind": kind or None,
            "course.title": (course and course.title) or id or None,
            "course.tags": course.tags if course else None,
        }
        return self._course is None or self._course(values.__getitem__)


def _only(
    conditions: Sequence[Condition], fields: Iterable[str]
) -> Callable[[Callable[[str], object]], bool] | None:
    """Those conditions that ask for these fields alone, as one function; None if there are none."""
    known = set(fields)
    mine = [each for each in conditions if known.issuperset(fields_of([each]))]
    return compile_conditions(mine) if mine else None
