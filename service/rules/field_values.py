"""Reading: the value of every field of the language, for one subject at one moment."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import msgspec

from service.learners.aggregate import Aggregate
from service.learners.directory.courses import Course
from service.learners.directory.people import Person
from service.learners.enrollment import Enrollment
from service.learners.facts import Identity
from service.learners.feed_subjects import LetterSetAside, SilentSource
from service.learners.instance import Instance, seat_values
from service.learners.world import World
from service.rules.calendar import DAY
from service.rules.fields import FIELDS


class Bundle(msgspec.Struct, frozen=True):
    """What all items of a digest have in common, empty where they differ; `id` is its stream."""

    id: str
    about: Identity


Subject = Aggregate[Any] | SilentSource | LetterSetAside | Bundle
LEARNER_COLUMN = "learner.fields."


class EventSeen(msgspec.Struct, frozen=True, gc=False):
    """The event a rule was triggered by; for a silence only source and account are known."""

    source: str
    account: str
    name: str | None = None
    at: int | None = None
    by_admin: bool | None = None


class Reading:
    """Gives each field's value or None when unknown, and remembers which were read.

    The subject is an aggregate as folded up to the event that is decided on; everything else
    is looked up by key only when a condition asks for it.
    """

    def __init__(self, subject: Subject, event: EventSeen, world: World, now: int) -> None:
        self.subject = subject
        self.event = event
        self.now = now
        self.read: dict[str, object] = {}
        self.about = subject.about
        self.enrollment = subject if isinstance(subject, Enrollment) else None
        self.learner = subject.about.person or None
        self.world = world

    def __call__(self, field: str) -> object:
        """The value of a field; None when unknown or when the subject has no such thing."""
        reader = READERS.get(field)
        if reader is not None:
            value = reader(self)
        else:
            value = self.person and self.person.fields.get(field.removeprefix(LEARNER_COLUMN))
        self.read[field] = value
        return value

    @cached_property
    def course(self) -> Course | None:
        """What was imported about the course."""
        about = self.about
        if not about.course:
            return None
        return self.world.course(about.source, about.account, about.course)

    @cached_property
    def instance(self) -> Instance | None:
        """The instance: the subject itself, or the one the enrolment is in."""
        if isinstance(self.subject, Instance):
            return self.subject
        about = self.about
        if about.instance is None:
            return None
        return self.world.instance(about.source, about.account, about.course, about.instance)

    @cached_property
    def person(self) -> Person | None:
        """What was imported about the learner."""
        return self.world.person(self.learner) if self.learner else None

    @cached_property
    def manager(self) -> Person | None:
        """The learner's manager."""
        return self.world.manager(self.person) if self.person else None

    @cached_property
    def seats(self) -> Mapping[str, float | None]:
        """The seat fields of the newest report."""
        instance = self.instance
        return seat_values(instance.newest) if instance and instance.newest else {}

    def days_silent(self) -> int | None:
        """Whole days since silence began, counted from enrolment."""
        silence = self.enrollment.state.silence("enrolled") if self.enrollment else None
        return None if silence is None else max(0, self.now - silence[0]) // DAY


def _state(name: str) -> Callable[[Reading], object]:
    return lambda r: getattr(r.enrollment.state, name) if r.enrollment else None


def _course(name: str) -> Callable[[Reading], object]:
    return lambda r: getattr(r.course, name) if r.course else None


def _person(name: str) -> Callable[[Reading], object]:
    return lambda r: getattr(r.person, name) if r.person else None


def _seats(name: str) -> Callable[[Reading], object]:
    return lambda r: r.seats.get(name)


def _letter(name: str) -> Callable[[Reading], object]:
    return lambda r: getattr(r.subject, name) if isinstance(r.subject, LetterSetAside) else None


def _age(reading: Reading) -> float | None:
    at = reading.event.at
    return None if at is None else max(0.0, (reading.now - at) / DAY)


READERS: dict[str, Callable[[Reading], object]] = {
    **{
        f"enrollment.{name}": _state(name)
        for name in (
            "status", "progress", "passed", "score", "source", "started_at", "completed_at",
            "enrolled_at",
        )
    },
    "enrollment.days_silent": Reading.days_silent,
    "course.id": lambda r: r.about.course or None,
    "course.kind": lambda r: r.about.kind or None,
    "course.title": lambda r: (r.course and r.course.title) or r.about.course or None,
    "course.tags": _course("tags"),
    "course.url": _course("url"),
    "course.parents": _course("parents"),
    "instance.id": lambda r: r.about.instance,
    **{
        name: _seats(name)
        for name in (
            "instance.enrollment_count", "instance.waitlist_count", "instance.seat_limit",
            "instance.seats_available",
        )
    },
    "learner.name": _person("name"),
    "learner.locale": _person("locale"),
    "learner.timezone": _person("timezone"),
    "learner.groups": _person("groups"),
    "learner.has_manager": lambda r: bool(r.person.manager) if r.person else None,
    "event.name": lambda r: r.event.name,
    "event.source": lambda r: r.event.source,
    "event.account": lambda r: r.event.account,
    "event.at": lambda r: r.event.at,
    "event.by_admin": lambda r: r.event.by_admin,
    "event.age": _age,
    "letter.number": _letter("letter"),
    "letter.reason": _letter("reason"),
}  # fmt: skip

WORDS_ONLY = frozenset(
    {
        "instance.watch_url", "recipient.name", "recipient.role", "rule.id", "others", "items",
        "more",
    }
)  # fmt: skip
assert READERS.keys() | WORDS_ONLY == FIELDS.keys(), "every field of the registry has a reader"
