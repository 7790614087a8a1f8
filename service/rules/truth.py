"""Truth: whether what was decided still holds, as the log has things now."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from service.learners.aside import Aside
from service.learners.episode import COMPLETED, IN_PROGRESS, UNENROLLED
from service.learners.events import Body, FactRecorded
from service.learners.happening import Aggregate, World
from service.learners.heard import Heard
from service.rules import setbacks, vigil
from service.rules.bundle import Bundle
from service.rules.language import ChangeTrigger, Rule, SourceSilentTrigger, StalledTrigger
from service.rules.notifications import Owed
from service.rules.reading import EventSeen, Reading

STILL: Mapping[str, frozenset[str]] = {
    "enrollment.enrolled": frozenset({"enrolled", IN_PROGRESS, COMPLETED}),
    "enrollment.started": frozenset({IN_PROGRESS, COMPLETED}),
    "enrollment.progressed": frozenset({IN_PROGRESS, COMPLETED}),
    "enrollment.module_completed": frozenset({IN_PROGRESS, COMPLETED}),
    "enrollment.completed": frozenset({COMPLETED}),
    "enrollment.completion_revoked": frozenset({"enrolled", IN_PROGRESS}),
    "enrollment.unenrolled": frozenset({UNENROLLED}),
}
"""The statuses in which what was to be told is still true."""


class Subject(msgspec.Struct, frozen=True):
    """What a notification is about as the log has it now, and the events since.

    What a digest is about has no events, but items.
    """

    aggregate: Aggregate | Heard | Aside | Bundle
    bodies: Sequence[Body]
    items: Sequence["Item"] = ()

    @property
    def versions(self) -> dict[str, int]:
        """The streams that say what is so, each with its newest version."""
        if not self.items:
            return {self.aggregate.id: len(self.bodies)}
        return {id: v for item in self.items for id, v in item.subject.versions.items()}

    def transitions_after(self, version: int) -> set[str]:
        """Every transition of the stream after one version."""
        later = self.bodies[version:]
        return {name for b in later if isinstance(b, FactRecorded) for name in b.transitions}


class Item(NamedTuple):
    """What was to be told, and what it is about as the log has it now."""

    owed: Owed
    subject: Subject


def event_of(owed: Owed) -> EventSeen:
    """The event that caused it, as conditions may read it."""
    if owed.event_name is None:
        dated = owed.trigger in (vigil.TRIGGER, setbacks.TRIGGER)
        at = owed.event_at if dated else None
        return EventSeen(owed.source, owed.account, at=at)
    return EventSeen(owed.source, owed.account, owed.event_name, owed.event_at, owed.by_admin)


def items_true(subject: Subject, rule: Rule, world: World, now: int) -> list[Reading]:
    """What can be read of the items of a digest that still hold, first to last."""
    readings = []
    for owed, about in subject.items:
        reading = Reading(about.aggregate, event_of(owed), world, now)
        if untrue(owed, about, rule, reading) is None:
            readings.append(reading)
    return readings


def untrue(owed: Owed, subject: Subject, rule: Rule, reading: Reading) -> str | None:
    """Why it need not be told any more; None when it still holds."""
    if not still_triggered(owed, rule, reading):
        return "no_longer_true"
    if not rule.holds(reading):
        return "conditions_changed"
    cancelling = set(rule.cancel_on) & subject.transitions_after(owed.version)
    if cancelling:
        return f"cancel_on {min(cancelling)}"
    return None


def still_triggered(owed: Owed, rule: Rule, reading: Reading) -> bool:
    """Whether the trigger is still so: still completed, still silent, still in the range."""
    trigger = rule.trigger
    if isinstance(trigger, ChangeTrigger):
        if owed.trigger != trigger.field:
            return False
        return trigger.to is None or trigger.to.matches(reading(trigger.field))
    if isinstance(trigger, StalledTrigger):
        return owed.trigger == "stalled_for" and still_silent(owed, trigger, reading)
    if isinstance(trigger, SourceSilentTrigger):
        heard = reading.subject
        same = isinstance(heard, Heard) and owed.occurrence == heard.occurrence
        return owed.trigger == vigil.TRIGGER and same
    if owed.trigger != trigger.event:
        return False
    if isinstance(reading.subject, Aside):
        return not reading.subject.used
    enrollment = reading.enrollment
    return enrollment is None or enrollment.state.status in STILL[trigger.event]


def still_silent(owed: Owed, trigger: StalledTrigger, reading: Reading) -> bool:
    """Whether it is the same silence, and long enough under the rule as it is now."""
    enrollment = reading.enrollment
    silence = enrollment.state.silence(trigger.count_from) if enrollment else None
    if enrollment is None or silence is None or silence[0] > reading.now - trigger.silence_ms:
        return False
    return owed.occurrence == f"{enrollment.id}/{silence[1]}"
