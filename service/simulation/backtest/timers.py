"""Tell when silences and steps of escalations come due in a replay, without a view."""

import heapq
from collections.abc import Iterator

import msgspec

from service.learners.enrollment_state import Snapshot
from service.rules.decider import Decider
from service.rules.notification import CANCELLED, DIGEST, Notification, Owed
from service.rules.rule import AFTER, Entry, Rule
from service.rules.triggers.stalled import StalledRule, started


class SilenceTimer:
    """Time the silences of one rule: its heap has an entry for each armed enrollment.

    An entry that is early is put off when it comes due; one that is needless is let go.
    """

    def __init__(self, stalled: StalledRule, live_since: int, lateness: int) -> None:
        """Take a rule that goes live at `live_since`; `lateness` is the longest allowance (ms)."""
        self.rule, trigger = stalled
        self.counts_enrolled = trigger.count_from == "enrolled"
        self.floor = started(stalled, live_since).floor if live_since else 0
        self.live_since = live_since
        self.lasts = trigger.silence_ms + lateness
        self.armed: dict[str, int] = {}
        self.heap: list[tuple[int, str]] = []

    def moved(self, stream: str, after: Snapshot) -> None:
        """Note that an enrollment moved: its silence begins elsewhere now, or there is none."""
        since = after.silent_since if self.counts_enrolled else after.active_at
        if since is None or since <= self.floor:
            if stream in self.armed:
                self.armed[stream] = -1
            return
        before = self.armed.get(stream, -1)
        if since < before or before < 0:
            heapq.heappush(self.heap, (self._due_at(since), stream))
        self.armed[stream] = since

    def due(self, now: int) -> list[str]:
        """Name enrollments whose silence has lasted long enough, that which began first first."""
        return [stream for _, stream in sorted(self._due(now))]

    def _due(self, now: int) -> Iterator[tuple[int, str]]:
        """Yield since when, and which; each is taken out of the heap."""
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
                yield since, stream

    def _due_at(self, since: int) -> int:
        return max(since + self.lasts, self.live_since)


Origin = tuple[str, str]
"""A rule and the occurrence that set it off."""
DueStep = tuple[Rule, Entry, Notification]
"""A step, and what it goes on from."""


class EscalationStart(msgspec.Struct):
    """Keep what one match owed first: one of these, how many stand, and how many steps follow.

    Those that were cancelled do not stand any more.
    """

    first: Notification
    standing: int
    steps: int


class StepTimers:
    """Keep what was owed first, for as long as a step may still follow from it."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._heap: list[tuple[int, int, Origin, Entry]] = []
        self._pushed = 0
        self._begun: dict[Origin, EscalationStart] = {}

    @property
    def next_at(self) -> int | None:
        """Say when the next step comes due."""
        return self._heap[0][0] if self._heap else None

    def begin(self, id: str, owed: Owed) -> None:
        """Note what was owed first because of a match."""
        steps = self._decider.by_id[owed.rule].escalation
        if not steps or not is_first(owed):
            return
        match = (owed.rule, owed.occurrence)
        begun = self._begun.get(match)
        if begun is not None:
            begun.standing += 1
            return
        self._begun[match] = EscalationStart(Notification.load(id, (owed,)), 1, len(steps))
        for entry in steps:
            self._pushed += 1
            due_at = owed.decided_at + entry.after_ms
            heapq.heappush(self._heap, (due_at, self._pushed, match, entry))

    def end(self, owed: Owed, state: str) -> None:
        """Note how a notification ended, if a step may follow from it."""
        begun = self._begun.get((owed.rule, owed.occurrence))
        if begun is not None and state == CANCELLED and is_first(owed):
            begun.standing -= 1

    def due(self, now: int) -> list[DueStep]:
        """Give the steps that are due, each with what it goes on from, rule by rule."""
        return sorted(self._due(now), key=self._order) if self._heap else []

    def _due(self, now: int) -> Iterator[DueStep]:
        while self._heap and self._heap[0][0] <= now:
            _, _, match, entry = heapq.heappop(self._heap)
            begun = self._begun[match]
            begun.steps -= 1
            if not begun.steps:
                del self._begun[match]
            if begun.standing:
                yield self._decider.by_id[match[0]], entry, begun.first

    def _order(self, due: DueStep) -> tuple[int, int, int, str]:
        rule, entry, first = due
        place = self._decider.places[rule.id]
        return place, rule.escalation.index(entry), first.owed.decided_at, first.owed.occurrence


def is_first(owed: Owed) -> bool:
    """Tell whether a match owed it at once, so that steps may follow from it."""
    return owed.trigger != DIGEST and AFTER not in owed.entry
