"""Keep what one rule set owes in a replay, and say what becomes of it when it is due."""

import heapq
from collections.abc import Callable, Iterator, Sequence

from service.learners.aggregate import Cache
from service.learners.course import LearnerSignIns
from service.learners.neighbours import places_of
from service.learners.world import Decisions
from service.ledger.events import EventBody
from service.rules.conditions import fields_of
from service.rules.decider import Decider
from service.rules.digests import DigestClosed, DigestReader, close, reader_of
from service.rules.judgement import Ground, Verdict
from service.rules.notification import (
    HELD,
    SENT,
    AttemptEnded,
    Deferred,
    Ended,
    Notification,
    Owed,
    WaitingForAddress,
)
from service.rules.plan import PlannedMessage, plan
from service.rules.readers.watchers import ENTRY as WATCHERS
from service.rules.rule import Rule, company_of, joins
from service.rules.triggers.stalled import STALLED
from service.rules.verdict import holds, judge
from service.simulation.backtest.prefilter import reads_seats
from service.simulation.backtest.replay_world import ReplayWorld
from service.simulation.backtest.subjects import Subjects
from service.simulation.backtest.tally import Fate, Tally
from service.simulation.backtest.timers import StepTimers

DECISIONS_REMEMBERED = 100_000
FateObserver = Callable[[Fate], object]
"""Is told what became of each notification."""


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


