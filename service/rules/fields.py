"""Register what rules can read and react to: fields and events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

import msgspec

from service.learners.aggregate import Aggregate
from service.learners.directory.courses import Course
from service.learners.directory.people import Person
from service.learners.directory.time_zones import zone_form
from service.learners.enrollment import Enrollment
from service.learners.enrollment_state import STATUSES
from service.learners.facts import course_id
from service.learners.feed_subjects import Bundle, FailingChannel, LetterSetAside, SilentSource
from service.learners.instance import Instance, seat_values
from service.learners.text_form import locale_form, text_form
from service.learners.world import World, has_manager
from service.rules.calendar import DAY
from service.rules.language.columns import EXTRA_DOC, column_of, field_of

Type = Literal["text", "number", "bool", "time", "duration", "texts", "enum", "items"]

FIELDS_REMEMBERED = 1_024


@dataclass(frozen=True)
class Field:
    """Describe one thing that conditions or templates can read.

    `type`: a time is milliseconds since 1970 UTC; a duration is a number of days; texts is a
    list of text; enum is one of `values`; items is a list of which each has the groups of
    `ITEM_GROUPS`.
    `personal`: the value says something about a person and is kept where it can be erased.
    `imported`: people and course imports fill it too. Which sources do, they say themselves.
    `in_conditions`: false for fields that only templates use.
    `form`: gives the form in which two texts of it are compared.
    """

    name: str
    type: Type
    doc: str
    personal: bool = False
    imported: bool = False
    in_conditions: bool = True
    values: tuple[str, ...] = ()
    form: Callable[[str], str] = text_form


@dataclass(frozen=True)
class Sources:
    """List the learning management systems, and which of them have a way in.

    `fills` are the fields that only some of them fill, by source.
    """

    fills: Mapping[str, frozenset[str]] = field(default_factory=dict)
    configured: frozenset[str] = frozenset()

    def of(self, name: str) -> frozenset[str]:
        """Name the sources that fill a field; empty when all do, or none need to."""
        return frozenset(source for source, fills in self.fills.items() if name in fills)


@dataclass(frozen=True)
class Event:
    """Describe one event a rule can name."""

    name: str
    doc: str


ITEM_GROUPS = ("enrollment", "course", "instance", "learner", "event", "letter", "channel")
KINDS = ("course", "learning_path", "certification")
ITEMS, OTHERS, MORE, SECTIONS = "items", "others", "more", "sections"
"""What a message tells of: items of a digest or a bundle, those collapsed into it, how many are
left out, and what is told in other words."""

FIELDS: dict[str, Field] = {
    each.name: each
    for each in (
        Field("enrollment.status", "enum", "where it stands", values=STATUSES),
        Field("enrollment.progress", "number", "percent done, 0 to 100"),
        Field("enrollment.passed", "bool", "whether it was passed"),
        Field("enrollment.score", "number", "exam result, 0 to 100"),
        Field(
            "enrollment.source",
            "text",
            "how the learner was enrolled, as the LMS says it, e.g. SELF_ENROLL",
        ),
        Field("enrollment.started_at", "time", "first activity"),
        Field("enrollment.completed_at", "time", "completion"),
        Field("enrollment.days_silent", "duration", "days without activity"),
        Field("enrollment.enrolled_at", "time", "enrolment", in_conditions=False),
        Field("course.id", "text", "the LMS's id", form=course_id),
        Field("course.kind", "enum", "what sort of course", values=KINDS),
        Field("course.title", "text", "title, or else the LMS's id", imported=True),
        Field("course.tags", "texts", "tags of the course", imported=True),
        Field("course.url", "text", "link to the course", imported=True),
        Field(
            "course.parents",
            "texts",
            "ids of the courses it belongs to",
            imported=True,
            form=course_id,
        ),
        Field("instance.id", "text", "the LMS's id of the session or batch", form=course_id),
        Field("instance.enrollment_count", "number", "seats taken"),
        Field("instance.waitlist_count", "number", "people waiting for a seat"),
        Field("instance.seat_limit", "number", "seats in all; unlimited is larger than any number"),
        Field(
            "instance.seats_available", "number", "free seats; unlimited is larger than any number"
        ),
        Field(
            "instance.watch_url",
            "text",
            "link by which who reads the mail asks to be told of a free seat, once",
            in_conditions=False,
        ),
        Field("learner.locale", "text", "language, e.g. de-DE", True, True, form=locale_form),
        Field(
            "learner.timezone", "text", "time zone, e.g. Europe/Berlin", True, True, form=zone_form
        ),
        Field("learner.groups", "texts", "groups of the learner", True, True),
        Field("learner.has_manager", "bool", "whether a manager is known", True, True),
        Field("learner.name", "text", "full name", True, True, False),
        Field("event.name", "text", "the LMS's own name of the event"),
        Field("event.source", "text", "the LMS that sent it"),
        Field("event.account", "text", "the account at that LMS"),
        Field("event.at", "time", "when it happened", in_conditions=False),
        Field("event.by_admin", "bool", "whether an admin did it"),
        Field("event.age", "duration", "days from the event to now"),
        Field(
            "letter.number",
            "number",
            "number of the delivery; `coursebell letters show` tells more",
            in_conditions=False,
        ),
        Field("letter.reason", "text", "why the first event set aside could not be used"),
        Field("channel.name", "text", "name of the channel in the rule file"),
        Field("channel.since", "time", "since when it fails", in_conditions=False),
        Field("channel.trouble", "text", "how it fails: login, connection, …", in_conditions=False),
        Field("channel.code", "number", "code of the reply, e.g. 535 or 404, if there was one"),
        Field("recipient.name", "text", "who reads it", True, True, False),
        Field("recipient.role", "text", "learner, manager, …", in_conditions=False),
        Field("recipient.choices_url", "text", "link to choose what to get", in_conditions=False),
        Field("rule.id", "text", "id of the rule", in_conditions=False),
        Field(
            OTHERS,
            "texts",
            "titles of the other courses a collapsed message stands for",
            in_conditions=False,
        ),
        Field(
            ITEMS,
            "items",
            "what a digest tells of: in a loop, item.learner.name, item.course.title, …",
            in_conditions=False,
        ),
        Field(
            MORE,
            "number",
            "how many more there are than `items` or `others` has",
            in_conditions=False,
        ),
    )
}

EVENTS: dict[str, Event] = {
    each.name: each
    for each in (
        Event("enrollment.enrolled", "a learner was enrolled"),
        Event("enrollment.started", "a learner did something for the first time"),
        Event("enrollment.progressed", "a learner got further"),
        Event("enrollment.module_completed", "a learner finished one part"),
        Event("enrollment.completed", "a learner finished"),
        Event("enrollment.result_changed", "the result or the score of a completion changed"),
        Event("enrollment.completion_revoked", "a completion was taken back"),
        Event("enrollment.unenrolled", "a learner left or was taken out"),
        Event("course.drafted", "a draft of a course was saved"),
        Event("course.modified", "a course was published, changed or retired"),
        Event("course.deleted", "a course was deleted"),
        Event("instance.modified", "a session was created, changed or retired"),
        Event("instance.deleted", "a session was deleted"),
        Event("instance.seats_changed", "seats or the wait-list of a session changed"),
        Event("learner.seen", "a learner signed in"),
        Event("learner.left", "a learner's account at the LMS was deleted"),
        Event("letter.set_aside", "a delivery came of which an event could not be used"),
    )
}


def field_named(name: str) -> Field | None:
    """Find a field, also the one of any extra column of the people import."""
    if column := column_of(name):
        return Field(field_of(column), "text", EXTRA_DOC, True, True)
    return FIELDS.get(text_form(name))


@lru_cache(FIELDS_REMEMBERED)
def is_personal(field: str) -> bool:
    """Tell whether a value of this field is kept where it can be erased."""
    found = field_named(field)
    return found is not None and found.personal


Subject = Aggregate[Any] | SilentSource | LetterSetAside | FailingChannel | Bundle


class EventSeen(msgspec.Struct, frozen=True, gc=False):
    """Hold the event that set a rule off; for a silence only source and account are known."""

    source: str
    account: str
    name: str | None = None
    at: int | None = None
    by_admin: bool | None = None


class Reading:
    """Read each field's value, None when unknown, and remember which were read.

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
        """Read a field; None when unknown or when the subject has no such thing."""
        reader = READERS.get(field)
        if reader is not None:
            value = reader(self)
        else:
            value = self.person and self.person.fields.get(column_of(field) or "")
        self.read[field] = value
        return value

    @cached_property
    def course(self) -> Course | None:
        """Look up what was imported about the course."""
        about = self.about
        if not about.course:
            return None
        return self.world.course(about.source, about.account, about.course)

    @cached_property
    def instance(self) -> Instance | None:
        """Look up the instance: the subject itself, or the one the enrolment is in."""
        if isinstance(self.subject, Instance):
            return self.subject
        about = self.about
        if about.instance is None:
            return None
        return self.world.instance(about.source, about.account, about.course, about.instance)

    @cached_property
    def person(self) -> Person | None:
        """Look up what was imported about the learner."""
        return self.world.person(self.learner) if self.learner else None

    @cached_property
    def manager(self) -> Person | None:
        """Look up the learner's manager."""
        return self.world.manager(self.person) if self.person else None

    @cached_property
    def seats(self) -> Mapping[str, float | None]:
        """Read the seat fields of the newest report."""
        instance = self.instance
        return seat_values(instance.newest) if instance and instance.newest else {}

    def days_silent(self) -> int | None:
        """Count whole days since silence began, counted from enrolment."""
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


