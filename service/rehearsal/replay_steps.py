"""Steps: which escalations of a rule set come due when, in a replay."""

import heapq
from collections.abc import Iterator

from service.rules.decide import Decider
from service.rules.digests import TRIGGER as DIGEST
from service.rules.language import AFTER, Entry, Rule
from service.rules.notification import Notification
from service.rules.notifications import Owed

Key = tuple[str, str, str]
"""A rule, the entry of a step, and the occurrence that it goes on from."""


class Steps:
    """What was owed first, for as long as a step may still follow from it."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._heap: list[tuple[int, int, Key]] = []
        self._pushed = 0
        self._waiting: dict[Key, tuple[Rule, Entry, str]] = {}
        self._firsts: dict[str, tuple[Notification, int]] = {}

    @property
    def next_at(self) -> int | None:
        """When the next step comes due."""
        return self._heap[0][0] if self._heap else None

    def begin(self, id: str, owed: Owed) -> None:
        """Notes what was owed; the last of one occurrence is what its steps go on from."""
        rule = self._decider.by_id[owed.rule]
        if not rule.escalation or owed.trigger == DIGEST or AFTER in owed.entry:
            return
        self._firsts[id] = (Notification.load(id, (owed,)), len(rule.escalation))
        for entry in rule.escalation:
            key = (rule.id, entry.key, owed.occurrence)
            before = self._waiting.get(key)
            self._waiting[key] = (rule, entry, id)
            if before is not None:
                self._forget(before[2])
                continue
            self._pushed += 1
            heapq.heappush(self._heap, (owed.decided_at + entry.after_ms, self._pushed, key))

    def end(self, notification: Notification) -> None:
        """Notes how a notification stands in the end, if a step may follow from it."""
        known = self._firsts.get(notification.id)
        if known is not None:
            self._firsts[notification.id] = (notification, known[1])

    def due(self, now: int) -> Iterator[tuple[Rule, Entry, Notification]]:
        """The steps that are due, each with what it goes on from."""
        while self._heap and self._heap[0][0] <= now:
            _, _, key = heapq.heappop(self._heap)
            rule, entry, id = self._waiting.pop(key)
            first = self._firsts[id][0]
            self._forget(id)
            yield rule, entry, first

    def _forget(self, id: str) -> None:
        """One step less follows from it."""
        first, steps = self._firsts[id]
        if steps == 1:
            del self._firsts[id]
        else:
            self._firsts[id] = (first, steps - 1)
