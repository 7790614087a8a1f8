"""The words of the demo for what the ledger recorded."""

from collections.abc import Iterable
from datetime import datetime

from service.demo.letters import ZONE
from service.learners.course import CourseRecorded
from service.learners.enrollment import EnrollmentRecorded
from service.learners.events import FactRecorded
from service.learners.facts import Completed, CompletionRevoked, Enrolled, SeatsReported, Unenrolled
from service.learners.instance import InstanceRecorded
from service.rules.notifications import AttemptEnded, Ended
from service.rules.why.turns import reason_in_words

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
