"""Facts: what an LMS said, in our words, before anyone judged it."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import ClassVar, Self

import msgspec

KEYS_APART = 256


class Said(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The content of one fact; `TOPIC` names it in the ledger for ever, `RANK` breaks ties.

    Ranks order facts of one instant (design §4): enrolled 0, activity 1, completed 2,
    completion revoked 3, unenrolled 4.
    """

    TOPIC: ClassVar[str] = ""
    RANK: ClassVar[int] = 0


class EnrollmentSaid(Said, frozen=True, omit_defaults=True):
    """Something about one learner in one instance."""


class Enrolled(EnrollmentSaid, frozen=True, omit_defaults=True):
    """The learner was enrolled; `enrollment_source` is how (`SELF_ENROLL`, `ADMIN_ENROLL`)."""

    TOPIC: ClassVar[str] = "enrollment.enrolled"
    enrollment_source: str | None = None


class Started(EnrollmentSaid, frozen=True, omit_defaults=True):
    """The learner opened the course."""

    TOPIC: ClassVar[str] = "enrollment.started"
    RANK: ClassVar[int] = 1


class ProgressReported(EnrollmentSaid, frozen=True, omit_defaults=True):
    """The learner did something; `percent` (0 to 100) is None when the LMS did not say."""

    TOPIC: ClassVar[str] = "enrollment.progressed"
    RANK: ClassVar[int] = 1
    percent: float | None = None


class ModuleCompleted(EnrollmentSaid, frozen=True, omit_defaults=True):
    """The learner finished one part of the course."""

    TOPIC: ClassVar[str] = "enrollment.module_completed"
    RANK: ClassVar[int] = 1
    module: str = ""
    percent: float | None = None
    score: float | None = None


class Completed(EnrollmentSaid, frozen=True, omit_defaults=True):
    """The learner finished; `passed` is None when the LMS did not say (absent is not false)."""

    TOPIC: ClassVar[str] = "enrollment.completed"
    RANK: ClassVar[int] = 2
    passed: bool | None = None
    score: float | None = None
    enrollment_source: str | None = None


class CompletionRevoked(EnrollmentSaid, frozen=True, omit_defaults=True):
    """A completion was taken back."""

    TOPIC: ClassVar[str] = "enrollment.completion_revoked"
    RANK: ClassVar[int] = 3


class Unenrolled(EnrollmentSaid, frozen=True, omit_defaults=True):
    """The learner left, or was taken out."""

    TOPIC: ClassVar[str] = "enrollment.unenrolled"
    RANK: ClassVar[int] = 4


class InstanceSaid(Said, frozen=True, omit_defaults=True):
    """Something about one instance of a course."""


class SeatsReported(InstanceSaid, frozen=True, omit_defaults=True):
    """How many sit and wait; `seat_limit` is None when seats are unlimited."""

    TOPIC: ClassVar[str] = "instance.seats_changed"
    enrollment_count: int = 0
    waitlist_count: int = 0
    seat_limit: int | None = None


class InstanceModified(InstanceSaid, frozen=True, omit_defaults=True):
    """The instance was created, changed or retired."""

    TOPIC: ClassVar[str] = "instance.modified"


class InstanceDeleted(InstanceSaid, frozen=True, omit_defaults=True):
    """The instance is gone."""

    TOPIC: ClassVar[str] = "instance.deleted"


class CourseSaid(Said, frozen=True, omit_defaults=True):
    """Something about one learning object."""


class CourseDrafted(CourseSaid, frozen=True, omit_defaults=True):
    """A draft was saved."""

    TOPIC: ClassVar[str] = "course.drafted"


class CourseModified(CourseSaid, frozen=True, omit_defaults=True):
    """The course was published, changed or retired."""

    TOPIC: ClassVar[str] = "course.modified"


class CourseDeleted(CourseSaid, frozen=True, omit_defaults=True):
    """The course is gone."""

    TOPIC: ClassVar[str] = "course.deleted"


class LearnerSaid(Said, frozen=True, omit_defaults=True):
    """Something about one learner and no course."""


class LearnerSeen(LearnerSaid, frozen=True, omit_defaults=True):
    """The learner signed in."""

    TOPIC: ClassVar[str] = "learner.seen"


class Contact(msgspec.Struct, frozen=True, gc=False):
    """What a letter says about the person it is about; `fields` are e.g. a phone number."""

    name: str | None = None
    email: str | None = None
    fields: dict[str, str] = {}


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fact with its envelope.

    `name` is the LMS's own event name. `occurred_at` is milliseconds since 1970 UTC.
    `person`, `course` and `instance` are the LMS's own ids as text; a fact without `person`
    is about the instance or the course alone, one about a learner alone has an empty `course`.
    `key` tells facts apart (see `fact_key`). `contact` and `title` are what the letter says
    beside it about the person and the course; they go to people and courses, never to the log.
    """

    source: str
    account: str
    name: str
    key: str
    occurred_at: int
    said: Said
    course: str
    kind: str
    instance: str | None = None
    person: str | None = None
    by_admin: bool = False
    contact: Contact | None = None
    title: str | None = None


def fact_key(reference: tuple[str, ...], content: Mapping[str, object] | bytes) -> str:
    """The 32 hex digits that tell one fact from another.

    The first 16 hash what the LMS calls the event (`reference`: source, account, event name,
    event id or else item and raw time); the last 16 hash what it says. The same first half
    with another second half is a conflict: one id, two stories.

    Neither may hold the person: whoever has the log knows all the rest, and would find the LMS
    id by trying numbers. Nothing is lost, as keys are compared within one stream only, and a
    stream is one person's or nobody's (decision 7).
    """
    said = content if isinstance(content, bytes) else msgspec.json.encode(content)
    named = blake2b("\x1f".join(reference).encode()).digest()
    return named[:8].hex() + blake2b(said, digest_size=8, key=named).hexdigest()


def same_reference(one: str, other: str) -> bool:
    """Whether two fact keys carry the same LMS event id."""
    return one[:16] == other[:16]


class Keys(msgspec.Struct, frozen=True, gc=False):
    """The fact keys of one stream; unchanging, because a batch may be dropped uncommitted.

    Adding one to a plain set or tuple would copy them all, and a busy stream would cost the
    square of its length: so the last few stand apart. `settled` holds every key and every
    reference (the first half of one).
    """

    settled: frozenset[str] = frozenset()
    recent: tuple[str, ...] = ()

    def __contains__(self, key: object) -> bool:
        return key in self.recent or key in self.settled

    def conflicts(self, key: str) -> bool:
        """Whether the LMS event id of a new key was already used for another story."""
        reference = key[:16]
        return reference in self.settled or reference in [one[:16] for one in self.recent]

    def having(self, key: str) -> Self:
        """These and one more."""
        recent = (*self.recent, key)
        if len(recent) < KEYS_APART:
            return type(self)(self.settled, recent)
        return type(self)(self.settled.union(recent, (one[:16] for one in recent)))
