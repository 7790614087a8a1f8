"""Fields and events: the one registry of what rules can read and react to."""

import re
from dataclasses import dataclass
from typing import Literal

Type = Literal["text", "number", "bool", "time", "duration", "texts", "enum"]

SOURCES = ("adobe", "community-training", "sunbird")

EVERY = frozenset(SOURCES)
ADOBE = frozenset({"adobe"})
COMMUNITY = frozenset({"community-training"})
BATCHES = frozenset({"adobe", "sunbird"})
IMPORT = frozenset({"import"})
ITSELF: frozenset[str] = frozenset()

EXTRA_COLUMN = re.compile(r"learner\.fields\.\w[\w -]*")


@dataclass(frozen=True)
class Field:
    """One thing that conditions or templates can read.

    `type`: a time is milliseconds since 1970 UTC; a duration is a number of days; texts is a
    list of text; enum is one of `values`.
    `personal`: the value says something about a person and is kept where it can be erased.
    `filled_by`: the sources that can fill it, `import` for people and course imports; empty
    when Coursebell itself knows it.
    `in_conditions`: false for fields that only templates use.
    """

    name: str
    type: Type
    doc: str
    personal: bool = False
    filled_by: frozenset[str] = ITSELF
    in_conditions: bool = True
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """One event a rule can name; `supported` is false while only its name is reserved."""

    name: str
    doc: str
    supported: bool = True


STATUSES = ("enrolled", "in_progress", "completed", "unenrolled")
KINDS = ("course", "learning_path", "certification")

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("enrollment.status", "enum", "where it stands", filled_by=EVERY, values=STATUSES),
        Field("enrollment.progress", "number", "percent done, 0 to 100", filled_by=EVERY),
        Field("enrollment.passed", "bool", "whether it was passed", filled_by=ADOBE),
        Field("enrollment.score", "number", "exam result, 0 to 100", filled_by=COMMUNITY),
        Field(
            "enrollment.source",
            "text",
            "how the learner was enrolled, as the LMS says it, e.g. SELF_ENROLL",
            filled_by=ADOBE,
        ),
        Field("enrollment.started_at", "time", "first activity", filled_by=EVERY),
        Field("enrollment.completed_at", "time", "completion", filled_by=EVERY),
        Field("enrollment.days_silent", "duration", "days without activity", filled_by=EVERY),
        Field(
            "enrollment.enrolled_at", "time", "enrolment", filled_by=BATCHES, in_conditions=False
        ),
        Field("course.id", "text", "the LMS's id", filled_by=EVERY),
        Field("course.kind", "enum", "what sort of course", filled_by=EVERY, values=KINDS),
        Field("course.title", "text", "title, or else the LMS's id", filled_by=EVERY | IMPORT),
        Field("course.tags", "texts", "tags of the course", filled_by=IMPORT),
        Field("course.url", "text", "link to the course", filled_by=IMPORT),
        Field("course.parents", "texts", "ids of the courses it belongs to", filled_by=IMPORT),
        Field("instance.id", "text", "the LMS's id of the session or batch", filled_by=BATCHES),
        Field("instance.enrollment_count", "number", "seats taken", filled_by=ADOBE),
        Field("instance.waitlist_count", "number", "people waiting for a seat", filled_by=ADOBE),
        Field(
            "instance.seat_limit",
            "number",
            "seats in all; unlimited is larger than any number",
            filled_by=ADOBE,
        ),
        Field(
            "instance.seats_available",
            "number",
            "free seats; unlimited is larger than any number",
            filled_by=ADOBE,
        ),
        Field("learner.locale", "text", "language, e.g. de-DE", True, IMPORT),
        Field("learner.timezone", "text", "time zone, e.g. Europe/Berlin", True, IMPORT),
        Field("learner.groups", "texts", "groups of the learner", True, IMPORT),
        Field("learner.has_manager", "bool", "whether a manager is known", True, IMPORT),
        Field("learner.name", "text", "full name", True, COMMUNITY | IMPORT, False),
        Field("event.name", "text", "the LMS's own name of the event", filled_by=EVERY),
        Field("event.source", "enum", "the LMS that sent it", filled_by=EVERY, values=SOURCES),
        Field("event.account", "text", "the account at that LMS", filled_by=EVERY),
        Field("event.by_admin", "bool", "whether an admin did it", filled_by=EVERY),
        Field("event.age", "duration", "days from the event to now", filled_by=EVERY),
        Field("recipient.name", "text", "who reads it", True, COMMUNITY | IMPORT, False),
        Field("recipient.role", "text", "learner, manager, …", in_conditions=False),
        Field("rule.id", "text", "id of the rule", in_conditions=False),
        Field(
            "others",
            "texts",
            "titles of the other courses a collapsed message stands for",
            in_conditions=False,
        ),
    )
}

EVENTS: dict[str, Event] = {
    event.name: event
    for event in (
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
        Event("learner.seen", "a learner signed in", supported=False),
        Event("letter.set_aside", "an event could not be read", supported=False),
    )
}


def field_named(name: str) -> Field | None:
    """Find a field, also `learner.fields.<column>` for any extra column of the people import."""
    if EXTRA_COLUMN.fullmatch(name):
        return Field(name, "text", "extra column of the people import", True, IMPORT)
    return FIELDS.get(name)
