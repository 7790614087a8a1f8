"""Sayings: which events a rule test can give, and which values each of them carries."""

from collections.abc import Callable, Mapping
from typing import Any

from service.learners import facts
from service.learners.facts import CourseSaid, EnrollmentSaid, InstanceSaid, LearnerSaid, Said
from service.rehearsal.wording import Read, count, percent, text, truth

SAID: Mapping[str, type[Said]] = {
    kind.TOPIC: kind
    for kind in (
        facts.Enrolled,
        facts.Started,
        facts.ProgressReported,
        facts.ModuleCompleted,
        facts.Completed,
        facts.CompletionRevoked,
        facts.Unenrolled,
        facts.CourseDrafted,
        facts.CourseModified,
        facts.CourseDeleted,
        facts.InstanceModified,
        facts.InstanceDeleted,
        facts.SeatsReported,
        facts.LearnerSeen,
    )
}
"""Facts by the name that rules give the event."""

WISHES = ("watch.asked", "watch.stopped")
"""A person wishes to be told of a free seat, or not any more: no letter says so."""

CALLED = {"percent": "progress"}
"""What a rule file calls a part of a fact by another name."""

READ: Mapping[str, Read] = {
    "enrollment_source": text,
    "percent": percent,
    "module": text,
    "score": percent,
    "passed": truth,
    "enrollment_count": count,
    "waitlist_count": count,
    "seat_limit": count,
}

ABOUT: tuple[tuple[type[Said], tuple[str, ...], tuple[str, ...]], ...] = (
    (EnrollmentSaid, ("learner", "course"), ("instance",)),
    (InstanceSaid, ("instance",), ("course",)),
    (CourseSaid, ("course",), ()),
    (LearnerSaid, ("learner",), ()),
)


def carried(event: str) -> Mapping[str, Read]:
    """The values that an event carries, by what a rule file calls them."""
    if event in WISHES:
        return {}
    return {CALLED.get(name, name): READ[name] for name in SAID[event].__struct_fields__}


def about(event: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What an event must name, and what it may."""
    if event in WISHES:
        return ("learner", "instance"), ("course",)
    return next((must, may) for kind, must, may in ABOUT if issubclass(SAID[event], kind))


def said(event: str, values: Mapping[str, Any]) -> Said:
    """The content of the fact, from what was read."""
    kind: Callable[..., Said] = SAID[event]
    names = {CALLED.get(name, name): name for name in SAID[event].__struct_fields__}
    return kind(**{names[key]: value for key, value in values.items() if key in names})
