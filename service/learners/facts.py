"""Say what an LMS said in our words, before anyone judged it."""

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import ClassVar, Generic, TypeVar

import msgspec

from service.learners.text_form import text_form
from service.ledger.events import EventBody

IDS_REMEMBERED = 8_192
LONGEST_ID = 255

KINDS = {"course": "course", "learningProgram": "learning_path", "certification": "certification"}
"""The prefix of a course's id, and the kind it says."""

PREFIXES = {prefix.lower(): prefix for prefix in KINDS} | {"learningpath": "learningProgram"}
"""How a prefix or a kind may be called, without blanks, `_`, `-` and capitals."""


def id_form(text: str) -> str:
    """Give the form of an id: that of any text, and at once for what has no other."""
    has_one = text.isascii() and text.isprintable() and " " not in text
    return text if has_one else text_form(text)


def id_prefix(called: str) -> str | None:
    """Give the prefix of ids that a prefix, a `loType` or a kind in any spelling stands for."""
    return PREFIXES.get(re.sub(r"[\s_-]+", "", id_form(called)).lower())


@lru_cache(IDS_REMEMBERED)
def course_id(text: str) -> str:
    """Spell the id of a course or an instance in the one way; twice is harmless.

    Adobe writes learning_program:, learningProgram: and learningPath: for one.
    """
    called, colon, number = (found := id_form(text)).partition(":")
    prefix = id_prefix(called) if colon else None
    return f"{prefix}:{number.lstrip()}" if prefix else found


