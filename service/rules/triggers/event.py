"""Set a rule off when something happened: `trigger: {event: enrollment.completed}`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from service.learners.enrollment_state import COMPLETED, IN_PROGRESS, UNENROLLED
from service.learners.facts import FactRecorded
from service.learners.world import AppendedEvent, World
from service.rules.fields import EventSeen, Reading
from service.rules.notification import Owed
from service.rules.scope import OF_EVENTS, Scope
from service.rules.triggers.trigger import Kind, Match, Miss, Occurrence, RuleIdentity

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


class EventOccurrence(Occurrence, frozen=True):
    """Hold an event as it was appended to a stream."""

    stream: str
    version: int
    event: FactRecorded[Any]

    @classmethod
    def of(cls, appended: AppendedEvent, now: int) -> Self:
        """Take an event as the writer hands it over."""
        event, about = appended.event, appended.aggregate.about
        seen = EventSeen(
            about.source, about.account, name=event.name, at=event.at, by_admin=event.by_admin
        )
        return cls(appended.aggregate, seen, now, appended.stream, appended.version, event)

    def match(self, trigger: str) -> Match:
        """Say that this event set a rule off."""
        return Match(trigger, f"{self.stream}/{self.version}", self.event.at, self.version)


@dataclass(frozen=True)
class EventTrigger:
    """Set a rule off when an event led to a transition, as `enrollment.completed`."""

    kind: ClassVar[Kind] = "event"
    event: str

    @property
    def scope(self) -> Scope:
        """Choose enrolment, instance, course or learner, by the event's name."""
        return OF_EVENTS[self.event.partition(".")[0]]

    @property
    def transitions(self) -> frozenset[str]:
        """Give the event itself."""
        return frozenset({self.event})

    def admits(self, event: FactRecorded[Any]) -> bool:
        """Admit every event with the transition."""
        return True

    def match(self, rule: RuleIdentity, occurrence: Occurrence, world: World) -> Match | Miss:
        """Match an event that led to the transition."""
        if isinstance(occurrence, EventOccurrence) and self.event in occurrence.event.transitions:
            return occurrence.match(self.event)
        return Miss(lambda: f"it is not {self.event}")

    def still_holds(self, owed: Owed, reading: Reading) -> bool:
        """Tell whether the enrolment stands as it stood then; an event of others stays true."""
        if owed.trigger != self.event:
            return False
        enrollment = reading.enrollment
        return enrollment is None or enrollment.state.status in STILL[self.event]

    def words(self) -> str:
        """Say `enrollment.completed`."""
        return self.event
