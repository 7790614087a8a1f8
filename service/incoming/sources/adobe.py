"""Read the webhook letters of Adobe Learning Manager as facts."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import msgspec

from service.incoming.sources.parsing import (
    LONGEST_NAME,
    Scalar,
    Unusable,
    display_name,
    event_time,
    identifier,
    items_of,
    key_of,
    percent,
    readable,
    required,
    truth,
    type_name,
    unknown_name,
    whole_number,
    why_unreadable,
)
from service.incoming.sources.source import Ignored, Item, Mine, SetAside, Source, Whose, own_of
from service.learners.directory.people import person_key
from service.learners.facts import (
    KINDS,
    LONGEST_ID,
    Completed,
    CompletionRevoked,
    CourseDeleted,
    CourseDrafted,
    CourseModified,
    Enrolled,
    EnrollmentFact,
    Fact,
    FactBody,
    InstanceDeleted,
    InstanceFact,
    InstanceModified,
    ProgressReported,
    SeatsReported,
    Timing,
    Unenrolled,
    course_id,
    id_prefix,
)


class AdobeData(msgspec.Struct, gc=False, rename="camel"):
    """Hold what an event is about. Its dates have minute precision since August 2026: not read."""

    user_id: Scalar = None
    lo_id: Scalar = None
    lo_instance_id: Scalar = None
    lo_type: Scalar = None
    enrollment_source: Scalar = None
    has_passed: Scalar = None
    progress_percent: Scalar = None
    enrollment_count: Scalar = None
    waitlist_count: Scalar = None
    seat_limit: Scalar = None


def _enrolled(data: AdobeData) -> FactBody:
    return Enrolled(enrollment_source=_how(data))


def _completed(data: AdobeData) -> FactBody:
    passed = truth(data.has_passed, "data.hasPassed")
    return Completed(passed=passed, enrollment_source=_how(data))


def _progress(data: AdobeData) -> FactBody:
    return ProgressReported(percent=percent(data.progress_percent, "data.progressPercent"))


def _seats(data: AdobeData) -> FactBody:
    enrolled = whole_number(data.enrollment_count, "data.enrollmentCount")
    if enrolled is None:
        raise Unusable("data.enrollmentCount: expected a whole number, got nothing")
    return SeatsReported(
        enrollment_count=enrolled,
        waitlist_count=whole_number(data.waitlist_count, "data.waitlistCount") or 0,
        seat_limit=whole_number(data.seat_limit, "data.seatLimit"),
    )


def _how(data: AdobeData) -> str | None:
    return identifier(data.enrollment_source, "data.enrollmentSource")


MEANS: Mapping[str, Callable[[AdobeData], FactBody]] = {
    "COURSE_ENROLLMENT": _enrolled,
    "COURSE_ENROLLMENT_BATCH": _enrolled,
    "LEARNING_PATH_ENROLLMENT": _enrolled,
    "LEARNING_PATH_ENROLLMENT_BATCH": _enrolled,
    "CERTIFICATION_ENROLLMENT": _enrolled,
    "CERTIFICATION_ENROLLMENT_BATCH": _enrolled,
    "COURSE_COMPLETED": _completed,
    "COURSE_COMPLETED_BATCH": _completed,
    "LEARNING_PATH_COMPLETED": _completed,
    "LEARNING_PATH_COMPLETED_BATCH": _completed,
    "CERTIFICATION_COMPLETED": _completed,
    "CERTIFICATION_COMPLETED_BATCH": _completed,
    "LEARNING_PATH_COMPLETION_ROLLBACK": lambda _: CompletionRevoked(),
    "LEARNING_PATH_COMPLETION_ROLLBACK_BATCH": lambda _: CompletionRevoked(),
    "COURSE_UNENROLLMENT": lambda _: Unenrolled(),
    "COURSE_UNENROLLMENT_BATCH": lambda _: Unenrolled(),
    "LEARNING_PATH_UNENROLLMENT": lambda _: Unenrolled(),
    "LEARNING_PATH_UNENROLLMENT_BATCH": lambda _: Unenrolled(),
    "CERTIFICATION_UNENROLLMENT": lambda _: Unenrolled(),
    "CERTIFICATION_UNENROLLMENT_BATCH": lambda _: Unenrolled(),
    "LEARNER_PROGRESS": _progress,
    "CI_STATS": _seats,
    "LEARNING_OBJECT_DRAFT": lambda _: CourseDrafted(),
    "LEARNING_OBJECT_MODIFICATION": lambda _: CourseModified(),
    "LEARNING_OBJECT_MODIFICATION_BATCH": lambda _: CourseModified(),
    "LEARNING_OBJECT_DELETION": lambda _: CourseDeleted(),
    "LEARNING_OBJECT_INSTANCE_MODIFICATION": lambda _: InstanceModified(),
    "LEARNING_OBJECT_INSTANCE_MODIFICATION_BATCH": lambda _: InstanceModified(),
    "LEARNING_OBJECT_INSTANCE_DELETION": lambda _: InstanceDeleted(),
}

LEARNERS = frozenset(n for n in MEANS if not n.startswith(("CI_STATS", "LEARNING_OBJECT_")))
ASYNC_ANSWER = "RESPONSE:ASYNCAPI_"
PLACES_REMEMBERED = 8192
NOT_AS_EXPECTED = (msgspec.ValidationError, UnicodeDecodeError)
NAMES = tuple(MEANS)
EXPECTED = "eventName: expected an event name we know"
OTHERWISE = "update Coursebell, or leave it out at Adobe"
FILLS = frozenset(
    {
        "enrollment.passed",
        "enrollment.source",
        "enrollment.enrolled_at",
        "instance.id",
        "instance.enrollment_count",
        "instance.waitlist_count",
        "instance.seat_limit",
        "instance.seats_available",
    }
)


class AdobeEvent(msgspec.Struct, gc=False, rename="camel"):
    """Hold one event as Adobe writes it; anything may be missing."""

    event_name: Scalar = None
    event_id: Scalar = None
    timestamp: Scalar = None
    data: AdobeData | None = None


class AdobeEnvelope(msgspec.Struct, gc=False, rename="camel"):
    """Hold a whole letter; `event_name` is here only when an event came without envelope."""

    account_id: Scalar = None
    events: list[AdobeEvent] | None = None
    event_name: Scalar = None


class AdobeRawLetter(msgspec.Struct, gc=False, rename="camel"):
    """Hold a whole letter with its events still as bytes."""

    account_id: Scalar = None
    events: list[msgspec.Raw] | None = None


class AdobeEventName(msgspec.Struct, gc=False, rename="camel"):
    """Hold the name of an event of any shape."""

    event_name: Scalar = None


_envelope = msgspec.json.Decoder(AdobeEnvelope)
_unread = msgspec.json.Decoder(AdobeRawLetter)
_event = msgspec.json.Decoder(AdobeEvent)
_named = msgspec.json.Decoder(AdobeEventName)


class Adobe(Source):
    """Read what Adobe says: progress may come 15 minutes behind everything else."""

    name = "adobe"
    fills = FILLS
    timing = Timing(lateness=15 * 60 * 1000)

    def wants(self, body: bytes) -> bool:
        """Want everything: nobody but Adobe speaks here."""
        return True

    def read(self, body: bytes, received_at: int) -> list[Item]:
        """Make one item per event; a body without events has none, one that is not JSON has one."""
        return items_of(body, lambda text: _items(text, received_at))

    def read_own(self, body: bytes, received_at: int, mine: Mine) -> list[Item | None]:
        """Read what is mine; of what is another learner's no more than who that is."""
        try:
            return readable(body, lambda text: _own_items(text, received_at, mine))
        except Unusable:
            return super().read_own(body, received_at, mine)


