"""Recipients: who a role of the language is, when it is decided and when a message leaves."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from service.learners.directory.people import Person
from service.learners.world import Decisions, World
from service.rules.field_values import Reading
from service.rules.rule import TEMPLATE, Defaults, Entry
from service.rules.watchers import WATCHERS, waiting

GROUP = "group:"
ROOM = "room:"
STEPS_UP = {"learner": 0, "manager": 1, "managers_manager": 2}
"""Roles, by how many steps up from the learner they are."""


def recipients(entry: Entry, reading: Reading, decisions: Decisions) -> Iterable[str]:
    """The role, looked up when the message leaves, or each watcher or member of a group as of now.

    Whom these `decisions` tell already is no watcher any more.
    """
    if entry.post is not None:
        return (f"{ROOM}{entry.post}",)
    to = entry.to or ""
    if to == WATCHERS:
        return waiting(reading, decisions)
    if not to.startswith(GROUP):
        return (to,)
    about = reading.about
    return reading.world.members(to.removeprefix(GROUP), about.source, about.account)


def recipient_of(recipient: str, learner: str | None, world: World) -> Person | None:
    """Who a role, or a person's id, is now; None if nobody knows, and for a room."""
    if recipient.startswith(ROOM):
        return None
    if recipient not in STEPS_UP:
        return world.person(recipient)
    found = world.person(learner) if learner else None
    for _ in range(STEPS_UP[recipient]):
        found = world.manager(found) if found else None
    return found


def route_of(entry: str) -> str:
    """Whom an entry of the key `to=group:NAME,via=…,template=…` writes to."""
    return entry.removeprefix("to=").rpartition(TEMPLATE)[0].rpartition(",via=")[0]


def zone_of(person: Person | None, defaults: Defaults) -> ZoneInfo:
    """Where a reader's clock hangs; a room has the file's zone."""
    name = person.timezone if person else None
    try:
        return ZoneInfo(name or defaults.timezone)
    except (ValueError, OSError, KeyError):
        return ZoneInfo(defaults.timezone)
