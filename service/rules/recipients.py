"""Recipients: who a role of the language is, when it is decided and when a message leaves."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from service.learners.directory.people import Person
from service.learners.instance import Instance
from service.learners.watchlist import Watchlist, WatchRequest, WatchTold
from service.learners.world import Decisions, World
from service.rules.fields import Reading
from service.rules.notification import Owed, ended_unsent
from service.rules.rule import TEMPLATE, Defaults, Entry

WATCHERS = "watchers"
OVER = "watch_over"
ENTRY = f"to={WATCHERS},"


def waiting(reading: Reading, decisions: Decisions) -> list[str]:
    """The ids of those who wait for news of the instance, whoever asked first first.

    Who was to be told and was not, as the notification ended unsent, waits again.
    """
    watch = _watch(reading, decisions)
    wishes = watch.wishes.items() if watch else ()
    found = [(wish.asked, person) for person, wish in wishes if _is_waiting(wish, reading.world)]
    return [person for _, person in sorted(found)]


def tell(notifications: Mapping[str, str], reading: Reading, decisions: Decisions) -> None:
    """Records by which notifications people are told, so that nobody is told twice."""
    watch = _watch(reading, decisions)
    if watch is None or not notifications:
        return
    told = WatchTold(at=reading.now, notifications=dict(notifications))
    decisions.following.append((watch.id, watch.version + 1, told))


def wish_over(id: str, owed: Owed, world: World) -> str | None:
    """Why a watcher is not to be told by this notification any more; None when they are.

    They stopped it, or asked again, or another notification has taken its place.
    """
    if not owed.entry.startswith(ENTRY) or not owed.subject.startswith("i"):
        return None
    wish = world.watchers(owed.subject).wishes.get(owed.recipient)
    return None if wish is not None and wish.notification == id else OVER


def _watch(reading: Reading, decisions: Decisions) -> Watchlist | None:
    """The watch with what was decided on the same event already; None if it is about none."""
    if not isinstance(reading.subject, Instance):
        return None
    watch = reading.world.watchers(reading.subject.id)
    for stream, version, body in decisions.following:
        if stream == watch.id:
            watch = watch.apply(version, body)
    return watch


def _is_waiting(wish: WatchRequest, world: World) -> bool:
    if wish.notification is None:
        return True
    newest = world.latest(wish.notification)  # none: it is decided in this very transaction
    return newest is not None and ended_unsent(newest[1])


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