def _items(body: bytes, received_at: int) -> list[Item]:
    try:
        account, events = _events(body)
    except NOT_AS_EXPECTED:
        return _one_by_one(body, received_at)
    return [_item(account, event, received_at) for event in events]


def _own_items(body: bytes, received_at: int, mine: Mine) -> list[Item | None]:
    try:
        account, events = _events(body)
    except NOT_AS_EXPECTED:
        return own_of(lambda at: _one_by_one(body, at), received_at, mine)
    return [
        _item(account, event, received_at) if mine(_whose(account, event)) else None
        for event in events
    ]


def _events(body: bytes) -> tuple[str, Sequence[AdobeEvent]]:
    """Read the account and the events; raises Unusable, and one of NOT_AS_EXPECTED."""
    letter = _envelope.decode(body)
    if letter.events is None and letter.event_name is not None:
        raise Unusable("events: expected an event inside {accountId, events}, got it bare")
    return identifier(letter.account_id, "accountId") or "", letter.events or ()


def _whose(account: str, event: AdobeEvent) -> Whose | None:
    """Glance at whose an event is; None for what names nobody."""
    data, name = event.data, event.event_name
    if data is None or name not in MEANS:
        return None
    try:
        if name in LEARNERS:
            return person_key("adobe", account, required(data.user_id, "data.userId"))
        course, _, instance = _place_of(data.lo_instance_id, data.lo_id, data.lo_type)
        return "adobe", account, course_id(instance or course)
    except Unusable:
        return None