def _of(kind: type[LetterSetAside | FailingChannel], name: str) -> Callable[[Reading], object]:
    return lambda r: getattr(r.subject, name) if isinstance(r.subject, kind) else None


def _age(reading: Reading) -> float | None:
    at = reading.event.at
    return None if at is None else max(0.0, (reading.now - at) / DAY)


MOMENTS = ("started_at", "completed_at", "enrolled_at")
SEATS = ("enrollment_count", "waitlist_count", "seat_limit", "seats_available")
READERS: dict[str, Callable[[Reading], object]] = {
    **{
        f"enrollment.{name}": _state(name)
        for name in ("status", "progress", "passed", "score", "source", *MOMENTS)
    },
    "enrollment.days_silent": Reading.days_silent,
    "course.id": lambda r: r.about.course or None,
    "course.kind": lambda r: r.about.kind or None,
    "course.title": lambda r: (r.course and r.course.title) or r.about.course or None,
    "course.tags": _course("tags"),
    "course.url": _course("url"),
    "course.parents": _course("parents"),
    "instance.id": lambda r: r.about.instance,
    **{f"instance.{name}": _seats(f"instance.{name}") for name in SEATS},
    "learner.name": _person("name"),
    "learner.locale": _person("locale"),
    "learner.timezone": _person("timezone"),
    "learner.groups": _person("groups"),
    "learner.has_manager": lambda r: has_manager(r.person, r.world) if r.person else None,
    "event.name": lambda r: r.event.name,
    "event.source": lambda r: r.event.source,
    "event.account": lambda r: r.event.account,
    "event.at": lambda r: r.event.at,
    "event.by_admin": lambda r: r.event.by_admin,
    "event.age": _age,
    "letter.number": _of(LetterSetAside, "letter"),
    "letter.reason": _of(LetterSetAside, "reason"),
    **{f"channel.{n}": _of(FailingChannel, n) for n in ("name", "since", "trouble", "code")},
}

OF_A_READER = {f"recipient.{name}" for name in ("name", "role", "choices_url")}
OF_A_MESSAGE = {*OF_A_READER, "rule.id", ITEMS, OTHERS, MORE}
WORDS_ONLY = {"instance.watch_url", *OF_A_MESSAGE}
"""Fields that no reader gives: they are filled in when a message is put into words."""
assert READERS.keys() | WORDS_ONLY == FIELDS.keys(), "every field of the registry has a reader"