class FactBody(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Hold the content of one fact; `TOPIC` is its stored name for ever, `RANK` breaks ties.

    Ranks order facts of one instant (design §4): enrolled 0, activity 1, completed 2,
    completion revoked 3, unenrolled 4.
    """

    TOPIC: ClassVar[str] = ""
    RANK: ClassVar[int] = 0


class EnrollmentFact(FactBody, frozen=True, omit_defaults=True):
    """Say something about one learner in one instance."""


class Enrolled(EnrollmentFact, frozen=True, omit_defaults=True):
    """Say that the learner was enrolled, and how (`SELF_ENROLL`, `ADMIN_ENROLL`)."""

    TOPIC: ClassVar[str] = "enrollment.enrolled"
    enrollment_source: str | None = None


class Started(EnrollmentFact, frozen=True, omit_defaults=True):
    """Say that the learner opened the course."""

    TOPIC: ClassVar[str] = "enrollment.started"
    RANK: ClassVar[int] = 1


class ProgressReported(EnrollmentFact, frozen=True, omit_defaults=True):
    """Say that the learner did something; `percent` (0 to 100) is None when not said."""

    TOPIC: ClassVar[str] = "enrollment.progressed"
    RANK: ClassVar[int] = 1
    percent: float | None = None


class ModuleCompleted(EnrollmentFact, frozen=True, omit_defaults=True):
    """Say that the learner finished one part of the course."""

    TOPIC: ClassVar[str] = "enrollment.module_completed"
    RANK: ClassVar[int] = 1
    module: str = ""
    percent: float | None = None
    score: float | None = None


class Completed(EnrollmentFact, frozen=True, omit_defaults=True):
    """Say that the learner finished; `passed` is None when not said (absent is not false)."""

    TOPIC: ClassVar[str] = "enrollment.completed"
    RANK: ClassVar[int] = 2
    passed: bool | None = None
    score: float | None = None
    enrollment_source: str | None = None


class CompletionRevoked(EnrollmentFact, frozen=True, omit_defaults=True):
    """Say that a completion was taken back."""

    TOPIC: ClassVar[str] = "enrollment.completion_revoked"
    RANK: ClassVar[int] = 3


class Unenrolled(EnrollmentFact, frozen=True, omit_defaults=True):
    """Say that the learner left, or was taken out."""

    TOPIC: ClassVar[str] = "enrollment.unenrolled"
    RANK: ClassVar[int] = 4


class InstanceFact(FactBody, frozen=True, omit_defaults=True):
    """Say something about one instance of a course."""


class SeatsReported(InstanceFact, frozen=True, omit_defaults=True):
    """Say how many sit and wait; `seat_limit` is None when seats are unlimited."""

    TOPIC: ClassVar[str] = "instance.seats_changed"
    enrollment_count: int = 0
    waitlist_count: int = 0
    seat_limit: int | None = None


class InstanceModified(InstanceFact, frozen=True, omit_defaults=True):
    """Say that the instance was created, changed or retired."""

    TOPIC: ClassVar[str] = "instance.modified"


class InstanceDeleted(InstanceFact, frozen=True, omit_defaults=True):
    """Say that the instance is gone."""

    TOPIC: ClassVar[str] = "instance.deleted"


class CourseFact(FactBody, frozen=True, omit_defaults=True):
    """Say something about one learning object."""


class CourseDrafted(CourseFact, frozen=True, omit_defaults=True):
    """Say that a draft was saved."""

    TOPIC: ClassVar[str] = "course.drafted"


class CourseModified(CourseFact, frozen=True, omit_defaults=True):
    """Say that the course was published, changed or retired."""

    TOPIC: ClassVar[str] = "course.modified"


class CourseDeleted(CourseFact, frozen=True, omit_defaults=True):
    """Say that the course is gone."""

    TOPIC: ClassVar[str] = "course.deleted"


class LearnerFact(FactBody, frozen=True, omit_defaults=True):
    """Say something about one learner and no course."""


class LearnerSeen(LearnerFact, frozen=True, omit_defaults=True):
    """Say that the learner signed in."""

    TOPIC: ClassVar[str] = "learner.seen"


class LearnerLeft(LearnerFact, frozen=True, omit_defaults=True):
    """Say that the learner's account at the LMS was deleted."""

    TOPIC: ClassVar[str] = "learner.left"


class LearnerMerged(LearnerFact, frozen=True, omit_defaults=True):
    """Say that another record of the same person counts from now on.

    `into` is that one's person id; empty for a record that counts itself again.
    """

    TOPIC: ClassVar[str] = "learner.merged"
    into: str = ""


class Contact(msgspec.Struct, frozen=True, gc=False):
    """Hold what a letter says of the person it is about; `fields` are e.g. a phone number."""

    name: str | None = None
    email: str | None = None
    fields: dict[str, str] = {}


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Hold one fact with its envelope.

    `name` is the LMS's own event name. `occurred_at` is milliseconds since 1970 UTC.
    `person`, `course` and `instance` are the LMS's own ids as text; a fact without `person`
    is about the instance or the course alone, one about a learner alone has an empty `course`.
    `key` tells facts apart (see `fact_key`). `contact` and `title` are what the letter says
    beside it about the person and the course; they go to people and courses, never to the log.
    `into` is source, account and LMS id of whom the person is merged into.
    """

    source: str
    account: str
    name: str
    key: str
    occurred_at: int
    said: FactBody
    course: str
    kind: str
    instance: str | None = None
    person: str | None = None
    by_admin: bool = False
    contact: Contact | None = None
    title: str | None = None
    into: tuple[str, str, str] | None = None


DAY = 24 * 60 * 60 * 1000


class Timing(msgspec.Struct, frozen=True, gc=False):
    """Hold how the dates of one source are read, both in ms.

    `lateness`: how long activity may be told after what ended it. `again_after`: a completion
    dated later than this after the last one is a completion of its own; None for never.
    """

    lateness: int = 0
    again_after: int | None = DAY


AT_ONCE = Timing()
"""How the dates of a source are read that says nothing of its own: nothing comes late."""


def longest_lateness(timings: Mapping[str, Timing]) -> int:
    """Give the longest lateness (ms) of any source; `timings` by source."""
    return max((timing.lateness for timing in timings.values()), default=0)


def fact_key(reference: tuple[str, ...], content: Mapping[str, object] | bytes) -> str:
    """Make the 32 hex digits that tell one fact from another.

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


class PlacedFact(msgspec.Struct, frozen=True, gc=False):
    """Place a fact: the number of its letter, and its item there.

    Nothing is decided on an `imported` one: it is recorded, and tells nobody anything.
    """

    fact: Fact
    letter: int
    item: int
    imported: bool = False


class Identity(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Name what something is about by the LMS's ids, but `person` by ours; no name of anybody.

    What it is not about is empty, and `instance` is None then. The order is the stored one.
    """

    source: str
    account: str
    person: str = ""
    course: str = ""
    kind: str = ""
    instance: str | None = None


S = TypeVar("S", bound=FactBody)


class FactRecorded(EventBody, Generic[S], frozen=True, kw_only=True, omit_defaults=True):
    """Record a fact on an aggregate, with what it changed.

    `at` is when it happened, `recorded_at` when we wrote it (both ms UTC); `letter` and `item`
    say where it came from; `transitions` are what rules are triggered by, decided once, here;
    a `superseded` fact changed nothing; `conflict` marks an LMS event id already used for
    another story; on an `imported` one nothing was decided. `about` is on the first event only,
    stored under a name that each kind of aggregate has of its own. `saw` are the versions of other
    aggregates that were read when this was decided on, 0 for one that was not there: None where
    nothing was read, or nobody else decided, and the log has them as they were.
    """

    said: S
    at: int
    key: str
    name: str
    recorded_at: int
    letter: int = 0
    item: int = 0
    by_admin: bool = False
    transitions: tuple[str, ...] = ()
    superseded: bool = False
    conflict: bool = False
    imported: bool = False
    about: Identity | None = None
    saw: dict[str, int] | None = None

    @property
    def topic(self) -> str:
        """Give the fact's own topic."""
        return self.said.TOPIC

    def told_first(self, transition: str, version: int) -> tuple[int, int]:
        """Name the event that told of a transition first: its version, and when (ms UTC).

        `version` is this event's own.
        """
        return version, self.at
