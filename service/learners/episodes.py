"""Tell what became of an event: the episode it belongs to, as that episode's own facts leave it."""

from collections.abc import Container, Sequence

import msgspec
from msgspec.structs import replace

from service.learners.enrollment_state import (
    NOTHING,
    UNENROLLED,
    Entry,
    State,
    advance,
    opens,
)
from service.learners.facts import Completed, CompletionRevoked, Timing


class Episode(msgspec.Struct, frozen=True, gc=False):
    """Hold the episode of an enrolment that one fact belongs to, whatever came after it.

    `counts`: the fact is no straggler behind an end. `revoked`: the completion that it told of
    was taken back since. `newest`: no other episode began since.
    """

    state: State
    counts: bool = True
    revoked: bool = False
    newest: bool = True

    @property
    def was_left(self) -> bool:
        """Tell whether the learner was taken out of it."""
        return self.state.status == UNENROLLED


def episode_of(key: str, entries: Sequence[Entry], timing: Timing, told: Container[str]) -> Episode:
    """Walk a set of facts, given in reading order, to the end of the episode that has this one.

    `told` are the keys of the completions that rules were asked about. What was revoked and then
    completed again stands only where nobody was asked about the second completion.
    """
    state, found = NOTHING, Episode(NOTHING)
    reached = False
    for place, entry in enumerate(entries):
        if reached and opens(state, entry, timing):
            gone = found.revoked or _is_revoked_first(entries[place:])
            return replace(found, state=state, revoked=gone, newest=False)
        after = advance(state, entry, timing)
        if entry[2] == key:
            reached, found = True, replace(found, counts=after is not state)
        elif reached and after.completed_at != state.completed_at:
            gone = after.completed_at is None or (found.revoked and entry[2] in told)
            found = replace(found, revoked=gone)
        state = after
    return replace(found, state=state)


def _is_revoked_first(later: Sequence[Entry]) -> bool:
    """Tell whether the next that is said of a completion takes one back, which is the last one."""
    kinds = (type(entry[3]) for entry in later)
    about = (kind for kind in kinds if kind in (Completed, CompletionRevoked))
    return next(about, None) is CompletionRevoked
