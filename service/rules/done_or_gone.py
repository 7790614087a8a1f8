"""Tell why nobody need be told: done or gone, the learner left, or another record of them is told.

How things stand when that is asked decides, not how they came to stand so (decision 23).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from msgspec.structs import replace

from service.learners.enrollment import Enrollment, EnrollmentRecorded
from service.learners.enrollment_state import OPEN
from service.learners.neighbours import begun_at, newest_at
from service.learners.world import World
from service.rules.decider import id_of_owed, told_at
from service.rules.notification import Owed, ended_unsent
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

    An enrolment of which nobody knows the instance is the one that is known to be open. Of two in
    one instance, by records of one person, the one that was heard of last stands for both.
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
        if instance == about.instance and state.status in OPEN and _later(other, enrollment):
            said = "another record of the learner is enrolled there too, and was active"
            return Needless(said, newest_at(state))
    return None


def _later(one: Enrollment, other: Enrollment) -> bool:
    return (newest_at(one.state), one.id) > (newest_at(other.state), other.id)


MERGED = "merged"


class Twin(NamedTuple):
    """Hold what is owed for the same thing by another record of a person, if anything is.

    `comes_first` if it is told where both are open. `about` has its enrolment if that is another.
    """

    owed: Owed
    comes_first: bool
    about: tuple[Enrollment, Sequence[EnrollmentRecorded]] | None = None

    def is_same(self, owed: Owed) -> bool:
        """Tell whether what it told needs no telling again: of two completions long apart both."""
        if self.about is None:
            return True
        apart = abs((self.owed.event_at or 0) - (owed.event_at or 0))
        again_after = self.about[0].timing.again_after
        return again_after is None or apart <= again_after


def merged_into(owed: Owed, world: World, holds: Callable[[Twin], bool]) -> str | None:
    """Say `merged` where another record of the person is told of the same, or was; else None.

    `holds` tells whether what is owed there is still so.
    """
    for twin in _twins(owed, world):
        _, newest = world.latest(id_of_owed(twin.owed)) or (0, None)
        if newest is None or ended_unsent(newest):
            continue
        if twin.is_same(owed) if told_at(newest) else twin.comes_first and holds(twin):
            return MERGED
    return None


def _twins(owed: Owed, world: World) -> Iterator[Twin]:
    """Say what other records of its learner, or of its reader, can be owed for the same."""
    learners = world.records_of(owed.person) if owed.person else ()
    readers = world.records_of(owed.recipient)
    mine = _rank(owed, learners, readers)
    about = _enrolled_beside(owed, world) if len(learners) > 1 else ()
    same = [(owed, None), *((each, enrollment) for each, enrollment in about)]
    for (found, enrollment), reader in product(same, readers):
        twin = replace(found, recipient=reader)
        if twin != owed:
            yield Twin(twin, _rank(twin, learners, readers) < mine, enrollment)


def _rank(owed: Owed, learners: Sequence[str], readers: Sequence[str]) -> tuple[int, int]:
    learner = learners.index(owed.person) if owed.person in learners else 0
    return learner, readers.index(owed.recipient)


def _enrolled_beside(
    owed: Owed, world: World
) -> Iterator[tuple[Owed, tuple[Enrollment, Sequence[EnrollmentRecorded]]]]:
    """Find the same events of the same instance, by another record; silences are told apart."""
    if owed.event_name is None:
        return
    for other in world.enrollments_in(owed.person or "", owed.course):
        about = other.about
        if other.id == owed.subject or about.instance != owed.instance:
            continue
        enrollment, events = world.told_in(other.id)
        for version, event in enumerate(events, 1):
            first, at = event.told_first(owed.trigger, version)
            if owed.trigger in event.transitions and first == version:
                yield (
                    replace(
                        owed,
                        subject=other.id,
                        person=about.person,
                        occurrence=f"{other.id}/{version}",
                        version=version,
                        event_name=event.name,
                        event_at=at,
                    ),
                    (enrollment, events),
                )
