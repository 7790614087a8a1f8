"""Silences: which enrollments fall silent when, for every stalled rule, without a view."""

import heapq
from collections.abc import Iterator

from service.learners.episode import Snapshot
from service.rules.language import Rule, StalledTrigger
from service.rules.sweep import started


class Watch:
    """One stalled rule of one play: its heap has an entry for each armed enrollment.

    An entry that is early is put off when it comes due; one that is needless is let go.
    """

    def __init__(self, rule: Rule, live_since: int, lateness: int) -> None:
        """The rule goes live at `live_since`; `lateness` is the longest allowance (ms) of all."""
        trigger = rule.trigger
        assert isinstance(trigger, StalledTrigger)
        self.rule = rule
        self.counts_enrolled = trigger.count_from == "enrolled"
        self.floor = started(rule, live_since).floor if live_since else 0
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
