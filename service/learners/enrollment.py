"""An enrolment: one learner in one instance, read off the set of its facts in any order."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from service.learners.events import FactRecorded
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    EnrollmentSaid,
    Fact,
    ModuleCompleted,
    ProgressReported,
    Started,
    Unenrolled,
    same_reference,
)

ENROLLED, IN_PROGRESS, COMPLETED, UNENROLLED = "enrolled", "in_progress", "completed", "unenrolled"
OPEN = frozenset({ENROLLED, IN_PROGRESS})
STATUSES = (ENROLLED, IN_PROGRESS, COMPLETED, UNENROLLED)

Entry = tuple[int, int, str, EnrollmentSaid]
"""One fact in reading order: occurred_at, rank, key, content."""


class Who(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose enrolment this is, without a name; `course` and `instance` are the LMS's ids."""

    source: str
    account: str
    person: str
    course: str
    kind: str
    instance: str | None = None


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an enrolment stood after an event: what views show and the sweep asks for.

    `silent_since` is where silence begins counted from enrolment, `active_at` the same
    counted from the first activity; both None unless the enrolment is open.
    """

    status: str | None = None
    progress: float | None = None
    passed: bool | None = None
    score: float | None = None
    source: str | None = None
    enrolled_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    active_at: int | None = None
    silent_since: int | None = None


class State(msgspec.Struct, frozen=True):
    """What the facts so far amount to.

    `ended_at` is the last end (completed or unenrolled) and `ended_before` the one a
    revocation falls back to; `active_key` and `enrolled_key` name the facts that silence
    is counted from. Everything but the ends belongs to the episode.
    """

    status: str | None = None
    episode: int = 0
    progress: float | None = None
    passed: bool | None = None
    score: float | None = None
    source: str | None = None
    enrolled_at: int | None = None
    enrolled_key: str = ""
    started_at: int | None = None
    completed_at: int | None = None
    active_at: int | None = None
    active_key: str = ""
    modules: tuple[str, ...] = ()
    ended_at: int | None = None
    ended_before: int | None = None

    def silence(self, count_from: str) -> tuple[int, str] | None:
        """When silence began (ms UTC) and the key of the fact that began it; None if not open.

        `count_from` is `enrolled` or `started` (design §6: the latest of activity,
        revocation and, for `enrolled`, enrolment).
        """
        if self.status not in OPEN:
            return None
        begins = []
        if self.active_at is not None:
            begins.append((self.active_at, 1, self.active_key))
        if count_from == "enrolled" and self.enrolled_at is not None:
            begins.append((self.enrolled_at, 0, self.enrolled_key))
        if not begins:
            return None
        at, _, key = max(begins)
        return at, key

    def snapshot(self) -> Snapshot:
        """What others may see of this state."""
        since, active = self.silence("enrolled"), self.silence("started")
        return Snapshot(
            self.status,
            self.progress,
            self.passed,
            self.score,
            self.source,
            self.enrolled_at,
            self.started_at,
            self.completed_at,
            active[0] if active else None,
            since[0] if since else None,
        )


NOTHING = State()


class EnrollmentRecorded(
    FactRecorded[EnrollmentSaid], frozen=True, kw_only=True, omit_defaults=True
):
    """A fact on an enrolment; `who` on the first event, `after` whenever something changed."""

    who: Who | None = None
    after: Snapshot | None = None


def _shape(said: type[EnrollmentSaid]) -> Any:
    return msgspec.defstruct(
        f"{said.__name__}Recorded", [("said", said)], bases=(EnrollmentRecorded,), frozen=True,
        kw_only=True, omit_defaults=True,
    )  # fmt: skip


KINDS = (
    Enrolled,
    Started,
    ProgressReported,
    ModuleCompleted,
    Completed,
    CompletionRevoked,
    Unenrolled,
)
SHAPES: Mapping[str, Any] = {said.TOPIC: _shape(said) for said in KINDS}


def begin(state: State, status: str) -> State:
    """A new episode; only the ends are remembered."""
    return State(
        status, state.episode + 1, ended_at=state.ended_at, ended_before=state.ended_before
    )


def _after_end(state: State, at: int, lateness: int) -> bool:
    return state.ended_at is None or at > state.ended_at + lateness


def _enrolled(state: State, at: int, key: str, said: Enrolled, lateness: int) -> State:
    fresh = state.status in (None, UNENROLLED) or (
        state.status == COMPLETED and _after_end(state, at, lateness)
    )
    if fresh:
        return replace(
            begin(state, ENROLLED), progress=0.0, enrolled_at=at, enrolled_key=key,
            source=said.enrollment_source,
        )  # fmt: skip
    if state.enrolled_at is None:
        state = replace(state, enrolled_at=at, enrolled_key=key)
    if state.source is None and said.enrollment_source is not None:
        state = replace(state, source=said.enrollment_source)
    return state


def _active(
    state: State,
    at: int,
    key: str,
    said: Started | ProgressReported | ModuleCompleted,
    lateness: int,
) -> State:
    if state.status == COMPLETED or not _after_end(state, at, lateness):
        return state
    if state.status not in OPEN:
        state = begin(state, IN_PROGRESS)
    percent = None if isinstance(said, Started) else said.percent
    modules = state.modules
    if isinstance(said, ModuleCompleted) and said.module not in modules:
        modules = (*modules, said.module)
    return replace(
        state,
        status=IN_PROGRESS,
        progress=state.progress if percent is None else percent,
        modules=modules,
        started_at=at if state.started_at is None else state.started_at,
        active_at=at,
        active_key=key,
    )


def _completed(state: State, at: int, key: str, said: Completed, lateness: int) -> State:
    if state.status in (None, UNENROLLED):
        state = begin(state, COMPLETED)
    again = state.status == COMPLETED and state.completed_at is not None
    return replace(
        state,
        status=COMPLETED,
        progress=100.0,
        passed=state.passed if said.passed is None else said.passed,
        score=state.score if said.score is None else said.score,
        source=said.enrollment_source if state.source is None else state.source,
        completed_at=at,
        ended_at=at,
        ended_before=state.ended_before if again else state.ended_at,
    )


def _revoked(state: State, at: int, key: str, said: CompletionRevoked, lateness: int) -> State:
    if state.status is None:
        state = begin(state, IN_PROGRESS)
    elif state.status != COMPLETED:
        return state
    return replace(
        state,
        status=IN_PROGRESS,
        progress=None,
        passed=None,
        score=None,
        completed_at=None,
        ended_at=state.ended_before,
        active_at=at,
        active_key=key,
    )


def _unenrolled(state: State, at: int, key: str, said: Unenrolled, lateness: int) -> State:
    if state.status is None:
        state = begin(state, UNENROLLED)
    return replace(state, status=UNENROLLED, ended_at=at, ended_before=state.ended_at)


STEPS: Mapping[type, Any] = {
    Enrolled: _enrolled,
    Started: _active,
    ProgressReported: _active,
    ModuleCompleted: _active,
    Completed: _completed,
    CompletionRevoked: _revoked,
    Unenrolled: _unenrolled,
}


def step(state: State, entry: Entry, lateness: int) -> State:
    """One fact further in reading order (design §4)."""
    at, _, key, said = entry
    after: State = STEPS[type(said)](state, at, key, said, lateness)
    return after


def read(entries: Iterable[Entry], lateness: int) -> State:
    """The state a set of facts amounts to; `entries` in reading order."""
    state = NOTHING
    for entry in entries:
        state = step(state, entry, lateness)
    return state


def transitions(said: EnrollmentSaid, before: State, after: State) -> tuple[str, ...]:
    """What became true by this fact, of the fact's own kind only (the table of design §4)."""
    if isinstance(said, Started | ProgressReported | ModuleCompleted):
        return _activity(said, before, after)
    reached = {
        Enrolled: after.status == ENROLLED != before.status,
        Completed: after.status == COMPLETED != before.status,
        CompletionRevoked: before.status == COMPLETED != after.status,
        Unenrolled: after.status == UNENROLLED != before.status,
    }
    return (said.TOPIC,) if reached[type(said)] else ()


