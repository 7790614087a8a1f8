"""Name recipients and outcomes for the person who looks at a sandbox."""

from service.learners.directory.managers import Managers
from service.learners.directory.people import People
from service.rules.notification import Owed
from service.rules.readers import ROOM, STEPS_UP, climb

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
    found = climb(people.get(owed.person), steps, Managers(people).of).meant
    if found is None:
        return "manager of " * steps + learner_name(people, owed.person)
    return found.name or found.email or f"learner {found.lms_id}"
