"""What Community Training might say, changed in one place, and how it is read."""

import json
from typing import Any

from service.incoming.sources.community_training import CommunityTraining
from service.incoming.sources.source import Item, SetAside
from service.learners.facts import Fact

NOON = 1_772_452_800_000
"""Monday 2 March 2026, 12:00 UTC, in ms."""

ADA: dict[str, Any] = {
    "FirstName": "Ada",
    "LastName": "Lovelace",
    "UserId": 40211,
    "Contact": "ada@example.org",
    "ContactType": "Email",
}
LOGIC: dict[str, Any] = {"CourseName": "Logic", "CourseId": 3117}
QUIZ: dict[str, Any] = {"CourseItemId": 9102, "ModuleType": "Exam", "ExamPercentage": "80"}
BODIES: dict[str, dict[str, Any]] = {
    "LOGIN": {**ADA, "LoginTime": "2026-03-02T10:59:00.2810916Z "},
    "COURSE_START": {**ADA, **LOGIC, "StartDate": "2026-03-02T11:00:00.193248Z"},
    "MODULE_COMPLETION": {**ADA, **LOGIC, **QUIZ, "CompletionDate": "2026-03-02T11:20:00.94"},
    "COURSE_COMPLETION": {
        **ADA,
        **LOGIC,
        "CompletionDate": "2026-03-02T11:20:00.94",
        "ExamPercentage": "80",
    },
}


def event(type: str = "COURSE_COMPLETION", **changes: Any) -> dict[str, Any]:
    """An event with changed fields of its body; `...` leaves one out."""
    body = {**BODIES[type], **changes}
    body = {key: value for key, value in body.items() if value is not ...}
    return {"EventType": type, "MessageBody": body}


def by(told: dict[str, Any], learner: int) -> dict[str, Any]:
    """The same event about somebody else."""
    body = told["MessageBody"]
    who = {"UserId": learner, "LastName": f"Byron {learner}", "Contact": f"{learner}@example.org"}
    return {**told, "MessageBody": {**body, **who}}


def letter(*events: object) -> bytes:
    """Many events in one letter."""
    return json.dumps(events).encode()


def read(*events: object) -> list[Item]:
    """What becomes of one event alone, or of many together."""
    told = events[0] if len(events) == 1 else events
    return CommunityTraining().read(json.dumps(told).encode(), NOON)


def fact(told: object) -> Fact:
    (item,) = read(told)
    assert isinstance(item, Fact), item
    return item


def reason(told: object) -> str:
    (item,) = read(told)
    assert isinstance(item, SetAside), item
    return item.reason
