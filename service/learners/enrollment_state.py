"""Read off a set of facts how an enrolment stands, one episode after the other."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    EnrollmentFact,
    ModuleCompleted,
    ProgressReported,
    Started,
    Unenrolled,
)

ENROLLED, IN_PROGRESS, COMPLETED, UNENROLLED = "enrolled", "in_progress", "completed", "unenrolled"
OPEN = frozenset({ENROLLED, IN_PROGRESS})
STATUSES = (ENROLLED, IN_PROGRESS, COMPLETED, UNENROLLED)

Entry = tuple[int, int, str, EnrollmentFact]
"""One fact in reading order: occurred_at, rank, key, content."""


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Hold how an enrolment stood after an event: what views show and the sweep asks for.

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


class State(msgspec.Struct, frozen=True, gc=False):
    """Hold what the facts so far amount to.

    `ended_at` is the last end: completed or unenrolled, also a completion that was revoked
    since. Everything else belongs to the episode.
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
    modules: tuple[str, ...] = ()
    ended_at: int | None = None

    def silence(self, count_from: str) -> tuple[int, str] | None:
        """Give when silence began (ms UTC), and a name for it; None if the enrolment is not open.

        `count_from` is `enrolled` or `started` (design §6: the latest of activity,
        revocation and, for `enrolled`, enrolment). The name is the same however many facts
        speak of that moment, so that nobody is reminded twice of one silence.
        """
        at = self._silent_since(count_from)
        return None if at is None else (at, str(at))

    def _silent_since(self, count_from: str) -> int | None:
        if self.status not in OPEN:
            return None
        active, enrolled = self.active_at, self.enrolled_at
        if count_from != "enrolled" or enrolled is None:
            return active
        return enrolled if active is None else max(active, enrolled)

    def snapshot(self) -> Snapshot:
        """Give what others may see of this state."""
        return Snapshot(
            self.status,
            self.progress,
            self.passed,
            self.score,
            self.source,
            self.enrolled_at,
            self.started_at,
            self.completed_at,
            self._silent_since("started"),
            self._silent_since("enrolled"),
        )


NOTHING = State()


def begin(state: State, status: str) -> State:
    """Begin an episode; only the last end is remembered."""
    return State(status, ended_at=state.ended_at)


def _after_end(state: State, at: int, lateness: int) -> bool:
    return state.ended_at is None or at > state.ended_at + lateness


def _enrolled(state: State, at: int, said: Enrolled, lateness: int) -> State:
    fresh = state.status in (None, UNENROLLED) or (
        state.status == COMPLETED and _after_end(state, at, lateness)
    )
    if fresh:
        return State(
            ENROLLED, progress=0.0, source=said.enrollment_source, enrolled_at=at,
            ended_at=state.ended_at,
        )  # fmt: skip
    if state.enrolled_at is None:
        state = replace(state, enrolled_at=at)
    if state.source is None and said.enrollment_source is not None:
        state = replace(state, source=said.enrollment_source)
    return state


def _active(
    state: State, at: int, said: Started | ProgressReported | ModuleCompleted, lateness: int
) -> State:
    if state.status == COMPLETED or not _after_end(state, at, lateness):
        return state
    if state.status not in OPEN:
        state = begin(state, IN_PROGRESS)
    percent = None if isinstance(said, Started) else said.percent
    modules, score = state.modules, None
    if isinstance(said, ModuleCompleted):
        score = said.score
        modules = modules if said.module in modules else (*modules, said.module)
    return replace(
        state,
        status=IN_PROGRESS,
        progress=state.progress if percent is None else percent,
        score=state.score if score is None else score,
        modules=modules,
        started_at=at if state.started_at is None else state.started_at,
        active_at=at,
    )


def _completed(state: State, at: int, said: Completed, lateness: int) -> State:
    if state.status in (None, UNENROLLED):
        state = begin(state, COMPLETED)
    return replace(
        state,
        status=COMPLETED,
        progress=100.0,
        passed=state.passed if said.passed is None else said.passed,
        score=state.score if said.score is None else said.score,
        source=said.enrollment_source if state.source is None else state.source,
        completed_at=at,
        ended_at=at,
    )


def _revoked(state: State, at: int, said: CompletionRevoked, lateness: int) -> State:
    if state.status not in (None, COMPLETED):
        return state
    return replace(
        state,
        status=IN_PROGRESS,
        progress=None,
        passed=None,
        score=None,
        completed_at=None,
        active_at=at,
    )


def _unenrolled(state: State, at: int, said: Unenrolled, lateness: int) -> State:
    return replace(state, status=UNENROLLED, ended_at=at)


STEPS: Mapping[type, Any] = {
    Enrolled: _enrolled,
    Started: _active,
    ProgressReported: _active,
    ModuleCompleted: _active,
    Completed: _completed,
    CompletionRevoked: _revoked,
    Unenrolled: _unenrolled,
}
BECOMES: Mapping[type, str] = {
    Enrolled: ENROLLED,
    Completed: COMPLETED,
    Unenrolled: UNENROLLED,
}


def advance(state: State, entry: Entry, lateness: int) -> State:
    """Go on by one fact in reading order (design §4)."""
    at, _, _, said = entry
    after: State = STEPS[type(said)](state, at, said, lateness)
    return after


def read(entries: Iterable[Entry], lateness: int) -> State:
    """Fold a set of facts, given in reading order."""
    state = NOTHING
    for entry in entries:
        state = advance(state, entry, lateness)
    return state


def transitions(said: EnrollmentFact, before: State, after: State) -> tuple[str, ...]:
    """Name what became true by a fact, of its own kind only (the table of design §4)."""
    if isinstance(said, Started | ProgressReported | ModuleCompleted):
        return _activity(said, before, after)
    if isinstance(said, CompletionRevoked):
        reached = before.status == COMPLETED != after.status
    else:
        reached = after.status == BECOMES[type(said)] != before.status
    return (said.TOPIC,) if reached else ()


def _activity(
    said: Started | ProgressReported | ModuleCompleted, before: State, after: State
) -> tuple[str, ...]:
    if after.status != IN_PROGRESS:
        return ()
    # Activity ends nothing, so an episode that was open before is the one that is open now.
    was = before if before.status in OPEN else NOTHING
    first = was.started_at is None and after.started_at is not None
    gained = len(after.modules) > len(was.modules)
    rose = (after.progress or 0.0) > (was.progress or 0.0)
    named = []
    if first:
        named.append(Started.TOPIC)
    if rose or gained:
        named.append(ProgressReported.TOPIC)
    if gained and isinstance(said, ModuleCompleted):
        named.append(ModuleCompleted.TOPIC)
    return tuple(named)
