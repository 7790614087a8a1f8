"""Tell why nobody need be reminded of an open enrolment: what it asks for is done, or gone.

How things stand when that is asked decides, not how they came to stand so (decision 23).
"""

from typing import NamedTuple

from service.learners.enrollment import Enrollment
from service.learners.enrollment_state import OPEN
from service.learners.neighbours import begun_at
from service.learners.world import World
from service.rules.text import moment


class Needless(NamedTuple):
    """Say what became of the course elsewhere, or of the course itself, and when (ms UTC)."""

    what: str
    at: int

    def words(self) -> str:
        """Say it as people read it."""
        return f"nobody is reminded: {self.what} at {moment(self.at)}"


def done_or_gone(enrollment: Enrollment, world: World) -> Needless | None:
    """Say why an open enrolment needs nobody's attention any more; None while it does."""
    begun = begun_at(enrollment.state)
    if begun is None:
        return None
    return _gone(enrollment, world) or _done(enrollment, begun, world)


def _gone(enrollment: Enrollment, world: World) -> Needless | None:
    """Tell of a deletion, unless the learner was enrolled since: what is deleted may come back."""
    deletion = world.deletion(enrollment.about)
    if deletion is None or (enrollment.state.enrolled_at or 0) > deletion.at:
        return None
    return Needless(f"the {deletion.what} was deleted", deletion.at)


def _done(enrollment: Enrollment, begun: int, world: World) -> Needless | None:
    """Tell of a completion of the same course since the enrolment began, unless it was failed.

    An enrolment of which nobody knows the instance is the one that is known to be open.
    """
    about = enrollment.about
    for other in world.enrollments_in(about.person, about.course):
        state, instance = other.state, other.about.instance
        if other.id == enrollment.id:
            continue
        if (done_at := state.last_done() or 0) > begun:
            where = f"in instance {instance}" if instance else "without an instance"
            return Needless(f"the learner completed the course {where}", done_at)
        if about.instance is None and instance and state.status in OPEN:
            open_since = begun_at(state) or begun
            return Needless(f"their enrollment in instance {instance} is open, begun", open_since)
    return None
