"""Tell who waits to be told of a free seat, and note by what they are told."""

from collections.abc import Mapping

from service.learners.instance import Instance
from service.learners.watchlist import Watchlist, WatchRequest, WatchTold
from service.learners.world import Decisions, World
from service.rules.fields import Reading
from service.rules.notification import Owed, ended_unsent

WATCHERS = "watchers"
OVER = "watch_over"
ENTRY = f"to={WATCHERS},"


def waiting(reading: Reading, decisions: Decisions) -> list[str]:
    """Name those who wait for news of the instance, whoever asked first first, by id.

    Who was to be told and was not, as the notification ended unsent, waits again. Who asked by
    several records is named once.
    """
    watch = _watch(reading, decisions)
    wishes = watch.wishes.items() if watch else ()
    found = [(wish.asked, person) for person, wish in wishes if _is_waiting(wish, reading.world)]
    people = dict[str, str]()
    for _, person in sorted(found):
        people.setdefault(reading.world.records_of(person)[0], person)
    return list(people.values())


def tell(notifications: Mapping[str, str], reading: Reading, decisions: Decisions) -> None:
    """Record by which notifications people are told, so that nobody is told twice.

    What somebody asked by another record is fulfilled by the same one.
    """
    watch = _watch(reading, decisions)
    if watch is None or not notifications:
        return
    records_of = reading.world.records_of
    by_person = {records_of(person)[0]: id for person, id in notifications.items()}
    others = {
        person: by_person[survivor]
        for person, wish in watch.wishes.items()
        if (survivor := records_of(person)[0]) in by_person and _is_waiting(wish, reading.world)
    }
    told = WatchTold(at=reading.now, notifications={**notifications, **others})
    decisions.following.append((watch.id, watch.version + 1, told))


def wish_over(id: str, owed: Owed, world: World) -> str | None:
    """Say why a watcher is not to be told by this notification any more; None when they are.

    They stopped it, or asked again, or another notification has taken its place.
    """
    if not owed.subject.startswith("i"):
        return None
    wish = world.watchers(owed.subject).wishes.get(owed.recipient)
    return None if wish is not None and wish.notification == id else OVER


def _watch(reading: Reading, decisions: Decisions) -> Watchlist | None:
    """Give the watch list after what was decided on the same event; None if it is about none."""
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