def _one_by_one(body: bytes, received_at: int) -> list[Item]:
    """Read event by event, so that a field of a wrong type costs no other event: slower."""
    letter = _unread.decode(body)
    account = identifier(letter.account_id, "accountId") or ""
    return [_item_of_bytes(account, raw, received_at) for raw in letter.events or ()]


def _item_of_bytes(account: str, raw: msgspec.Raw, received_at: int) -> Item:
    name: Scalar = None
    try:
        name = _named.decode(raw).event_name
        if name not in MEANS:
            return _without_meaning(name)
        return _item(account, _event.decode(raw), received_at)
    except NOT_AS_EXPECTED as error:
        return SetAside(display_name(name), why_unreadable(error, raw))


def _item(account: str, event: AdobeEvent, received_at: int) -> Item:
    name = event.event_name
    if not isinstance(name, str) or name not in MEANS:
        return _without_meaning(name)
    try:
        return _fact(account, name, event, received_at)
    except Unusable as error:
        return error.set_aside(name)


def _fact(account: str, name: str, event: AdobeEvent, received_at: int) -> Fact:
    data = event.data
    if data is None:
        raise Unusable("data: expected an object, got nothing")
    occurred_at = event_time(event.timestamp, "timestamp", received_at)
    said = MEANS[name](data)
    course, kind, instance = _place_of(data.lo_instance_id, data.lo_id, data.lo_type)
    if instance is None and isinstance(said, InstanceFact):
        raise Unusable("data.loInstanceId: expected an id, got nothing")
    person = required(data.user_id, "data.userId") if isinstance(said, EnrollmentFact) else None
    number = identifier(event.event_id, "eventId")
    own = (number,) if number else (instance or course, str(event.timestamp))
    reference = ("adobe", account, name, *own)
    return Fact(
        source="adobe",
        account=account,
        name=name,
        key=key_of(reference, occurred_at, course, instance, said),
        occurred_at=occurred_at,
        said=said,
        course=course,
        kind=kind,
        instance=instance,
        person=person,
        by_admin=name.endswith("_BATCH"),
    )


def _place_of(instance_id: Scalar, lo_id: Scalar, lo_type: Scalar) -> tuple[str, str, str | None]:
    """Read as `_place` does, but remember nothing of any length."""
    is_short = len(f"{instance_id}{lo_id}{lo_type}") <= LONGEST_ID
    return (_place if is_short else _place.__wrapped__)(instance_id, lo_id, lo_type)


@lru_cache(PLACES_REMEMBERED, typed=True)
def _place(instance_id: Scalar, lo_id: Scalar, lo_type: Scalar) -> tuple[str, str, str | None]:
    """Read course, kind and instance; the course is the instance's where two ids disagree."""
    found = identifier(instance_id, "data.loInstanceId")
    if found is not None and (":" in found or "_" in found):
        instance, kind = _spelled(found, lo_type, "data.loInstanceId")
        course, mark, number = instance.rpartition("_")
        if mark and number and not course.endswith(":"):
            return course, kind, instance
        if mark:
            raise Unusable(
                "data.loInstanceId: expected an id like course:123_456, got a part of one"
            )
        return *_spelled(required(lo_id, "data.loId"), lo_type, "data.loId"), instance
    course, kind = _spelled(required(lo_id, "data.loId"), lo_type, "data.loId")
    return course, kind, None if found is None else f"{course}_{found}"


def _spelled(found: str, lo_type: Scalar, field: str) -> tuple[str, str]:
    """Spell an id's prefix in the one way, and tell the kind of learning object it names."""
    called, colon, number = found.partition(":")
    if not colon:
        called, number = str(lo_type), found
    prefix = id_prefix(called)
    if prefix is None or not number:
        raise Unusable(
            f"{field}: expected an id like course:123, learningProgram:123 or certification:123, "
            "or a number and a loType of these, got another id"
        )
    return f"{prefix}:{number}", KINDS[prefix]


def _without_meaning(name: Scalar) -> Item:
    if not isinstance(name, str):
        return SetAside("", f"eventName: expected text, got {type_name(name)}")
    if name.startswith(ASYNC_ANSWER):
        return Ignored(
            display_name(name), "an answer to an API call says nothing about an enrollment"
        )
    spelled = name[:LONGEST_NAME].strip().upper()
    return SetAside(display_name(name), unknown_name(EXPECTED, spelled, NAMES, OTHERWISE))
