"""The sources under one set of laws: a new source is one more line in DIALECTS."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from service.incoming.sources.adobe import Adobe
from service.incoming.sources.community_training import CommunityTraining
from service.incoming.sources.source import Item, Source
from service.incoming.sources.sunbird import Sunbird
from service.learners.enrollment_state import Snapshot
from service.learners.facts import Fact
from tests.incoming.sources import adobe_payloads as adobe
from tests.incoming.sources import community_training_payloads as training
from tests.incoming.sources import sunbird_payloads as sunbird

NOON = 1_772_452_800_000
ELEVEN = NOON - 3_600_000
MINUTE = 60_000
RECEIVED_AT = NOON + 30 * 86_400_000
"""When the letters of these tests came (ms UTC): Wednesday 1 April 2026."""

Told = dict[str, Any]


class Dialect(NamedTuple):
    """One source and how to speak it.

    `events` has one valid event of each kind, `unknown` is one of a kind nobody knows; `letter`
    packs some into one body, `by` tells the same event of another learner. `story` is what one
    learner did, `end` what it amounts to.
    """

    source: Source
    events: Sequence[Told]
    unknown: Callable[[str], Told]
    letter: Callable[..., bytes]
    by: Callable[[Told, int], Told]
    story: Sequence[Told]
    end: Snapshot

    def read(self, *events: object) -> list[Item]:
        return self.source.read(self.letter(*events), RECEIVED_AT)

    def fact(self, told: Told) -> Fact:
        (item,) = self.read(told)
        assert isinstance(item, Fact), item
        return item


ADOBE_EVENTS = [
    adobe.event("COURSE_ENROLLMENT", enrollmentSource="SELF_ENROLL", eventId="e-1"),
    adobe.event("LEARNER_PROGRESS", progressPercent=40, eventId="e-2"),
    adobe.event("COURSE_COMPLETED", hasPassed=True, eventId=...),
    adobe.event("LEARNING_PATH_COMPLETION_ROLLBACK_BATCH", eventId="e-4"),
    adobe.event("COURSE_UNENROLLMENT", eventId="e-5"),
    adobe.event("CI_STATS", enrollmentCount=20, waitlistCount=1, seatLimit=20, userId=...),
    adobe.event("LEARNING_OBJECT_MODIFICATION", userId=..., loInstanceId=..., eventId="e-6"),
    adobe.event("LEARNING_OBJECT_INSTANCE_DELETION", userId=..., eventId="e-7"),
]
ADOBE_STORY = [
    adobe.event("COURSE_ENROLLMENT", timestamp=ELEVEN, enrollmentSource="SELF_ENROLL"),
    adobe.event("LEARNER_PROGRESS", timestamp=ELEVEN + 5 * MINUTE, progressPercent=40),
    adobe.event("COURSE_COMPLETED", timestamp=ELEVEN + 20 * MINUTE, hasPassed=True),
    adobe.event("LEARNER_PROGRESS", timestamp=ELEVEN + 25 * MINUTE, progressPercent=85),
    adobe.event("COURSE_ENROLLMENT_BATCH", timestamp=ELEVEN + 30 * MINUTE),
]
ADOBE_END = Snapshot(
    "completed", 100.0, True, source="SELF_ENROLL", enrolled_at=ELEVEN,
    started_at=ELEVEN + 5 * MINUTE, completed_at=ELEVEN + 20 * MINUTE,
)  # fmt: skip

TRAINING_STORY = [
    training.event("COURSE_START", StartDate="2026-03-02T11:00:00.2810916Z"),
    training.event(
        "MODULE_COMPLETION", CompletionDate="2026-03-02T11:10:00.5333333", CourseItemId=9101,
        ModuleType="Lesson", ExamPercentage="Not Applicable",
    ),
    training.event("MODULE_COMPLETION", CompletionDate="2026-03-02T11:20:00.94"),
    training.event("COURSE_COMPLETION", CompletionDate="2026-03-02T11:20:00.94"),
    training.event("COURSE_START", StartDate="2026-03-02T11:20:02.86 "),
]  # fmt: skip
TRAINING_END = Snapshot(
    "completed", 100.0, score=80.0, started_at=ELEVEN + 281, completed_at=ELEVEN + 1_200_940
)

SUNBIRD_EVENTS = [
    sunbird.event("enrol", "Create"),
    sunbird.event("enrol", "Update", mid=None),
    sunbird.event("course-enroll", object={"id": sunbird.LOGIC, "type": "Course"}),
    sunbird.of_unit("start", "CourseUnit", sunbird.UNIT),
    sunbird.of_unit("complete"),
    sunbird.event("enrol-complete", mid=""),
    sunbird.event("progress-update"),
]
SUNBIRD_STORY = [
    sunbird.event("enrol", "Create", ets=ELEVEN, mid="req-1", channel="0127684405"),
    sunbird.of_unit("start", ets=ELEVEN + 5 * MINUTE, mid="req-2"),
    sunbird.of_unit("complete", ets=ELEVEN + 20 * MINUTE, mid="req-2"),
    sunbird.event("enrol-complete", ets=ELEVEN + 20 * MINUTE + 30_000, mid=None),
    sunbird.of_unit("start", id="do_314204", ets=ELEVEN + 25 * MINUTE, mid=None),
]
SUNBIRD_END = Snapshot(
    "completed", 100.0, enrolled_at=ELEVEN, started_at=ELEVEN + 5 * MINUTE,
    completed_at=ELEVEN + 20 * MINUTE + 30_000,
)  # fmt: skip

DIALECTS = [
    Dialect(
        Adobe(), ADOBE_EVENTS, adobe.event, adobe.letter, adobe.by, ADOBE_STORY, ADOBE_END,
    ),
    Dialect(
        CommunityTraining(), [training.event(type) for type in training.BODIES],
        lambda type: {**training.event(), "EventType": type}, training.letter, training.by,
        TRAINING_STORY, TRAINING_END,
    ),
    Dialect(
        Sunbird(), SUNBIRD_EVENTS, sunbird.event, sunbird.letter, sunbird.by, SUNBIRD_STORY,
        SUNBIRD_END,
    ),
]  # fmt: skip

WRAPPED_IN = b"3http://schemas.microsoft.com/2003/10/Serialization/"


def record(kind: int, text: bytes, size: int) -> bytes:
    """A text record of [MC-NBFX]: its kind, how long it is in so many bytes, and the text."""
    return bytes([kind]) + len(text).to_bytes(size, "little") + text


def wrapped(*records: bytes, element: bytes = b"\x06string") -> bytes:
    """The element that an old .NET client writes around what it is given."""
    return b"@" + element + b"\x08" + WRAPPED_IN + b"".join(records)


def in_pieces(text: bytes) -> bytes:
    """Wrapped in records of at most 255 bytes, which may part a letter, and an end of its own."""
    pieces = [text[at : at + 255] for at in range(0, len(text), 255)]
    return wrapped(*(record(0x98, piece, 1) for piece in pieces), b"\x01")


def _encoded(encoding: str, mark: str = "") -> Callable[[bytes], bytes]:
    return lambda text: (mark + text.decode()).encode(encoding)


BOM = "\ufeff"
BYTE_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "utf-8 with a mark": _encoded("utf-8", BOM),
    "utf-8 with two": _encoded("utf-8", 2 * BOM),
    **{
        f"{encoding}{' with a mark' if mark else ''}": _encoded(encoding, mark)
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
        for mark in ("", BOM)
    },
    "wrapped": lambda text: wrapped(record(0x9D, text, 4)),
    "wrapped without an end": lambda text: wrapped(record(0x9C, text, 4)),
    "wrapped, shorter": lambda text: wrapped(record(0x9B, text, 2)),
    "wrapped in pieces": in_pieces,
    "wrapped with a mark": lambda text: wrapped(record(0x9D, BOM.encode() + text, 4)),
    "wrapped as utf-16": lambda text: wrapped(record(0xBB, text.decode().encode("utf-16-le"), 4)),
    "wrapped as bytes": lambda text: wrapped(record(0xA3, text, 4), element=b"\x0cbase64Binary"),
    "wrapped as utf-16 bytes": lambda text: wrapped(
        record(0xA3, text.decode().encode("utf-16"), 4), element=b"\x0cbase64Binary"
    ),
}
"""What senders make of JSON in UTF-8: the same text in other bytes."""

every_form = pytest.mark.parametrize("form", BYTE_FORMS.values(), ids=BYTE_FORMS)
every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: str(d.source.name))


def same_reference(one: str, other: str) -> bool:
    """Whether two fact keys carry the same LMS event id: it makes their first half."""
    return one[:16] == other[:16]
