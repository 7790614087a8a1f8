"""Tell quickly that an event can match no rule, so that nothing is asked of it.

What passes is decided on by the decider itself, which asks for everything again.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from service.learners import course, enrollment, instance
from service.learners.enrollment import EnrollmentRecorded
from service.learners.enrollment_state import Snapshot
from service.learners.facts import Identity, InstanceDeleted, InstanceModified, LearnerMerged
from service.learners.watchlist import WatchAsked, WatchStopped
from service.learners.world import World
from service.rules.conditions import Condition, compile_conditions, fields_of
from service.rules.readers.choices import ChoicesMade
from service.rules.readers.watchers import WATCHERS
from service.rules.rule import Rule
from service.rules.scheduler import TimeAsked
from service.rules.triggers.stalled import stalled_trigger_of
from service.rules.triggers.trigger import Trigger

SEATS = "instance."


def topics_of(rules: Iterable[Rule]) -> frozenset[str]:
    """Name the topics that can set off one of these rules, or change what one reads."""
    wanted = {TimeAsked.TOPIC, LearnerMerged.TOPIC, ChoicesMade.TOPIC}
    for rule in rules:
        wanted |= rule.trigger.transitions
        if rule.trigger.scope.has_enrollment:
            wanted |= enrollment.SHAPES.keys()
        if rule.trigger.scope.subject == "instance" or reads_seats(rule):
            wanted |= instance.SHAPES.keys()
        if stalled_trigger_of(rule) is not None:
            wanted |= {*course.OF_COURSES, InstanceDeleted.TOPIC, InstanceModified.TOPIC}
        if any(entry.to == WATCHERS for entry in rule.entries):
            wanted |= {WatchAsked.TOPIC, WatchStopped.TOPIC}
    known = course.SHAPES.keys() | instance.SHAPES.keys() | enrollment.SHAPES.keys()
    known |= {TimeAsked.TOPIC, ChoicesMade.TOPIC, WatchAsked.TOPIC, WatchStopped.TOPIC}
    return frozenset(wanted & known)


def reads_seats(rule: Rule) -> bool:
    """Tell whether a condition asks for something of the instance."""
    return any(field.startswith(SEATS) for field in fields_of(rule.conditions))


STANDING = {
    f"enrollment.{name}": name
    for name in Snapshot.__struct_fields__
    if name not in ("active_at", "silent_since")
}
"""The fields that an event's own snapshot answers."""
COURSE = ("course.id", "course.kind", "course.title", "course.tags")

Place = tuple[str, str, str, str]


class Prefilter:
    """Keep the rules of one replay, by the transition that may set them off."""

    def __init__(self, rules: Iterable[Rule], world: World) -> None:
        self._by_name: dict[str, list[tuple[Trigger, RulePrefilter]]] = {}
        for rule in rules:
            asked = (rule.trigger, RulePrefilter(rule, world))
            for name in rule.trigger.transitions:
                self._by_name.setdefault(name, []).append(asked)

    def passes(self, event: Any, who: Callable[[], Identity | None]) -> bool:
        """Tell whether an event may match a rule; `who` tells whose enrollment it is on."""
        for name in event.transitions:
            for trigger, rule in self._by_name.get(name, ()):
                if trigger.admits(event) and rule.passes(event, who):
                    return True
        return False


class RulePrefilter:
    """Test what of a rule's conditions an enrollment's event answers by itself, or its course.

    Of a course the answer is the same all the time, and so remembered.
    """

    def __init__(self, rule: Rule, world: World) -> None:
        self._world = world
        self._standing = _only(rule.conditions, STANDING)
        self._course = _only(rule.conditions, COURSE)
        self._answers: dict[Place, bool] = {}

    def passes(self, event: Any, who: Callable[[], Identity | None]) -> bool:
        """Tell whether the rule may match."""
        if not isinstance(event, EnrollmentRecorded):
            return True
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
    """Compile the conditions that ask for these fields alone; None if there are none."""
    known = set(fields)
    mine = [each for each in conditions if known.issuperset(fields_of([each]))]
    return compile_conditions(mine) if mine else None
