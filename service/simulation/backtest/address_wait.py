"""Keep what waits for an address in a replay, and say when one is to be judged again."""

import heapq
from collections.abc import Iterator

from service.learners.course import LearnerSignIns
from service.learners.neighbours import places_of
from service.rules.conditions import fields_of
from service.rules.decider import Decider
from service.rules.notification import Notification, Owed
from service.rules.rule import Rule
from service.rules.triggers.stalled import STALLED
from service.simulation.backtest.prefilter import reads_seats

AGEING = frozenset({"enrollment.days_silent", "event.age"})
"""What changes while nothing happens."""


class AddressWait:
    """Keep the notifications of one rule set that wait for an address, by what they hang on.

    Nobody's address comes to be known in a replay. So one is asked again only when something has
    happened that it may hang on, where the service asks all the time.
    """

    def __init__(self, decider: Decider) -> None:
        rules = decider.active
        self._seated = {rule.id for rule in rules if reads_seats(rule)}
        self._ageing = {rule.id for rule in rules if ages(rule)}
        self._waiting: dict[str, Notification] = {}
        self._expiring: list[tuple[int, str]] = []
        self.streams: dict[str, dict[str, None]] = {}
        self._touched: dict[str, None] = {}

    @property
    def next_at(self) -> int | None:
        """Say when one is to be judged again: 0 for at once."""
        if self._touched:
            return 0
        return self._expiring[0][0] if self._expiring else None

    def add(self, notification: Notification) -> None:
        """Let one more wait, until it is due."""
        self._waiting[notification.id] = notification
        heapq.heappush(self._expiring, (notification.due_at, notification.id))
        for stream in self._streams(notification.owed):
            self.streams.setdefault(stream, {})[notification.id] = None

    def moved(self, stream: str) -> None:
        """Note that something happened to an enrollment or an instance."""
        self._touched |= self.streams[stream]

    def grown_older(self) -> None:
        """Time has passed."""
        self._touched |= self.streams.get("", {})

    def due(self, now: int) -> Iterator[Notification]:
        """Give those to be judged again now."""
        touched, self._touched = self._touched, {}
        yield from (self._waiting[id] for id in touched)
        while self._expiring and self._expiring[0][0] <= now:
            _, id = heapq.heappop(self._expiring)
            if id in self._waiting:
                yield self._waiting[id]

    def end(self, notification: Notification) -> None:
        """Let one wait no more."""
        del self._waiting[notification.id]
        for stream in self._streams(notification.owed):
            del self.streams[stream][notification.id]
            if not self.streams[stream]:
                del self.streams[stream]

    def __iter__(self) -> Iterator[Notification]:
        return iter(self._waiting.values())

    def _streams(self, owed: Owed) -> set[str]:
        """Name the streams it hangs on; the one without a name is time."""
        found = {owed.subject} | ({""} if owed.rule in self._ageing else set())
        if owed.rule in self._seated or owed.trigger == STALLED:
            found.update(places_of(owed.about))
        if owed.trigger == STALLED:
            found.add(beside(owed.person or "", owed.course))
        if owed.person:
            found.add(LearnerSignIns.stream(owed.person))
        return found


def beside(person: str, course: str) -> str:
    """Name what stands for all enrolments of a learner in a course, those to come too."""
    return f"{person} {course}"


def ages(rule: Rule) -> bool:
    """Tell whether a condition can change while nothing happens."""
    return not AGEING.isdisjoint(fields_of(rule.conditions))
