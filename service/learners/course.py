"""A course: what the LMS said about the learning object itself."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Self

import msgspec

from service.learners.events import FactRecorded, recorded
from service.learners.facts import (
    CourseDeleted,
    CourseDrafted,
    CourseModified,
    CourseSaid,
    Fact,
    Keys,
)


class Title(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which course; `course` is the LMS's id."""

    source: str
    account: str
    course: str
    kind: str


class CourseRecorded(FactRecorded[CourseSaid], frozen=True, kw_only=True, omit_defaults=True):
    """A fact on a course; `title` on the first event."""

    title: Title | None = None


KINDS = (CourseDrafted, CourseModified, CourseDeleted)
SHAPES: Mapping[str, Any] = {
    said.TOPIC: msgspec.defstruct(
        f"{said.__name__}Recorded", [("said", said)], bases=(CourseRecorded,), frozen=True,
        kw_only=True, omit_defaults=True,
    )
    for said in KINDS
}  # fmt: skip


class LearningObject(msgspec.Struct, frozen=True):
    """A course, learning path or certification as folded so far."""

    id: str
    title: Title
    version: int = 0
    keys: Keys = Keys()
    deleted_at: int | None = None

    @staticmethod
    def stream(source: str, account: str, course: str) -> str:
        """The stream's id."""
        name = f"{source}\x1f{account}\x1f{course}".encode()
        return f"c{blake2b(name, digest_size=16).hexdigest()}"

    @classmethod
    def load(cls, id: str, bodies: Iterable[CourseRecorded]) -> Self:
        """The course whose stream holds these bodies, first to last."""
        events = list(bodies)
        title = events[0].title
        assert title is not None, f"{id}: the first event of a course names it"
        folded = cls(id, title)
        for event in events:
            folded = folded.apply(event)
        return folded

    def apply(self, event: CourseRecorded) -> Self:
        """This course with one more event of its stream."""
        gone = isinstance(event.said, CourseDeleted) and not event.superseded
        deleted = event.at if gone else self.deleted_at
        keys = self.keys.having(event.key)
        return type(self)(self.id, self.title, self.version + 1, keys, deleted)

    def record(
        self, fact: Fact, *, letter: int, item: int, now: int, imported: bool = False
    ) -> tuple[Self, CourseRecorded] | None:
        """This course with one more fact, and the event to append; None for a duplicate."""
        if fact.key in self.keys:
            return None
        said = fact.said
        assert isinstance(said, CourseSaid)
        late = self.deleted_at is not None and fact.occurred_at <= self.deleted_at
        event = recorded(
            CourseRecorded,
            fact,
            self.keys,
            letter=letter,
            item=item,
            now=now,
            imported=imported,
            transitions=() if late else (said.TOPIC,),
            superseded=late,
            title=self.title if self.version == 0 else None,
        )
        return self.apply(event), event
