"""Ask to be told of a free seat, and stop it, while the service runs or not."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from service.learners.directory.people import People, PersonKey, person_key
from service.learners.facts import Identity
from service.learners.instance import InstanceRecorded
from service.learners.watchlist import WatchAsked, Watchlist, WatchRequest, WatchStopped
from service.ledger.events import EventBody, EventStore
from service.rules.notification import DROPPED, SENT, Notification


class OpenWatchRequest(NamedTuple):
    """Hold a wish that is not fulfilled; `notification` is to do it, if one is decided and open."""

    person: str
    asked_at: int
    asked: int
    notification: str | None


class WatchRequests:
    """Write wishes as a command does: decided anew where somebody else was quicker."""

    def __init__(self, store: EventStore, people: People) -> None:
        self._store = store
        self._people = people

    def place(self, instance: str) -> Identity | None:
        """Tell which instance a stream is of; None when there is no such stream."""
        body = self._store.first(instance)
        return body.about if isinstance(body, InstanceRecorded) else None

    def meet(self, key: PersonKey, now: int) -> str:
        """Give the id of who has this key, from now on if nobody had."""
        key = person_key(*key)
        known = self.known(key)
        if known is not None:
            return known
        with self._store.ledger.transaction() as cursor:
            known = self.known(key)
            if known is None:
                known = self._people.new_id(now)
                self._people.meet(cursor, [(known, key)])
        return known

    def known(self, key: PersonKey) -> str | None:
        """Give the id of who has this key, if anybody has."""
        key = person_key(*key)
        return self._people.known([key]).get(key)

    def all(self, instance: str) -> list[OpenWatchRequest]:
        """List the wishes that are not fulfilled, in the order in which they were asked."""
        wishes = sorted(self._watch(instance).wishes.items(), key=lambda each: each[1].asked)
        standings = (self._open_request(person, wish) for person, wish in wishes)
        return [standing for standing in standings if standing is not None]

    def of(self, instance: str, person: str) -> OpenWatchRequest | None:
        """Give the wish of one person, if they have one that is not fulfilled."""
        return next(iter(self._of(instance, person)), None)

    def _of(self, instance: str, person: str) -> list[OpenWatchRequest]:
        """List a person's wishes, which they may have asked by several records."""
        wishes, records = self._watch(instance).wishes, self._people.records_of(person)
        found = [self._open_request(each, wishes[each]) for each in records if each in wishes]
        return [each for each in found if each is not None]

    def ask(self, instance: str, person: str, now: int) -> None:
        """Record that somebody wishes to be told; twice is harmless."""
        self._append(instance, lambda: self._asked(instance, person, now))

    def stop(self, instance: str, person: str, now: int) -> None:
        """Record that somebody does not wish to be told any more; twice is harmless."""
        self._append(instance, lambda: self._stopped(instance, person, now))

    def _asked(self, instance: str, person: str, now: int) -> list[EventBody]:
        known = self.of(instance, person)
        return [] if known else [WatchAsked(at=now, person=person)]

    def _stopped(self, instance: str, person: str, now: int) -> list[EventBody]:
        wishes = self._of(instance, person)
        return [WatchStopped(at=now, person=wish.person) for wish in wishes]

    def _append(self, instance: str, decided: Callable[[], Sequence[EventBody]]) -> None:
        """Append what is decided; decide it anew while somebody else is quicker."""
        while True:
            watch = self._watch(instance)
            rows = [(watch.id, v, body) for v, body in enumerate(decided(), watch.version + 1)]
            if not rows or self._store.append_unless_moved(rows):
                return

    def _watch(self, instance: str) -> Watchlist:
        return Watchlist.load(instance, self._store.stream(Watchlist.stream(instance)))

    def _open_request(self, person: str, wish: WatchRequest) -> OpenWatchRequest | None:
        found = self._telling(wish.notification) if wish.notification else None
        if found is not None and found.state == SENT:
            return None
        notification = found.id if found is not None and found.is_open else None
        return OpenWatchRequest(person, wish.asked_at, wish.asked, notification)

    def _telling(self, id: str) -> Notification | None:
        """Give a notification, or the one whose message stands for it."""
        bodies = self._store.stream(id)
        found = Notification.load(id, bodies) if bodies else None
        if found is not None and found.state == DROPPED and found.into:
            return self._telling(found.into)
        return found