def _activity(
    said: Started | ProgressReported | ModuleCompleted, before: State, after: State
) -> tuple[str, ...]:
    if after.status != IN_PROGRESS:
        return ()
    same = before.episode == after.episode and before.status in OPEN
    first = after.started_at is not None and not (same and before.started_at is not None)
    gained = len(after.modules) > (len(before.modules) if same else 0)
    rose = (after.progress or 0.0) > ((before.progress or 0.0) if same else 0.0)
    named = []
    if first:
        named.append(Started.TOPIC)
    if rose or gained:
        named.append(ProgressReported.TOPIC)
    if gained and isinstance(said, ModuleCompleted):
        named.append(ModuleCompleted.TOPIC)
    return tuple(named)


class Enrollment(msgspec.Struct, frozen=True):
    """A learner's enrolment as folded so far."""

    id: str
    who: Who
    version: int = 0
    entries: tuple[Entry, ...] = ()
    state: State = NOTHING

    @staticmethod
    def stream(person: str, course: str, instance: str | None) -> str:
        """The stream's id: the person's time prefix, then a hash (neighbours in time stay so)."""
        name = f"{person}\x1f{course}\x1f{instance or ''}".encode()
        return f"e{person[:8]}{blake2b(name, digest_size=12).hexdigest()}"

    @classmethod
    def load(cls, id: str, bodies: Iterable[EnrollmentRecorded], lateness: int) -> Self:
        """The enrolment whose stream holds these bodies, first to last."""
        events = list(bodies)
        who = events[0].who
        assert who is not None, f"{id}: the first event of an enrolment names it"
        entries = tuple(sorted((e.at, e.said.RANK, e.key, e.said) for e in events))
        return cls(id, who, len(events), entries, read(entries, lateness))

    def record(
        self, fact: Fact, *, letter: int, item: int, now: int, lateness: int
    ) -> tuple[Self, EnrollmentRecorded] | None:
        """This enrolment with one more fact, and the event to append; None for a duplicate."""
        if any(entry[2] == fact.key for entry in self.entries):
            return None
        said = fact.said
        assert isinstance(said, EnrollmentSaid)
        entry: Entry = (fact.occurred_at, said.RANK, fact.key, said)
        after, entries = self._with(entry, lateness)
        changed = after != self.state
        event = EnrollmentRecorded(
            said=said,
            at=fact.occurred_at,
            key=fact.key,
            name=fact.name,
            recorded_at=now,
            letter=letter,
            item=item,
            by_admin=fact.by_admin,
            transitions=transitions(said, self.state, after) if changed else (),
            superseded=not changed,
            conflict=any(same_reference(entry[2], fact.key) for entry in self.entries),
            who=self.who if self.version == 0 else None,
            after=after.snapshot() if changed else None,
        )
        return type(self)(self.id, self.who, self.version + 1, entries, after), event

    def _with(self, entry: Entry, lateness: int) -> tuple[State, tuple[Entry, ...]]:
        order = entry[:3]
        if not self.entries or order > self.entries[-1][:3]:
            return step(self.state, entry, lateness), (*self.entries, entry)
        place = bisect_right(self.entries, order, key=lambda known: known[:3])
        entries = (*self.entries[:place], entry, *self.entries[place:])
        return read(entries, lateness), entries
