"""Read the events of Microsoft Community Training's Service Bus topic as facts.

The vendor's pages are gone (the hosted product ended in April 2026); installations of its own
kind and successors still speak so. It has no event ids, no accounts and no instances.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from service.incoming.sources.parsing import (
    LONGEST_NAME,
    UNREADABLE,
    Scalar,
    Unusable,
    display_name,
    event_time,
    has_control,
    identifier,
    items_of,
    key_of,
    percent,
    required,
    type_name,
    unknown_name,
    utf8_json,
    why_unreadable,
)
from service.incoming.sources.source import Item, SetAside, Source
from service.learners.directory.people_csv import is_address
from service.learners.facts import (
    Completed,
    Contact,
    Fact,
    FactBody,
    LearnerFact,
    LearnerSeen,
    ModuleCompleted,
    Started,
    Timing,
)
from service.learners.text_form import text_form

LONGEST_WORDS = 255
LONGEST_TITLE = 500


class CommunityTrainingBody(msgspec.Struct, gc=False, rename="pascal"):
    """Hold what an event is about; which fields there are depends on its type.

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
    """Say which of its dates an event is known by, and what it says."""

    field: str
    date: Callable[[CommunityTrainingBody], object]
    said: Callable[[CommunityTrainingBody], FactBody]


def scalar(value: object, field: str) -> Scalar:
    """Read a value of which something may be made; raises Unusable for an object or an array."""
    if value is None or isinstance(value, str | int | float):
        return value
    kind = "an object" if isinstance(value, dict) else "an array"
    raise Unusable(f"{field}: expected text or a number, got {kind}")


def id_in(value: object, field: str) -> str:
    """Read an id that must be there; raises Unusable."""
    return required(scalar(value, field), field)


def _module(body: CommunityTrainingBody) -> FactBody:
    module = id_in(body.course_item_id, "MessageBody.CourseItemId")
    return ModuleCompleted(module=module, score=_score(body))


def _score(body: CommunityTrainingBody) -> float | None:
    """Read the exam's percentage, always text; None where that is none ("Not Applicable")."""
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


def contact_in(body: CommunityTrainingBody) -> Contact | None:
    """Read what a letter says of the learner's name and address; None if nothing.

    What is too long or of no use is left out: it is no reason to lose the event.
    """
    names = [_words(body.first_name), _words(body.last_name)]
    name = _words(" ".join(filter(None, names)))
    email, fields = _reached_by(body)
    if name is None and email is None and not fields:
        return None
    return Contact(name, email, fields)


def _reached_by(body: CommunityTrainingBody) -> tuple[str | None, dict[str, str]]:
    """Read the address, and whatever else the contact may be, under a name of its own."""
    text = text_form(_words(body.contact) or "")
    if not text:
        return None, {}
    kind = "".join(filter(str.isalnum, (_words(body.contact_type) or "").lower()))
    if (not kind or kind.startswith("email")) and is_address(text):
        return text, {}
    return None, {{"phone": "phone", "azuread": "azure_ad"}.get(kind, "contact"): text}


def title_in(body: CommunityTrainingBody) -> str | None:
    """Read the course's name; None if blank or too long."""
    return _words(body.course_name, LONGEST_TITLE)


