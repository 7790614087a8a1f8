"""Read off a set of facts how an enrolment stands, one episode after the other."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

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
    Timing,
    Unenrolled,
)

ENROLLED, IN_PROGRESS, COMPLETED, UNENROLLED = "enrolled", "in_progress", "completed", "unenrolled"
OPEN = frozenset({ENROLLED, IN_PROGRESS})
UNDER_WAY = OPEN | {None}
ENDED = frozenset({None, UNENROLLED})
STATUSES = (ENROLLED, IN_PROGRESS, COMPLETED, UNENROLLED)

Entry = tuple[int, int, str, EnrollmentFact]
"""One fact in reading order: occurred_at, rank, key, content."""
MODULES_MAX = 1_000
"""How many modules an episode remembers, the first ones: one more is told of by its progress."""
RESULT_CHANGED = "enrollment.result_changed"


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
    done_at: int | None = None


class State(msgspec.Struct, frozen=True, gc=False):
    """Hold what the facts so far amount to.

    `ended_at` is the last end: completed or unenrolled, also a completion that was revoked
    since. `done_at` is when the course was last completed in an earlier episode, and not failed
    or revoked. Everything else belongs to the episode.
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
    done_at: int | None = None

    def last_done(self) -> int | None:
        """Give when the course was last completed and not failed, in whatever episode (ms UTC)."""
        failed = self.completed_at is None or self.passed is False
        return self.done_at if failed else self.completed_at

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

    def before_leaving(self) -> "State":
        """Give what was reached, of one who was taken out since; otherwise the state itself."""
        if self.status != UNENROLLED:
            return self
        if self.completed_at is not None:
            return replace(self, status=COMPLETED)
        active = self.started_at is not None or self.active_at is not None
        return replace(self, status=IN_PROGRESS if active else ENROLLED)

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
            self.done_at,
        )


NOTHING = State()


def _after_end(state: State, at: int, timing: Timing) -> bool:
    return state.ended_at is None or at > state.ended_at + timing.lateness


def _anew(state: State, at: int, timing: Timing) -> bool:
    if state.status in ENDED:
        return True
    return state.status == COMPLETED and _after_end(state, at, timing)


def _active_again(state: State, at: int, timing: Timing) -> bool:
    return state.status in ENDED and _after_end(state, at, timing)


def _completed_again(state: State, at: int, timing: Timing) -> bool:
    if state.status != COMPLETED or state.completed_at is None:
        return state.status in ENDED
    return timing.again_after is not None and at > state.completed_at + timing.again_after


def _never_before(state: State, at: int, timing: Timing) -> bool:
    return state.status is None


def _always(state: State, at: int, timing: Timing) -> bool:
    return True


def _under_way(state: State, at: int, timing: Timing) -> bool:
    return state.status in UNDER_WAY and _after_end(state, at, timing)


def _may_be_revoked(state: State, at: int, timing: Timing) -> bool:
    return state.status is None or state.completed_at is not None or state.done_at is not None


def _enrolled(state: State, at: int, said: Enrolled) -> State:
    if state.status is None:
        return State(
            ENROLLED, progress=0.0, source=said.enrollment_source, enrolled_at=at,
            ended_at=state.ended_at, done_at=state.done_at,
        )  # fmt: skip
    if state.enrolled_at is None:
        state = replace(state, enrolled_at=at)
    if state.source is None and said.enrollment_source is not None:
        state = replace(state, source=said.enrollment_source)
    return state


def _active(state: State, at: int, said: Started | ProgressReported | ModuleCompleted) -> State:
    percent = None if isinstance(said, Started) else said.percent
    modules, score = state.modules, None
    if isinstance(said, ModuleCompleted):
        score = said.score
        known = len(modules) >= MODULES_MAX or said.module in modules
        modules = modules if known else (*modules, said.module)
    return replace(
        state,
        status=IN_PROGRESS,
        progress=state.progress if percent is None else percent,
        score=state.score if score is None else score,
        modules=modules,
        started_at=at if state.started_at is None else state.started_at,
        active_at=at,
    )


def _completed(state: State, at: int, said: Completed) -> State:
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


