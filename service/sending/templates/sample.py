"""Make a believable value for every field of the registry, to try templates with."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from service.rules.fields import FIELDS, ITEMS, MORE, OTHERS, Field, Type
from service.sending.templates.known_variables import REASONS

STARTED_AT = 1_730_500_000_000
COMPLETED_AT = 1_731_074_400_000
"""8 November 2024, 14:00 UTC."""

BELIEVABLE: Mapping[str, object] = {
    "enrollment.status": "completed",
    "enrollment.progress": 60,
    "enrollment.passed": True,
    "enrollment.score": 87,
    "enrollment.source": "SELF_ENROLL",
    "enrollment.enrolled_at": 1_730_000_000_000,
    "enrollment.started_at": STARTED_AT,
    "enrollment.completed_at": COMPLETED_AT,
    "enrollment.days_silent": 9,
    "course.id": "course:123",
    "course.kind": "course",
    "course.title": "Logic for Everyone",
    "course.tags": ["thinking"],
    "course.url": "https://lms.example.org/course/123",
    "course.parents": ["learning_path:7"],
    "instance.id": "course:123_4",
    "instance.enrollment_count": 18,
    "instance.waitlist_count": 0,
    "instance.seat_limit": 20,
    "instance.seats_available": 2,
    "instance.watch_url": "https://coursebell.example.org/watch/sample",
    "learner.name": "Ada Lovelace",
    "learner.locale": "en",
    "learner.timezone": "Europe/Berlin",
    "learner.groups": ["Engineering"],
    "event.name": "COURSE_COMPLETED",
    "event.source": "adobe",
    "event.account": "1",
    "event.at": COMPLETED_AT,
    "event.by_admin": False,
    "event.age": 0.1,
    "letter.number": 4711,
    "letter.reason": "data.userId: expected an id, got nothing",
    "channel.name": "email",
    "channel.since": COMPLETED_AT,
    "channel.trouble": "login",
    "channel.code": 535,
    "recipient.name": "Ada Lovelace",
    "recipient.role": "learner",
    "recipient.choices_url": "https://coursebell.example.org/choices/sample",
    "rule.id": "sample",
    "others": ["Algebra in Ten Lessons"],
    "more": 12,
}
BY_TYPE: Mapping[Type, object] = {
    "text": "some text",
    "number": 3,
    "bool": True,
    "time": COMPLETED_AT,
    "duration": 2,
    "texts": ["one", "two"],
    "items": [],
}
"""What a field has for which nothing better was thought of."""


class ExtraColumns(Mapping[str, str]):
    """Pretend to have every extra column of an import: each says its own name."""

    def __getitem__(self, column: str) -> str:
        return f"[{column}]"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def sample_of(fields: Iterable[Field]) -> dict[str, Any]:
    """Make a value of its type for each field, as nested groups; extra columns have one too."""
    values: dict[str, Any] = {}
    for field in fields:
        group, _, name = field.name.rpartition(".")
        within = values.setdefault(group, {}) if group else values
        within[name] = value_of(field)
    values.setdefault("learner", {})["fields"] = ExtraColumns()
    values["learner"]["told_at"] = [STARTED_AT, COMPLETED_AT]
    if ITEMS in values:
        values[ITEMS] = [{**values, **changed} for changed in ({}, other_item(values))]
    values.setdefault("recipient", {})["timezone"] = "Europe/Berlin"
    values[REASONS] = [{"role": role, "rules": ["some text"]} for role in ("learner", "manager")]
    return values


def other_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Make what the second item of a digest has of its own."""
    learner = {**values["learner"], "name": "Alan Turing"}
    return {"learner": learner, "enrollment": {**values.get("enrollment", {}), "progress": 20}}


def value_of(field: Field) -> object:
    """Make the value of one field in the sample."""
    if field.name in BELIEVABLE:
        return BELIEVABLE[field.name]
    return field.values[0] if field.type == "enum" else BY_TYPE[field.type]


SAMPLE = sample_of(FIELDS.values())
ALONE = {
    **SAMPLE,
    ITEMS: [],
    OTHERS: [],
    MORE: 0,
    "show": {"score": True},
    REASONS: [{"role": "learner"}],
}
"""The sample as a message of one thing says it, with all it may say."""


def sample_for(role: str, rule: str, description: str | None = None) -> dict[str, Any]:
    """Make the sample as it is told to somebody in a role, because of a rule and what it is for.

    A learner reads of themselves, anybody else of a learner; a room has no name.
    """
    if role == "learner":
        name: str | None = SAMPLE["recipient"]["name"]
    else:
        name = None if role == "room" else "Grace Hopper"
    group = "Training team" if role == "group" else None
    recipient = {**SAMPLE["recipient"], "name": name, "role": role, "group": group}
    why = {"role": role, "group": group, "rules": [description] if description else []}
    because = {"id": rule, "description": description}
    return {**SAMPLE, "recipient": recipient, "rule": because, REASONS: [why]}
