"""Name recipients and outcomes for the person who looks at a sandbox."""

from service.learners.directory.managers import Managers
from service.learners.directory.people import People, Person
from service.learners.world import climb
from service.rules.notification import Owed
from service.rules.rule import ROOM, STEPS_UP

UNCHANGED = {
    "duplicate": "known already",
    "superseded": "comes too late",
}
"""What became of an event that changed nothing."""


def learner_name(people: People, person_id: str) -> str:
    """Give a learner's name, or the number the LMS has for them."""
    person = people.get(person_id)
    return (person and (person.name or f"learner {person.lms_id}")) or "somebody"


def recipient_name(people: People, owed: Owed) -> str:
    """Name whom a notification is for: a room, a person, or the manager of somebody."""
    if owed.recipient.startswith(ROOM):
        return f"room {owed.recipient.removeprefix(ROOM)}"
    if owed.person is None or owed.recipient not in STEPS_UP:
        return learner_name(people, owed.recipient)
    steps = STEPS_UP[owed.recipient]
    if not steps:
        return learner_name(people, owed.person)
    found = climb(people.get(owed.person), steps, Managers(people).of)
    if found.person is None:
        left = ", who has left" if found.left else ""
        return "manager of " * steps + learner_name(people, owed.person) + left
    instead = f", in place of {called(found.passed[0])}" if found.passed else ""
    return called(found.person) + instead


def called(person: Person) -> str:
    """Give a person's name, or else their address, or the number the LMS has for them."""
    return person.name or person.email or f"learner {person.lms_id}"
