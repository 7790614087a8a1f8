"""The words of the demo for what the ledger recorded."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from service.app.app import App
from service.demo.letters import ZONE
from service.learners.course import CourseRecorded
from service.learners.enrollment import EnrollmentRecorded
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    FactRecorded,
    Identity,
    SeatsReported,
    Unenrolled,
)
from service.learners.instance import InstanceRecorded
from service.rules.explain.steps_in_words import reason_in_words
from service.rules.notification import AttemptEnded, Ended, Owed
from service.rules.rule import ROOM, STEPS_UP

UNCHANGED = {
    "duplicate": "known already",
    "superseded": "comes too late",
}
REASONS = {
    "no_longer_true": "not true any more",
    "conditions_changed": "the rule's conditions do not hold any more",
    "rule_removed": "no rule says so any more",
}
TOPICS = {
    "instance.modified": "changed",
    "instance.deleted": "deleted",
    "course.drafted": "a draft was saved",
    "course.modified": "changed",
    "course.deleted": "deleted",
}


def clock(at: int) -> str:
    """A moment (ms UTC) as a clock at the academy shows it."""
    return datetime.fromtimestamp(at / 1000, ZONE).strftime("%H:%M")


def day(at: int) -> str:
    """The day of a moment (ms UTC) at the academy, `Monday 2 November`."""
    then = datetime.fromtimestamp(at / 1000, ZONE)
    return f"{then:%A} {then.day} {then:%B}"


def later(at: int, now: int) -> str:
    """A moment to come (ms UTC): `16:30`, on another day `Wednesday 08:30`."""
    name, another = day(at).partition(" ")[0], day(at) != day(now)
    return f"{name} {clock(at)}" if another else clock(at)


def recorded_in_words(event: FactRecorded, again: bool) -> str:  # type: ignore[type-arg]
    """What a recorded fact changed; `again` says that the enrollment had ended before."""
    if isinstance(event, InstanceRecorded) and isinstance(event.said, SeatsReported):
        return seats_in_words(event.said)
    if isinstance(event, EnrollmentRecorded):
        return enrollment_in_words(event, again)
    assert isinstance(event, InstanceRecorded | CourseRecorded)
    return TOPICS.get(event.topic, event.topic)


def seats_in_words(said: SeatsReported) -> str:
    """`11 of 12 taken, 1 waiting`."""
    if said.seat_limit is None:
        return f"{said.enrollment_count} seats taken"
    waiting = f", {said.waitlist_count} waiting" if said.waitlist_count else ""
    return f"{said.enrollment_count} of {said.seat_limit} taken{waiting}"


def enrollment_in_words(event: EnrollmentRecorded, again: bool) -> str:
    """`enrolled`, `completed`, `at 40 %`."""
    said, after = event.said, event.after
    if not event.transitions or after is None:
        return "date filled in" if isinstance(said, Enrolled) else "noted"
    if isinstance(said, Enrolled):
        return "enrolled again" if again else "enrolled"
    if isinstance(said, Completed):
        return "not passed" if after.passed is False else "completed"
    if isinstance(said, CompletionRevoked):
        return "taken back"
    if isinstance(said, Unenrolled):
        return "left"
    return "under way" if after.progress is None else f"at {after.progress:g} %"


def why_not(event: Ended | AttemptEnded) -> str:
    """Why somebody was not told."""
    if isinstance(event, AttemptEnded):
        return f"{event.outcome}; {event.then.replace('_', ' ')}"
    reason = REASONS.get(event.reason) or reason_in_words(event.reason)
    return f"{event.state}: {reason}"


def listed(words: Iterable[str]) -> str:
    """`learner`, `learner and manager`, `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


class Names:
    """Looks up people and titles as they are known now."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._abouts: dict[str, Identity] = {}

    def learn(self, stream: str, event: Any) -> None:
        """Notes what a stream is about; its first event says so."""
        if isinstance(event, FactRecorded) and event.about is not None and event.about.course:
            self._abouts[stream] = event.about

    def place(self, stream: str) -> int:
        """Where a stream stands in the order in which they were first heard of."""
        return list(self._abouts).index(stream) if stream in self._abouts else -1

    def subject(self, stream: str) -> str:
        """`Ada Lindgren, Giving Feedback`, or only the title; empty for no known stream."""
        about = self._abouts.get(stream)
        if about is None:
            return ""
        course = self._app.courses.get(about.source, about.account, about.course)
        title = (course and course.title) or about.course
        return f"{self.learner(about.person)}, {title}" if about.person else title

    def learner(self, person_id: str) -> str:
        """A learner's name, or the number the LMS has for them."""
        person = self._app.people.get(person_id)
        return (person and (person.name or f"learner {person.lms_id}")) or "somebody"

    def recipient(self, owed: Owed) -> str:
        """Whom a notification is for."""
        if owed.recipient.startswith(ROOM):
            return f"room {owed.recipient.removeprefix(ROOM)}"
        if owed.person is None or owed.recipient not in STEPS_UP:
            return self.learner(owed.recipient)
        return self._above(owed.person, STEPS_UP[owed.recipient])

    def _above(self, person_id: str, steps: int) -> str:
        if not steps:
            return self.learner(person_id)
        found = self._app.people.get(person_id)
        for _ in range(steps):
            found = self._app.people.manager_of(found) if found else None
        if found is None:
            return "manager of " * steps + self.learner(person_id)
        return found.name or found.email or f"learner {found.lms_id}"
