"""Keep what one rule set owes in a replay, and say what becomes of it when it is due."""

import heapq
from collections.abc import Callable, Iterator, Sequence

from service.learners.aggregate import Cache
from service.learners.world import Decisions
from service.ledger.events import EventBody
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
from service.rules.readers.put_off import sooner
from service.rules.readers.watchers import ENTRY as WATCHERS
from service.rules.rule import company_of, joins
from service.rules.verdict import holds, judge
from service.simulation.backtest.address_wait import AddressWait
from service.simulation.backtest.replay_world import ReplayWorld
from service.simulation.backtest.subjects import Subjects
from service.simulation.backtest.tally import Fate, Tally
from service.simulation.backtest.timers import StepTimers

DECISIONS_REMEMBERED = 100_000
FateObserver = Callable[[Fate], object]
"""Is told what became of each notification."""


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
        self.chose: set[str] = set()
        self._put_off: dict[str, str] = {}
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
        due_at = self._heap[0][0] if self._heap else None
        asked_at = 0 if self.chose else self.waiting.next_at
        return due_at if asked_at is None else min(asked_at, due_at or asked_at)

    def leave(self, now: int) -> None:
        """Let what is due leave, wait on, or end; digests are made up first."""
        ground = Ground(self._decider, self._world, now)
        for each in self.waiting.due(now):
            verdict = self._judged(each, ground)
            if isinstance(verdict, Ended):
                self.waiting.end(each)
                self._end(each, verdict)
        self._look_again(ground)
        due = list(self._due(now))
        items = [each for each in due if each.owed.digest]
        if items:
            self._close_digests(items, ground)
            due += self._due(now)
        while due:
            due = self._round([each for each in due if not each.owed.digest], ground)

    def _look_again(self, ground: Ground) -> None:
        """Bring forward what may leave sooner, as its reader chose anew."""
        chose, self.chose = self.chose, set()
        put_off = list(self._put_off.items()) if chose else []
        mine = [self._open[id] for id, reader in put_off if self._chose_at(reader) in chose]
        for each in mine:
            step = sooner(each, self._judged(each, ground), ground)
            if step and each.due_at > ground.now:
                self._settle(each, step)

    def _chose_at(self, reader: str) -> str | None:
        """Name the stream of what somebody, by id, chose; None for a room."""
        person = self._world.person(reader)
        return self._world.choices_stream(person.email) if person and person.email else None

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
            self._put_off[notification.id] = event.reader or ""
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
        self._put_off.pop(notification.id, None)
        self._items.pop((notification.owed.subject, notification.owed.version), None)
        self._leave_company(notification)

    def _leave_company(self, notification: Notification) -> None:
        key = company_of(notification)
        if key is not None:
            same = self._together[key]
            same.remove(notification.id)
            if not same:
                del self._together[key]
