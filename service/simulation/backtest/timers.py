"""Silences: which enrollments fall silent when, for every stalled rule, without a view."""

import heapq
from collections.abc import Iterator

from service.learners.enrollment_state import Snapshot
from service.rules.decider import Decider
from service.rules.notification import DIGEST, Notification, Owed
from service.rules.rule import AFTER, Entry, Rule
from service.rules.triggers.stalled import StalledRule, started


class SilenceTimer:
    """One stalled rule of one play: its heap has an entry for each armed enrollment.

    An entry that is early is put off when it comes due; one that is needless is let go.
    """

    def __init__(self, stalled: StalledRule, live_since: int, lateness: int) -> None:
        """The rule goes live at `live_since`; `lateness` is the longest allowance (ms) of all."""
        self.rule, trigger = stalled
        self.counts_enrolled = trigger.count_from == "enrolled"
        self.floor = started(stalled, live_since).floor if live_since else 0
        self.live_since = live_since
        self.lasts = trigger.silence_ms + lateness
        self.armed: dict[str, int] = {}
        self.heap: list[tuple[int, str]] = []

    def moved(self, stream: str, after: Snapshot) -> None:
        """An enrollment moved: its silence begins elsewhere now, or there is none."""
        since = after.silent_since if self.counts_enrolled else after.active_at
        if since is None or since <= self.floor:
            if stream in self.armed:
                self.armed[stream] = -1
            return
        before = self.armed.get(stream, -1)
        if since < before or before < 0:
            heapq.heappush(self.heap, (self._due_at(since), stream))
        self.armed[stream] = since

    def due(self, now: int) -> Iterator[str]:
        """Enrollments whose silence has lasted long enough, each taken out of the heap."""
        heap, armed = self.heap, self.armed
        while heap and heap[0][0] <= now:
            at, stream = heap[0]
            since = armed.get(stream, -1)
            if since >= 0 and self._due_at(since) > at:
                heapq.heapreplace(heap, (self._due_at(since), stream))
                continue
            heapq.heappop(heap)
            armed.pop(stream, None)
            if since >= 0:
                yield stream

    def _due_at(self, since: int) -> int:
        return max(since + self.lasts, self.live_since)


Key = tuple[str, str, str]
"""A rule, the entry of a step, and the occurrence that it goes on from."""


class StepTimers:
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
