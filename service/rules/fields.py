"""Fields and events: the one registry of what rules can read and react to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Type = Literal["text", "number", "bool", "time", "duration", "texts", "enum", "items"]

EXTRA_COLUMN = re.compile(r"learner\.fields\.\w[\w -]*")
FIELDS_REMEMBERED = 1_024
EXTRA_DOC = "extra column of the people import"


@dataclass(frozen=True)
class Field:
    """One thing that conditions or templates can read.

    `type`: a time is milliseconds since 1970 UTC; a duration is a number of days; texts is a
    list of text; enum is one of `values`; items is a list of which each has the groups of
    `ITEM_GROUPS`.
    `personal`: the value says something about a person and is kept where it can be erased.
    `imported`: people and course imports fill it too. Which sources do, they say themselves.
    `in_conditions`: false for fields that only templates use.
    """

    name: str
    type: Type
    doc: str
    personal: bool = False
    imported: bool = False
    in_conditions: bool = True
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """The learning management systems there are, and which of them have a way in.

    `fills` are the fields that only some of them fill, by source.
    """

    fills: Mapping[str, frozenset[str]] = field(default_factory=dict)
    configured: frozenset[str] = frozenset()

    def of(self, name: str) -> frozenset[str]:
        """The sources that fill a field; empty when all do, or none need to."""
        return frozenset(source for source, fills in self.fills.items() if name in fills)


@dataclass(frozen=True)
class Event:
    """One event a rule can name."""

    name: str
    doc: str


ITEM_GROUPS = ("enrollment", "course", "instance", "learner", "event", "letter")
STATUSES = ("enrolled", "in_progress", "completed", "unenrolled")
KINDS = ("course", "learning_path", "certification")

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
        Field("course.id", "text", "the LMS's id"),
        Field("course.kind", "enum", "what sort of course", values=KINDS),
        Field("course.title", "text", "title, or else the LMS's id", imported=True),
        Field("course.tags", "texts", "tags of the course", imported=True),
        Field("course.url", "text", "link to the course", imported=True),
        Field("course.parents", "texts", "ids of the courses it belongs to", imported=True),
        Field("instance.id", "text", "the LMS's id of the session or batch"),
        Field("instance.enrollment_count", "number", "seats taken"),
        Field("instance.waitlist_count", "number", "people waiting for a seat"),
        Field(
            "instance.seat_limit",
            "number",
            "seats in all; unlimited is larger than any number",
        ),
        Field(
            "instance.seats_available",
            "number",
            "free seats; unlimited is larger than any number",
        ),
        Field(
            "instance.watch_url",
            "text",
            "link by which who reads the mail asks to be told of a free seat, once",
            in_conditions=False,
        ),
        Field("learner.locale", "text", "language, e.g. de-DE", True, True),
        Field("learner.timezone", "text", "time zone, e.g. Europe/Berlin", True, True),
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
        Field("recipient.name", "text", "who reads it", True, True, False),
        Field("recipient.role", "text", "learner, manager, …", in_conditions=False),
        Field("rule.id", "text", "id of the rule", in_conditions=False),
        Field(
            "others",
            "texts",
            "titles of the other courses a collapsed message stands for",
            in_conditions=False,
        ),
        Field(
            "items",
            "items",
            "what a digest tells of: in a loop, item.learner.name, item.course.title, …",
            in_conditions=False,
        ),
        Field("more", "number", "how many more there are than `items` has", in_conditions=False),
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
        Event("enrollment.completion_revoked", "a completion was taken back"),
        Event("enrollment.unenrolled", "a learner left or was taken out"),
        Event("course.drafted", "a draft of a course was saved"),
        Event("course.modified", "a course was published, changed or retired"),
        Event("course.deleted", "a course was deleted"),
        Event("instance.modified", "a session was created, changed or retired"),
        Event("instance.deleted", "a session was deleted"),
        Event("instance.seats_changed", "seats or the wait-list of a session changed"),
        Event("learner.seen", "a learner signed in"),
        Event("letter.set_aside", "a delivery came of which an event could not be used"),
    )
}


def field_named(name: str) -> Field | None:
    """Find a field, also `learner.fields.<column>` for any extra column of the people import."""
    if EXTRA_COLUMN.fullmatch(name):
        return Field(name, "text", EXTRA_DOC, True, True)
    return FIELDS.get(name)


@lru_cache(FIELDS_REMEMBERED)
def is_personal(field: str) -> bool:
    """Tell whether a value of this field is kept where it can be erased."""
    found = field_named(field)
    return found is not None and found.personal
