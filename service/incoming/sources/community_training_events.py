"""What each of Community Training's event types says, and whom it is about."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from service.incoming.values import Scalar, has_control, percent, required
from service.learners.facts import (
    Completed,
    Contact,
    LearnerSeen,
    ModuleCompleted,
    Said,
    Started,
)
from service.learners.people_import import is_address

LONGEST_WORDS = 255
LONGEST_TITLE = 500


class Body(msgspec.Struct, gc=False, rename="pascal"):
    """What an event is about; which fields there are depends on its type."""

    user_id: Scalar = None
    first_name: Scalar = None
    last_name: Scalar = None
    contact: Scalar = None
    contact_type: Scalar = None
    course_id: Scalar = None
    course_name: Scalar = None
    course_item_id: Scalar = None
    login_time: Scalar = None
    start_date: Scalar = None
    completion_date: Scalar = None
    exam_percentage: Scalar = None


class Meaning(NamedTuple):
    """Which of its dates an event is known by, and what it says."""

    field: str
    date: Callable[[Body], Scalar]
    said: Callable[[Body], Said]


def _module(body: Body) -> Said:
    module = required(body.course_item_id, "MessageBody.CourseItemId")
    return ModuleCompleted(module=module, score=_score(body))


def _score(body: Body) -> float | None:
    """The exam's percentage, always text; "Not Applicable" where there was no exam."""
    said = body.exam_percentage
    if isinstance(said, str):
        text = said.strip()
        if text.lower().split() == ["not", "applicable"]:
            return None
        said = text.removesuffix("%") or text
    return percent(said, "MessageBody.ExamPercentage")


MEANS: Mapping[str, Meaning] = {
    "LOGIN": Meaning("LoginTime", lambda b: b.login_time, lambda _: LearnerSeen()),
    "COURSE_START": Meaning("StartDate", lambda b: b.start_date, lambda _: Started()),
    "MODULE_COMPLETION": Meaning("CompletionDate", lambda b: b.completion_date, _module),
    "COURSE_COMPLETION": Meaning(
        "CompletionDate", lambda b: b.completion_date, lambda b: Completed(score=_score(b))
    ),
}


def contact_in(body: Body) -> Contact | None:
    """What a letter says of the learner's name and address; None if nothing.

    What is too long or of no use is left out: it is no reason to lose the event.
    """
    names = [_words(body.first_name), _words(body.last_name)]
    name = _words(" ".join(filter(None, names)))
    email, fields = _reached_by(body)
    if name is None and email is None and not fields:
        return None
    return Contact(name, email, fields)


def _reached_by(body: Body) -> tuple[str | None, dict[str, str]]:
    """The address, and whatever else the contact may be, under a name of its own."""
    text = _words(body.contact)
    if text is None:
        return None, {}
    kind = "".join(str(body.contact_type or "").lower().split())
    if kind == "email" and is_address(text):
        return text, {}
    return None, {{"phone": "phone", "azuread": "azure_ad"}.get(kind, "contact"): text}


def title_in(body: Body) -> str | None:
    """The course's name; None if blank or too long."""
    return _words(body.course_name, LONGEST_TITLE)


def _words(value: Scalar, longest: int = LONGEST_WORDS) -> str | None:
    """Text in one line; None if there is none, or too much to be what it should be."""
    if value is None or isinstance(value, bool):
        return None
    text = " ".join(str(value).split())
    if not 0 < len(text) <= longest:
        return None
    return text if text.isprintable() or not has_control(text) else None