def _words(value: object, longest: int = LONGEST_WORDS) -> str | None:
    """Read text in one line; None if there is none, or too much to be what it should be."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = " ".join(str(value).split())
    if not 0 < len(text) <= longest:
        return None
    return text if text.isprintable() or not has_control(text) else None


NAME = "community-training"
NAMES = tuple(MEANS)
EXPECTED = "EventType: expected an event type we know"
OTHERWISE = "update Coursebell, or turn it off in Settings > Global Settings"
FILLS = frozenset({"enrollment.score", "learner.name", "recipient.name", "course.title"})


class CommunityTrainingEvent(msgspec.Struct, gc=False, rename="pascal"):
    """Hold one event; its body may come as JSON inside a text."""

    event_type: Scalar = None
    message_body: CommunityTrainingBody | str | None = None


class CommunityTrainingEventName(msgspec.Struct, gc=False, rename="pascal"):
    """Hold the name of an event of any shape."""

    event_type: Scalar = None


_letter = msgspec.json.Decoder(CommunityTrainingEvent | list[CommunityTrainingEvent])
_unread = msgspec.json.Decoder(CommunityTrainingEventName | list[msgspec.Raw])
_event = msgspec.json.Decoder(CommunityTrainingEvent)
_named = msgspec.json.Decoder(CommunityTrainingEventName)
_body = msgspec.json.Decoder(CommunityTrainingBody)


class CommunityTraining(Source):
    """Read what Community Training says: one event, or an array of them; nothing comes late."""

    name = NAME
    fills = FILLS
    timing = Timing()

    def wants(self, body: bytes) -> bool:
        """Want everything: the topic is for these events alone."""
        return True

    def read(self, body: bytes, received_at: int) -> list[Item]:
        """Make one item per event; an empty body, object or array has none."""
        return items_of(body, lambda text: _items(text, received_at))


def _items(body: bytes, received_at: int) -> list[Item]:
    try:
        letter = _letter.decode(body)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return _one_by_one(body, received_at)
    if isinstance(letter, list):
        return [_item(event, received_at) for event in letter]
    return [] if _is_empty(letter, body) else [_item(letter, received_at)]


def _one_by_one(body: bytes, received_at: int) -> list[Item]:
    """Read event by event, so that what is odd in one costs no other: slower."""
    letter = _unread.decode(body)
    if isinstance(letter, CommunityTrainingEventName):
        return [_item_of_bytes(body, received_at)]
    return [_item_of_bytes(bytes(raw), received_at) for raw in letter]


def _is_empty(event: CommunityTrainingEvent, body: bytes) -> bool:
    return event.event_type is None and not msgspec.json.decode(body)


def _item_of_bytes(body: bytes, received_at: int) -> Item:
    name: Scalar = None
    try:
        name = _named.decode(body).event_type
        return _item(_event.decode(body), received_at)
    except UNREADABLE as error:
        return SetAside(display_name(name), why_unreadable(error, body, "event"))


def _item(event: CommunityTrainingEvent, received_at: int) -> Item:
    said = event.event_type
    if not isinstance(said, str):
        return SetAside("", f"EventType: expected text, got {type_name(said)}")
    name = said if said in MEANS else "_".join(said.upper().split())
    if name not in MEANS:
        reason = unknown_name(EXPECTED, name[:LONGEST_NAME], NAMES, OTHERWISE)
        return SetAside(display_name(said), reason)
    try:
        return _fact(name, _body_of(event), received_at)
    except Unusable as error:
        return error.set_aside(name)


def _body_of(event: CommunityTrainingEvent) -> CommunityTrainingBody:
    body = event.message_body
    if body is None:
        raise Unusable("MessageBody: expected an object, got nothing")
    if isinstance(body, CommunityTrainingBody):
        return body
    inner = body.encode()
    try:
        return _body.decode(utf8_json(inner))
    except UNREADABLE as error:
        raise Unusable(f"MessageBody: {why_unreadable(error, inner, 'text')}") from None


def _fact(name: str, body: CommunityTrainingBody, received_at: int) -> Fact:
    means = MEANS[name]
    field = f"MessageBody.{means.field}"
    date, said = scalar(means.date(body), field), means.said(body)
    occurred_at = event_time(date, field, received_at)
    person = id_in(body.user_id, "MessageBody.UserId")
    nowhere = isinstance(said, LearnerFact)
    course = "" if nowhere else id_in(body.course_id, "MessageBody.CourseId")
    reference = (NAME, "", name, course, _item_in(body), str(date).strip())
    return Fact(
        source=NAME,
        account="",
        name=name,
        key=key_of(reference, occurred_at, course, None, said),
        occurred_at=occurred_at,
        said=said,
        course=course,
        kind="" if nowhere else "course",
        person=person,
        contact=contact_in(body),
        title=None if nowhere else title_in(body),
    )


def _item_in(body: CommunityTrainingBody) -> str:
    """Read the part of the course; empty if none, or none that can be used where none is needed."""
    field = "MessageBody.CourseItemId"
    try:
        return identifier(scalar(body.course_item_id, field), field) or ""
    except Unusable:
        return ""
