"""Keep what waits for an address in a replay, until it is not true any more or too late.

Nobody's address comes to be known in a replay. So it is asked again only when something has
happened that it may hang on, where the service asks all the time.
"""

import heapq
from collections.abc import Iterator

from service.learners.instance import Instance
from service.rules.conditions import fields_of
from service.rules.decider import Decider
from service.rules.notification import Notification, Owed
from service.rules.rule import Rule
from service.simulation.backtest.prefilter import reads_seats

AGEING = frozenset({"enrollment.days_silent", "event.age"})
"""What changes while nothing happens."""


class AddressWait:
    """Keep the notifications of one rule set that wait for an address, by what they hang on."""

    def __init__(self, decider: Decider) -> None:
        rules = decider.active
        self._seated = {rule.id for rule in rules if reads_seats(rule)}
        self._ageing = {rule.id for rule in rules if ages(rule)}
        self._waiting: dict[str, Notification] = {}
        self._expiring: list[tuple[int, str]] = []
        self._on: dict[str, dict[str, None]] = {}
        self._touched: dict[str, None] = {}

    @property
    def next_at(self) -> int | None:
        """When one is to be asked again: 0 for at once."""
        if self._touched:
            return 0
        return self._expiring[0][0] if self._expiring else None

    def add(self, notification: Notification) -> None:
        """One more waits, until it is due."""
        self._waiting[notification.id] = notification
        heapq.heappush(self._expiring, (notification.due_at, notification.id))
        for stream in self._streams(notification.owed):
            self._on.setdefault(stream, {})[notification.id] = None

    def moved(self, stream: str) -> None:
        """Something happened to an enrollment or an instance."""
        if stream in self._on:
            self._touched |= self._on[stream]

    def grown_older(self) -> None:
        """Time has passed."""
        self._touched |= self._on.get("", {})

    def due(self, now: int) -> Iterator[Notification]:
        """Those to be asked again now."""
        touched, self._touched = self._touched, {}
        yield from (self._waiting[id] for id in touched)
        while self._expiring and self._expiring[0][0] <= now:
            _, id = heapq.heappop(self._expiring)
            if id in self._waiting:
                yield self._waiting[id]

    def end(self, notification: Notification) -> None:
        """It waits no more."""
        del self._waiting[notification.id]
        for stream in self._streams(notification.owed):
            del self._on[stream][notification.id]
            if not self._on[stream]:
                del self._on[stream]

    def __iter__(self) -> Iterator[Notification]:
        return iter(self._waiting.values())

    def _streams(self, owed: Owed) -> set[str]:
        """The streams it hangs on; the one without a name is time."""
        found = {owed.subject} | ({""} if owed.rule in self._ageing else set())
        if owed.rule in self._seated and owed.instance:
            found.add(Instance.stream(owed.source, owed.account, owed.course, owed.instance))
        return found


def ages(rule: Rule) -> bool:
    """Whether a condition can change while nothing happens."""
    return not AGEING.isdisjoint(fields_of(rule.conditions))
