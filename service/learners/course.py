"""Fold what is said of a course itself, and of a learner beside any course."""

from typing import ClassVar, Self, TypeVar

import msgspec
from msgspec.structs import replace

from service.learners.aggregate import Aggregate, gone_at, latest, shapes_of
from service.learners.facts import (
    DAY,
    CourseDeleted,
    CourseDrafted,
    CourseFact,
    CourseModified,
    Fact,
    FactBody,
    FactRecorded,
    Identity,
    LearnerFact,
    LearnerLeft,
    LearnerMerged,
    LearnerSeen,
)
from service.ledger.events import StreamId, stream_id


class CourseRecorded(FactRecorded[CourseFact], frozen=True, kw_only=True, omit_defaults=True):
    """Record a fact on a course."""

    about: Identity | None = msgspec.field(default=None, name="title")


class LearnerRecorded(FactRecorded[LearnerFact], frozen=True, kw_only=True, omit_defaults=True):
    """Record a fact on a learner."""

    about: Identity | None = msgspec.field(default=None, name="member")


OF_COURSES = shapes_of(CourseRecorded, (CourseDrafted, CourseModified, CourseDeleted))
OF_LEARNERS = shapes_of(LearnerRecorded, (LearnerSeen, LearnerLeft, LearnerMerged))
SHAPES = {**OF_COURSES, **OF_LEARNERS}
M = TypeVar("M", CourseRecorded, LearnerRecorded)


class Watermark(Aggregate[M], frozen=True, gc=False):
    """Fold facts of which one moment counts: what is no later changes nothing any more.

    `changed_at` is the newest moment (ms UTC) of those of another kind.
    """

    MARKS: ClassVar[type[FactBody]]
    marked_at: int | None = None
    changed_at: int | None = None

    def apply(self, event: M) -> Self:
        """Fold in the next event of the stream."""
        marked_at, changed_at = self.marked_at, self.changed_at
        if event.topic != self.MARKS.TOPIC:
            changed_at = latest(changed_at, event.at)
        elif not event.superseded:
            marked_at = event.at
        moments = {"marked_at": marked_at, "changed_at": changed_at}
        return replace(self, version=self.version + 1, keys=self.keys.having(event.key), **moments)

    def effect(self, fact: Fact) -> dict[str, object]:
        """Say whether a new fact is later than the mark."""
        late = self.marked_at is not None and fact.occurred_at <= self.marked_at
        if fact.said.TOPIC == self.MARKS.TOPIC:
            late = late or gone_at(fact.occurred_at, self.changed_at) is None
        return {"transitions": () if late else (fact.said.TOPIC,), "superseded": late}


class LearningObject(Watermark[CourseRecorded], frozen=True, gc=False):
    """Fold what is said of a course, learning path or certification until it was deleted."""

    RECORDED = CourseRecorded
    MARKS = CourseDeleted

    @property
    def gone_at(self) -> int | None:
        """Give when it was deleted (ms UTC); None if it is there, or was heard of again since."""
        return gone_at(self.marked_at, self.changed_at)

    @staticmethod
    def stream(source: str, account: str, course: str) -> StreamId:
        """Give the stream's id."""
        return stream_id("c", source, account, course)

    @classmethod
    def begin(cls, fact: Fact, person: str) -> Self:
        """Make the course as it is before its first fact."""
        about = Identity(fact.source, fact.account, course=fact.course, kind=fact.kind)
        return cls(cls.stream(fact.source, fact.account, fact.course), about)


class LearnerSignIns(Watermark[LearnerRecorded], frozen=True, gc=False):
    """Fold when a learner was last seen by their LMS, whatever the course, and when they left it.

    Neither says anything of the other: what happens after somebody left does not bring them back.
    That a record was merged says nothing of when its person was seen; that it is deleted then
    does not say that they left.
    """

    RECORDED = LearnerRecorded
    MARKS = LearnerSeen
    left_at: int | None = None
    is_merged: bool = False

    def apply(self, event: LearnerRecorded) -> Self:
        """Fold in the next event of the stream."""
        next_one = {"version": self.version + 1, "keys": self.keys.having(event.key)}
        match event.said:
            case LearnerMerged(into=into):
                return replace(self, is_merged=bool(into), **next_one)
            case LearnerLeft():
                return replace(self, left_at=latest(self.left_at, event.at), **next_one)
        return super().apply(event)

    def effect(self, fact: Fact) -> dict[str, object]:
        """Say whether a new fact is later than those of its kind; no rule hears of a merge.

        What tells of one leaving more than once does so within a day.
        """
        if fact.said.TOPIC == LearnerMerged.TOPIC:
            return {}
        if fact.said.TOPIC != LearnerLeft.TOPIC:
            return super().effect(fact)
        at, left_at = fact.occurred_at, self.left_at
        late = left_at is not None and at <= left_at
        told = self.is_merged or (left_at is not None and at <= left_at + DAY)
        return {"transitions": () if told else (fact.said.TOPIC,), "superseded": late}

    @staticmethod
    def stream(person: str) -> StreamId:
        """Give the stream's id: the person's own, which is random and begins with a time."""
        return StreamId(f"l{person}")

    @classmethod
    def begin(cls, fact: Fact, person: str) -> Self:
        """Make the learner as they are before their first fact."""
        return cls(cls.stream(person), Identity(fact.source, fact.account, person))
