"""Find who reads what is owed to a role or a person: nobody who has left.

A manager who left is passed over to theirs, as often as it takes; who learns, watches or is in a
group has nobody in their place.
"""

from collections.abc import Callable
from typing import NamedTuple

from service.learners.directory.people import Person
from service.learners.world import World

ROOM = "room:"
STEPS_UP = {"learner": 0, "manager": 1, "managers_manager": 2}
"""Roles, by how many steps up from the learner they are."""
LEFT, LEFT_GROUP = "left", "left_group"
"""Why nobody is told: who was to read it has left, or is not in the group any more."""


class Reader(NamedTuple):
    """Hold who is to read something, None if nobody is known; who has left was `passed` over."""

    person: Person | None
    passed: tuple[Person, ...] = ()

    @property
    def left(self) -> bool:
        """Tell whether all who could read it have left."""
        return self.person is None and bool(self.passed)

    @property
    def meant(self) -> Person | None:
        """Give who reads it, or else who would, had they not left."""
        return self.person or next(iter(self.passed), None)


def climb(begin: Person | None, steps: int, manager: Callable[[Person], Person | None]) -> Reader:
    """Go up so many managers who are there; a circle has nobody more above."""
    if begin is None or (begin.left_as and not steps):
        return Reader(None, (begin,) if begin else ())
    found, seen, passed = begin, {begin.id}, list[Person]()
    while steps:
        above = manager(found)
        if above is None or above.id in seen:
            return Reader(None, tuple(passed))
        seen.add(above.id)
        passed += [above] if above.left_as else []
        steps -= not above.left_as
        found = above
    return Reader(found, tuple(passed))


def in_place_of(
    person: Person | None, role: str, manager: Callable[[Person], Person | None]
) -> Reader:
    """Find who reads what was made up for a person in a role: for a manager who left theirs."""
    found = climb(person, 0, manager)
    if not found.left or not STEPS_UP.get(role):
        return found
    above = climb(person, 1, manager)
    return Reader(above.person, (*found.passed, *above.passed))


def find_reader(recipient: str, learner: str | None, world: World, role: str = "") -> Reader:
    """Find who a role, or a person by id, is now; nobody for a room.

    `role` is what a person is told as.
    """
    if recipient.startswith(ROOM):
        return Reader(None)
    if recipient in STEPS_UP:
        person = world.person(learner) if learner else None
        return climb(person, STEPS_UP[recipient], world.manager)
    return in_place_of(world.person(recipient), role, world.manager)


def has_manager(person: Person, world: World) -> bool:
    """Tell whether somebody leads a person: one who may not be known yet, but has not left."""
    return bool(person.manager) and not climb(person, 1, world.manager).left
