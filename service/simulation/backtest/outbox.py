"""The outbox: what one rule set owes in a replay, and what becomes of it when it is due."""

import heapq
from collections.abc import Callable, Iterator, Sequence

from service.learners.world import Decisions
from service.ledger.cache import Cache
from service.ledger.events import Body
from service.rules.decider import Decider
from service.rules.digests import DigestClosed, Reader, close, reader_of
from service.rules.notification import (
    HELD,
    WAITING_ADDRESS,
    Deferred,
    Ended,
    Notification,
    Owed,
    WaitingForAddress,
)
from service.rules.plan import collapsed, joins, plan
from service.rules.verdict import Ground, Verdict, holds, judge
from service.rules.watchers import ENTRY as WATCHERS
from service.simulation.backtest.subjects import Subjects
from service.simulation.backtest.tally import Tally
from service.simulation.backtest.timers import StepTimers
from service.simulation.backtest.world import Past

DECISIONS_REMEMBERED = 100_000
Hear = Callable[[str, int, Owed], object]
"""Is told of each message that leaves: the notification's id, when, and what it says."""


class Outbox:
    """Notifications that may still leave, by when they are due; what leaves counts as sent."""

    def __init__(self, decider: Decider, world: Past, subjects: Subjects, tally: Tally) -> None:
        self.hear: Hear = lambda *_: None
        self.steps = StepTimers(decider)
        self._decider = decider
        self._world = world
        self._subjects = subjects
        self._tally = tally
        self._heap: list[tuple[int, int, str]] = []
        self._pushed = 0
        self._open: dict[str, Notification] = {}
        self._together: dict[str, list[str]] = {}
        self._items: dict[tuple[str, int], list[Owed]] = {}
        self._known: Cache[str, bool] = Cache(DECISIONS_REMEMBERED)

    def take(self, decisions: Decisions) -> None:
        """Takes in what was decided; the same decision a second time changes nothing."""
        self._world.remember(decisions)
        for id, body in decisions.once:
            assert isinstance(body, Owed)
            if self._known.get(id) is None:
                self._known.put(id, True)
                self._owe(id, body)

    @property
    def next_at(self) -> int | None:
        """When the next one is due."""
        return self._heap[0][0] if self._heap else None

    def leave(self, now: int) -> None:
        """Let what is due leave, wait on, or end; digests are made up first."""
        ground = Ground(self._decider, self._world, now)
        due = list(self._due(now))
        items = [each for each in due if each.owed.digest]
        self._close_digests(items, ground)
        for first in [*due, *self._due(now)] if items else due:
            if first.id in self._open and not first.owed.digest:
                self._leave(list(self._group(first)), ground)

    def _close_digests(self, items: Sequence[Notification], ground: Ground) -> None:
        """Close the digests of these items, reader by reader, as the service does."""
        readers: dict[Reader, list[Notification]] = {}
        for item in items:
            readers.setdefault(reader_of(item.owed, self._world), []).append(item)
        for reader, mine in readers.items():
            judged = [(item, holds(item, self._subjects.of(item.owed), ground)) for item in mine]
            for stream, version, body in close(judged, reader, ground).rows:
                self._record(stream, version, body)

    def close(self) -> None:
        """The replay is over: what is still open is counted as it stands."""
        for each in self._open.values():
            self._tally.end(each.owed, each.state, each.reason or "open at the end")

    def _owe(self, id: str, owed: Owed) -> None:
        self._tally.match(owed)
        self.steps.begin(id, owed)
        notification = Notification.load(id, (owed,))
        if notification.state == HELD:
            self._tally.hold(owed, notification.reason or "", owed.decided_at)
            return
        if owed.collapse is not None:
            self._together.setdefault(owed.collapse, []).append(id)
        self._wait(notification)

    def _wait(self, notification: Notification) -> None:
        self._pushed += 1
        self._open[notification.id] = notification
        heapq.heappush(self._heap, (notification.due_at, self._pushed, notification.id))

    def _due(self, now: int) -> Iterator[Notification]:
        while self._heap and self._heap[0][0] <= now:
            due_at, _, id = heapq.heappop(self._heap)
            found = self._open.get(id)
            if found is not None and found.due_at == due_at:
                yield found

    def _record(self, stream: str, version: int, body: Body) -> None:
        """Takes in what the closing of a digest led to."""
        if isinstance(body, DigestClosed):
            self._world.memory[stream] = (version, body)
            self._items[stream, version] = [self._open[id].owed for id in body.items]
        elif isinstance(body, Owed):
            self._owe(stream, body)
        else:
            self._settle(self._open[stream], body)

    def _group(self, first: Notification) -> Iterator[Notification]:
        """The notifications that become one message with this one."""
        yield first
        for id in self._together.get(first.owed.collapse or "", ()):
            other = self._open[id]
            if id != first.id and joins(other, first):
                yield other

    def _leave(self, group: Sequence[Notification], ground: Ground) -> None:
        """Plan a group as the service does; what leaves counts as sent."""
        planned = plan([group], lambda n: self._judged(n, ground), self._world.latest, ground.now)
        for notification, body in planned.endings:
            self._settle(notification, body)
        self._world.memory |= planned.passed
        for message in planned.messages:
            for other, _ in message.told:
                self._settle(other, collapsed(message, ground.now))
            self._forget(message.lead)
            self._tally.send(message.lead.owed, message.due.recipient, ground.now)
            self.hear(message.lead.id, ground.now, message.lead.owed)

    def _judged(self, notification: Notification, ground: Ground) -> Verdict:
        owed = notification.owed
        items = self._items.get((owed.subject, owed.version))
        about = self._subjects.of_digest(owed, items) if items else self._subjects.of(owed)
        return judge(notification, about, ground)

    def _settle(self, notification: Notification, event: Body | None) -> None:
        """One more event of a notification, after which it is sent by nobody or later."""
        owed = notification.owed
        if isinstance(event, Deferred):
            self._wait(notification.apply(event))
            return
        self._forget(notification)
        if isinstance(event, Ended):
            self._tally.end(owed, event.state, event.reason)
            self.steps.end(notification.apply(event))
            if owed.entry.startswith(WATCHERS):  # who was not told waits again
                self._world.memory[notification.id] = (notification.version + 1, event)
        elif isinstance(event, WaitingForAddress):
            self._tally.wait(owed, WAITING_ADDRESS, owed.person or "")

    def _forget(self, notification: Notification) -> None:
        del self._open[notification.id]
        self._items.pop((notification.owed.subject, notification.owed.version), None)
        key = notification.owed.collapse
        if key is not None:
            same = self._together[key]
            same.remove(notification.id)
            if not same:
                del self._together[key]
