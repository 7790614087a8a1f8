"""What each of Community Training's event types says, and whom it is about."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from service.incoming.values import Scalar, Unusable, has_control, percent, required
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
    """What an event is about; which fields there are depends on its type.

    They are of any type: one that this event has no use for must not cost it.
    """

    user_id: object = None
    first_name: object = None
    last_name: object = None
    contact: object = None
    contact_type: object = None
    course_id: object = None
    course_name: object = None
    course_item_id: object = None
    login_time: object = None
    start_date: object = None
    completion_date: object = None
    exam_percentage: object = None


class Meaning(NamedTuple):
    """Which of its dates an event is known by, and what it says."""

    field: str
    date: Callable[[Body], object]
    said: Callable[[Body], Said]


def scalar(value: object, field: str) -> Scalar:
    """A value of which something may be made; raises Unusable for an object or an array."""
    if value is None or isinstance(value, str | int | float):
        return value
    kind = "an object" if isinstance(value, dict) else "an array"
    raise Unusable(f"{field}: expected text or a number, got {kind}")


def id_in(value: object, field: str) -> str:
    """An id that must be there; raises Unusable."""
    return required(scalar(value, field), field)


def _module(body: Body) -> Said:
    module = id_in(body.course_item_id, "MessageBody.CourseItemId")
    return ModuleCompleted(module=module, score=_score(body))


def _score(body: Body) -> float | None:
    """The exam's percentage, always text; None where that is none ("Not Applicable")."""
    said = body.exam_percentage
    if isinstance(said, str):
        text = said.strip()
        said = text.removesuffix("%") or text
    field = "MessageBody.ExamPercentage"
    try:
        return percent(scalar(said, field), field)
    except Unusable:
        return None


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
    kind = "".join(filter(str.isalnum, (_words(body.contact_type) or "").lower()))
    if (not kind or kind.startswith("email")) and is_address(text):
        return text, {}
    return None, {{"phone": "phone", "azuread": "azure_ad"}.get(kind, "contact"): text}


def title_in(body: Body) -> str | None:
    """The course's name; None if blank or too long."""
    return _words(body.course_name, LONGEST_TITLE)


def _words(value: object, longest: int = LONGEST_WORDS) -> str | None:
    """Text in one line; None if there is none, or too much to be what it should be."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = " ".join(str(value).split())
    if not 0 < len(text) <= longest:
        return None
    return text if text.isprintable() or not has_control(text) else None