def _revoked(state: State, at: int, said: CompletionRevoked) -> State:
    if state.status is not None and state.completed_at is None:
        return replace(state, done_at=None)
    return replace(
        state,
        status=UNENROLLED if state.status == UNENROLLED else IN_PROGRESS,
        progress=None,
        passed=None,
        score=None,
        completed_at=None,
        active_at=at,
    )


def _unenrolled(state: State, at: int, said: Unenrolled) -> State:
    return replace(state, status=UNENROLLED, ended_at=at)


def _named_of_enrollment(said: Enrolled, before: State, after: State) -> tuple[str, ...]:
    return (said.TOPIC,) if after.status == ENROLLED != before.status else ()


def _named_of_leaving(said: Unenrolled, before: State, after: State) -> tuple[str, ...]:
    return (said.TOPIC,) if after.status == UNENROLLED != before.status else ()


def _named_of_revocation(said: CompletionRevoked, before: State, after: State) -> tuple[str, ...]:
    taken_back = before.completed_at is not None and after.completed_at is None
    return (said.TOPIC,) if taken_back else ()


def _named_of_completion(said: Completed, before: State, after: State) -> tuple[str, ...]:
    if after.completed_at is None:
        return ()
    if is_completion_of_its_own(before, after):
        return (Completed.TOPIC,)
    was, now = (before.passed, before.score), (after.passed, after.score)
    moved = [old is None for old, new in zip(was, now, strict=True) if old != new]
    said_more, changed = any(moved), not all(moved)
    return (Completed.TOPIC,) * said_more + (RESULT_CHANGED,) * changed


def is_completion_of_its_own(before: State, after: State) -> bool:
    """Tell whether an episode became completed, or turned from failed into passed."""
    return before.completed_at is None or (before.passed is False and after.passed is True)


def _named_of_activity(
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


Ask = Callable[[State, int, Timing], bool]


class Step(NamedTuple):
    """Say what a kind of fact does, when it `opens` an episode, and when it `counts` in one.

    `named` are the transitions, of its own kind only, between the states before and after it.
    """

    opens: Ask
    counts: Ask
    apply: Callable[[State, int, Any], State]
    named: Callable[[Any, State, State], tuple[str, ...]]


ACTIVITY = Step(opens=_active_again, counts=_under_way, apply=_active, named=_named_of_activity)
STEPS: Mapping[type, Step] = {
    Enrolled: Step(opens=_anew, counts=_always, apply=_enrolled, named=_named_of_enrollment),
    Started: ACTIVITY,
    ProgressReported: ACTIVITY,
    ModuleCompleted: ACTIVITY,
    Completed: Step(
        opens=_completed_again, counts=_always, apply=_completed, named=_named_of_completion
    ),
    CompletionRevoked: Step(
        opens=_never_before, counts=_may_be_revoked, apply=_revoked, named=_named_of_revocation
    ),
    Unenrolled: Step(
        opens=_never_before, counts=_always, apply=_unenrolled, named=_named_of_leaving
    ),
}


def opens(state: State, entry: Entry, timing: Timing) -> bool:
    """Tell whether the next fact begins an episode."""
    return STEPS[type(entry[3])].opens(state, entry[0], timing)


def begin(state: State, entry: Entry, timing: Timing) -> State:
    """Give what the next fact meets: if it begins an episode, nothing but what ended before."""
    if not opens(state, entry, timing):
        return state
    return State(ended_at=state.ended_at, done_at=state.last_done())


def go_on(state: State, entry: Entry, timing: Timing) -> State:
    """Go on by a fact that met this state; it is the very same where the fact does not count."""
    at, _, _, said = entry
    step = STEPS[type(said)]
    return step.apply(state, at, said) if step.counts(state, at, timing) else state


def advance(state: State, entry: Entry, timing: Timing) -> State:
    """Go on by one fact in reading order (design §4)."""
    return go_on(begin(state, entry, timing), entry, timing)


def read(entries: Iterable[Entry], timing: Timing, state: State = NOTHING) -> State:
    """Fold a set of facts, given in reading order; `state` is what they meet."""
    for entry in entries:
        state = advance(state, entry, timing)
    return state


def transitions(said: EnrollmentFact, before: State, after: State) -> tuple[str, ...]:
    """Name what became true by a fact (the table of design §4)."""
    return STEPS[type(said)].named(said, before, after)
