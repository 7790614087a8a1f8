"""The outbox: what one rule set owes in a replay, and what becomes of it when it is due."""

import heapq
from collections.abc import Callable, Iterator, Sequence

from service.learners.world import Decisions
from service.ledger.cache import Cache
from service.ledger.events import EventBody
from service.rules.decider import Decider
from service.rules.digest_closing import ItemVerdict, MadeUp, Reader, make_up, reader_of
from service.rules.digests import DigestClosed
from service.rules.notification import (
    DROPPED,
    HELD,
    WAITING_ADDRESS,
    Deferred,
    Ended,
    Notification,
    Owed,
    WaitingForAddress,
)
from service.rules.throttle import REASON as THROTTLED
from service.rules.throttle import passing
from service.rules.verdict import Leaves, Verdict, judge, standing
from service.rules.watchers import ENTRY as WATCHERS
from service.sending.compose import Leaving, chosen_of
from service.sending.planner import joins
from service.simulation.backtest.subjects import Subjects
from service.simulation.backtest.tally import Tally
from service.simulation.backtest.timers import Steps
from service.simulation.backtest.world import Past


class Collector:
    """Closes digests as the service does, by the same functions."""

    def __init__(self, decider: Decider, world: Past, subjects: Subjects) -> None:
        self._decider = decider
        self._world = world
        self._subjects = subjects

    def close(self, items: Sequence[Notification], now: int) -> Iterator[MadeUp]:
        """What becomes of the items whose closing has come, reader by reader."""
        readers: dict[Reader, list[Notification]] = {}
        for item in items:
            owed = item.owed
            reader = reader_of(owed.rule, owed.entry, owed.recipient, owed.person, self._world)
            readers.setdefault(reader, []).append(item)
        for reader, mine in readers.items():
            judged = [(item, self._judged(item, now)) for item in mine]
            yield make_up(judged, reader, self._decider.rules.defaults, self._world, now)

    def _judged(self, item: Notification, now: int) -> ItemVerdict:
        subject = self._subjects.of(item.owed)
        return standing(item, subject, self._decider, self._world, now)


DECISIONS_REMEMBERED = 100_000
Hear = Callable[[str, int, Owed], object]
"""Is told of each message that leaves: the notification's id, when, and what it says."""


class Outbox:
    """Notifications that may still leave, by when they are due; what leaves counts as sent."""

    def __init__(self, decider: Decider, world: Past, subjects: Subjects, tally: Tally) -> None:
        self.hear: Hear = lambda *_: None
        self.steps = Steps(decider)
        self._decider = decider
        self._world = world
        self._subjects = subjects
        self._tally = tally
        self._collector = Collector(decider, world, subjects)
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
        """What is due leaves, waits on, or ends; digests are made up first."""
        due = list(self._due(now))
        items = [each for each in due if each.owed.digest]
        for made in self._collector.close(items, now) if items else ():
            for stream, version, body in made.rows:
                self._record(stream, version, body)
        for first in [*due, *self._due(now)] if items else due:
            if first.id in self._open and not first.owed.digest:
                self._leave(list(self._group(first)), now)

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

    def _record(self, stream: str, version: int, body: EventBody) -> None:
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

    def _leave(self, group: Sequence[Notification], now: int) -> None:
        leaving: list[Leaving] = []
        for each in group:
            verdict = self._verdict(each, now)
            if isinstance(verdict, Leaves):
                leaving.append((each, verdict))
            else:
                self._settle(each, verdict)
        if not leaving:
            return
        (lead, leaves), others = chosen_of(leaving) if len(leaving) > 1 else (leaving[0], [])
        reason = THROTTLED if self._is_one_too_many(lead, leaves, now) else "collapsed"
        for other in [n for n, _ in others] + [lead] * (reason == THROTTLED):
            self._settle(other, Ended(at=now, state=DROPPED, reason=reason))
        if reason != THROTTLED:
            self._forget(lead)
            self._tally.send(lead.owed, leaves.recipient, now)
            self.hear(lead.id, now, lead.owed)

    def _is_one_too_many(self, lead: Notification, leaves: Leaves, now: int) -> bool:
        """Asks its throttle, which remembers it if not."""
        if leaves.entry.throttle is None:
            return False
        reader = leaves.recipient.id if leaves.recipient else lead.owed.recipient
        passed = passing(
            lead.id, lead.owed, leaves.entry, reader, leaves.reading, self._world.latest, now
        )
        if isinstance(passed, tuple):
            stream, version, body = passed
            self._world.memory[stream] = (version, body)
        return passed == THROTTLED

    def _verdict(self, notification: Notification, now: int) -> Verdict:
        owed = notification.owed
        items = self._items.get((owed.subject, owed.version))
        about = self._subjects.of_digest(owed, items) if items else self._subjects.of(owed)
        return judge(notification, about, self._decider, self._world, now)

    def _settle(self, notification: Notification, event: EventBody | None) -> None:
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