class Outbox:
    """Keep notifications that may leave, by when they are due; what leaves counts as sent."""

    def __init__(
        self, decider: Decider, world: ReplayWorld, subjects: Subjects, tally: Tally
    ) -> None:
        self.hear: FateObserver = lambda *_: None
        self.steps = StepTimers(decider)
        self.waiting = AddressWait(decider)
        self._decider = decider
        self._world = world
        self._subjects = subjects
        self._tally = tally
        self._heap: list[tuple[int, int, str]] = []
        self._owed = 0
        self._places: dict[str, int] = {}
        self._open: dict[str, Notification] = {}
        self._together: dict[str, list[str]] = {}
        self._items: dict[tuple[str, int], list[Owed]] = {}
        self._known: Cache[str, bool] = Cache(DECISIONS_REMEMBERED)
        self._asked_for = {rule.id for rule in decider.active if rule.keeps_distance}

    def take(self, decisions: Decisions) -> None:
        """Take in what was decided; the same decision a second time changes nothing."""
        self._world.remember(decisions)
        for id, body in decisions.once:
            assert isinstance(body, Owed)
            if self._known.get(id) is None:
                self._known.put(id, True)
                self._owe(id, body)

    @property
    def next_at(self) -> int | None:
        """Say when the next one is due, or to be judged again."""
        due_at, asked_at = self._heap[0][0] if self._heap else None, self.waiting.next_at
        return due_at if asked_at is None else min(asked_at, due_at or asked_at)

    def leave(self, now: int) -> None:
        """Let what is due leave, wait on, or end; digests are made up first."""
        ground = Ground(self._decider, self._world, now)
        for each in self.waiting.due(now):
            verdict = self._judged(each, ground)
            if isinstance(verdict, Ended):
                self.waiting.end(each)
                self._end(each, verdict)
        due = list(self._due(now))
        items = [each for each in due if each.owed.digest]
        if items:
            self._close_digests(items, ground)
            due += self._due(now)
        while due:
            due = self._round([each for each in due if not each.owed.digest], ground)

    def _round(self, due: Sequence[Notification], ground: Ground) -> list[Notification]:
        """Let each leave with its company; gives back what comes after a message of its kind."""
        left, groups, keys = list[Notification](), list[list[Notification]](), set[str]()
        for each in due:
            key, first = company_of(each), self._open.get(each.id)
            if key in keys:
                left.append(each)
            elif first is not None and first.due_at <= ground.now:
                keys |= {key} if key else set()
                groups.append(list(self._group(first)))
        self._leave(groups, ground)
        return left

    def _close_digests(self, items: Sequence[Notification], ground: Ground) -> None:
        """Close the digests of these items, reader by reader, as the service does."""
        readers: dict[DigestReader, list[Notification]] = {}
        for item in sorted(items, key=lambda item: (item.due_at, item.id)):
            readers.setdefault(reader_of(item.owed, self._world), []).append(item)
        for reader, mine in readers.items():
            judged = [(item, holds(item, self._subjects.of(item.owed), ground)) for item in mine]
            for stream, version, body in close(judged, reader, ground).rows:
                self._record(stream, version, body)

    def close(self) -> None:
        """End the replay: what is still open is counted as it stands."""
        for each in [*self._open.values(), *self.waiting]:
            reason = each.reason or "open at the end"
            self._tally.end(each.owed, each.state, reason)
            self.hear(
                Fate(id=each.id, owed=each.owed, state=each.state, reason=reason, at=each.due_at)
            )

    def _owe(self, id: str, owed: Owed) -> None:
        self._tally.match(owed)
        self.steps.begin(id, owed)
        notification = Notification.load(id, (owed,))
        self._remember(notification, owed)
        if notification.state == HELD:
            reason = notification.reason or ""
            self._tally.hold(owed, reason, owed.decided_at)
            self.hear(Fate(id=id, owed=owed, state=HELD, reason=reason, at=owed.decided_at))
            return
        self._owed += 1
        self._places[id] = self._owed
        self._wait(notification)

    def _wait(self, notification: Notification) -> None:
        id, key = notification.id, company_of(notification)
        self._open[id] = notification
        if key is not None:
            self._together.setdefault(key, []).append(id)
        heapq.heappush(self._heap, (notification.due_at, self._places[id], id))

    def _due(self, now: int) -> Iterator[Notification]:
        while self._heap and self._heap[0][0] <= now:
            due_at, _, id = heapq.heappop(self._heap)
            found = self._open.get(id)
            if found is not None and found.due_at == due_at:
                yield found

    def _record(self, stream: str, version: int, body: EventBody) -> None:
        """Take in what the closing of a digest led to."""
        if isinstance(body, DigestClosed):
            self._world.memory[stream] = (version, body)
            self._items[stream, version] = [self._open[id].owed for id in body.items]
        elif isinstance(body, Owed):
            self._owe(stream, body)
        else:
            self._settle(self._open[stream], body)

    def _group(self, first: Notification) -> Iterator[Notification]:
        """Find the notifications that become one message with this one."""
        yield first
        for id in self._together.get(company_of(first) or "", ()):
            other = self._open[id]
            if id != first.id and joins(other, first):
                yield other

    def _leave(self, groups: Sequence[Sequence[Notification]], ground: Ground) -> None:
        """Plan a round as the service does; what leaves counts as sent."""
        planned = plan(groups, lambda n: self._judged(n, ground), ground)
        for notification, body in planned.endings:
            self._settle(notification, body)
        self._world.memory |= planned.passed
        for message in planned.messages:
            for other, end in message.changes(ground.now):
                self._settle(other, end)
            self._sent(message, ground.now)

    def _sent(self, message: PlannedMessage, now: int) -> None:
        lead, reader = message.lead, message.due.recipient
        self._forget(lead)
        self._remember(lead, AttemptEnded(at=now, outcome="accepted", then=SENT))
        self._tally.send(lead.owed, reader, now)
        self.hear(Fate(id=lead.id, owed=lead.owed, state=SENT, reason="", at=now, reader=reader))

    def _judged(self, notification: Notification, ground: Ground) -> Verdict:
        owed = notification.owed
        items = self._items.get((owed.subject, owed.version))
        about = self._subjects.of_digest(owed, items) if items else self._subjects.of(owed)
        return judge(notification, about, ground)

    def _settle(self, notification: Notification, event: EventBody) -> None:
        """Add one more event of a notification, after which it is sent by nobody or later."""
        owed = notification.owed
        if isinstance(event, Deferred):
            self._leave_company(notification)
            self._wait(notification.apply(event))
            return
        self._forget(notification)
        if isinstance(event, Ended):
            self._end(notification, event)
        elif isinstance(event, WaitingForAddress):
            self.waiting.add(notification.apply(event))
            self._tally.wait(owed.person or "")

    def _end(self, notification: Notification, event: Ended) -> None:
        id, owed = notification.id, notification.owed
        self._tally.end(owed, event.state, event.reason)
        self.hear(
            Fate(
                id=id,
                owed=owed,
                state=event.state,
                reason=event.reason,
                at=event.at,
                into=event.into,
            )
        )
        self.steps.end(owed, event.state)
        self._remember(notification, event)

    def _remember(self, notification: Notification, event: EventBody) -> None:
        """Let rules ask whether it was told: its reader may wait again, or a step for it."""
        owed = notification.owed
        told = owed.entry.startswith(WATCHERS) and isinstance(event, Ended)
        merged = self._world.merges.ever(owed.person) or self._world.merges.ever(owed.recipient)
        if told or merged or owed.rule in self._asked_for:
            self._world.memory[notification.id] = (notification.version + 1, event)

    def _forget(self, notification: Notification) -> None:
        del self._open[notification.id], self._places[notification.id]
        self._items.pop((notification.owed.subject, notification.owed.version), None)
        self._leave_company(notification)

    def _leave_company(self, notification: Notification) -> None:
        key = company_of(notification)
        if key is not None:
            same = self._together[key]
            same.remove(notification.id)
            if not same:
                del self._together[key]
