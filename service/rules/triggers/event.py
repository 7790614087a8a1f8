"""Set a rule off when something happened: `trigger: {event: enrollment.completed}`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from service.learners.enrollment_state import COMPLETED, ENROLLED, IN_PROGRESS, UNENROLLED
from service.learners.episodes import Episode
from service.learners.facts import FactRecorded
from service.learners.world import AppendedEvent, World
from service.rules.conditions import Condition
from service.rules.contradiction import standing
from service.rules.fields import EventSeen, Reading
from service.rules.notification import Owed
from service.rules.scope import OF_EVENTS, Scope
from service.rules.triggers.trigger import Kind, Match, Miss, Occurrence, RuleIdentity

NOT_TAKEN_BACK: Mapping[str, Callable[[Episode], bool]] = {
    "enrollment.enrolled": lambda episode: not episode.was_left,
    "enrollment.started": lambda episode: episode.counts,
    "enrollment.progressed": lambda episode: episode.counts,
    "enrollment.module_completed": lambda episode: episode.counts,
    "enrollment.completed": lambda episode: not episode.revoked,
    "enrollment.result_changed": lambda episode: not episode.revoked,
    "enrollment.completion_revoked": lambda episode: episode.state.completed_at is None,
    "enrollment.unenrolled": lambda episode: episode.was_left and episode.newest,
}
"""When what happened was not taken back, by the episode that the event belongs to (decision 22)."""

THEN: Mapping[str, tuple[str, ...]] = {
    "enrollment.enrolled": (ENROLLED,),
    "enrollment.started": (IN_PROGRESS,),
    "enrollment.progressed": (IN_PROGRESS,),
    "enrollment.module_completed": (IN_PROGRESS,),
    "enrollment.completed": (COMPLETED,),
    "enrollment.result_changed": (COMPLETED,),
    "enrollment.completion_revoked": (ENROLLED, IN_PROGRESS),
    "enrollment.unenrolled": (UNENROLLED,),
}
"""The statuses that rules can read of an enrolment at the moment of an event."""


class EventOccurrence(Occurrence, frozen=True):
    """Hold an event as it was appended to a stream."""

    stream: str
    version: int
    event: FactRecorded[Any]

    @classmethod
    def of(cls, appended: AppendedEvent, now: int) -> Self:
        """Take an event as the writer hands it over."""
        event, about = appended.event, appended.aggregate.about
        subject = appended.aggregate.told_by(appended.version, event)
        seen = EventSeen(
            about.source, about.account, name=event.name, at=event.at, by_admin=event.by_admin
        )
        return cls(subject, seen, now, appended.stream, appended.version, event)

    def match(self, trigger: str) -> Match:
        """Say that this event set a rule off."""
        first, at = self.event.told_first(trigger, self.version)
        return Match(trigger, f"{self.stream}/{first}", at, self.version)


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
    def implied(self) -> tuple[Condition, ...]:
        """Say how an enrolment stands with the event."""
        return (standing(THEN[self.event]),) if self.event in THEN else ()

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
        """Tell whether what happened was not taken back; an event of others stays true."""
        if owed.trigger != self.event:
            return False
        episode = reading.enrollment.episode if reading.enrollment else None
        return episode is None or NOT_TAKEN_BACK[self.event](episode)

    def words(self) -> str:
        """Say `enrollment.completed`."""
        return self.event
