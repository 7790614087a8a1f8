"""Tell why nobody need be reminded of an open enrolment: it is done, or gone, or who was in it is.

How things stand when that is asked decides, not how they came to stand so (decision 23).
"""

from typing import NamedTuple

from service.learners.enrollment import Enrollment
from service.learners.enrollment_state import OPEN
from service.learners.neighbours import begun_at
from service.learners.world import World
from service.rules.text import moment

LEARNER_LEFT = "learner_left"
"""Why what was owed because of a silence ends: it is that of somebody who has left."""


class Needless(NamedTuple):
    """Say what became of the course elsewhere, of itself, or of the learner, and when (ms UTC).

    When is None where nobody said it.
    """

    what: str
    at: int | None

    def words(self) -> str:
        """Say it as people read it."""
        when = "" if self.at is None else f" at {moment(self.at)}"
        return f"nobody is reminded: {self.what}{when}"


def done_or_gone(enrollment: Enrollment, world: World) -> Needless | None:
    """Say why an open enrolment needs nobody's attention any more; None while it does."""
    begun = begun_at(enrollment.state)
    if begun is None:
        return None
    found = _left(enrollment, world) or _gone(enrollment, world)
    return found or _done(enrollment, begun, world)


def _left(enrollment: Enrollment, world: World) -> Needless | None:
    """Tell that the learner has left, until they are there again."""
    learner = world.person(enrollment.about.person)
    if learner is None or not learner.left_as:
        return None
    return Needless(f"the learner has left ({learner.left_as})", learner.left_at)


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
