"""Watchers: who waits for a seat when it is decided, and whether their wish still stands."""

from collections.abc import Mapping

from service.learners.instance import Instance
from service.learners.watchlist import Watchlist, WatchRequest, WatchTold
from service.learners.world import Decisions, World
from service.rules.field_values import Reading
from service.rules.notification import Owed, ended_unsent

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
