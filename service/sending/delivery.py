"""Deliver by one channel, over one connection or several: claim, send, record."""

import logging
import threading
from collections.abc import Callable, Sequence
from math import ceil

from msgspec.structs import replace

from service.ledger.sql import STORE_ERRORS
from service.network.wire import steady_clock
from service.rules.calendar import HOUR, MINUTE
from service.rules.notification import (
    TITLE,
    WAITING_ADDRESS,
    AttemptStarted,
)
from service.sending import queue
from service.sending.address_bounces import AddressBounces
from service.sending.channel_health import ChannelHealth
from service.sending.channels.channel import Channel, MessageDefaults, OutgoingMessage, SendResult
from service.sending.domain_pace import DomainPace
from service.sending.planner import Planner, ReadyMessage, SendingContext
from service.sending.streams import (
    OutcomeRecorder,
    UnrecordedOutcome,
    Update,
    after,
    given_back,
    is_due,
    lost,
)

CLAIM_MS = 15 * MINUTE
PLAN_MS = MINUTE
"""How long messages may leave on one test; what is left then is handed back."""
CHANNEL_REST_MS = MINUTE
"""How long a channel is left alone after trouble that was not about one recipient."""
ADDRESSES_PER_ROUND = 500
FEWEST_CLAIMED = 5
"""So many a connection takes, though another could: to open one more costs as much as they do."""

log = logging.getLogger(__name__)


class ChannelTraffic:
    """Hold what the connections of one channel share: who has what in hand, and who rests.

    `claiming` is held from `allowed` until what was claimed is on disk and noted.
    """

    def __init__(
        self,
        name: str,
        recorder: OutcomeRecorder,
        health: ChannelHealth,
        bounces: AddressBounces,
        connections: int = 1,
    ) -> None:
        self.name = name
        self.recorder = recorder
        self.health = health
        self._bounces = bounces
        self.claiming = threading.Lock()
        self.pace: DomainPace | None = None
        self._connections = range(1, connections + 1)
        self._lock = threading.Lock()
        self._in_hand: dict[int, list[str]] = {}
        self._rests: dict[int, int] = {}
        self._well: set[int] = set()
        self._trying: int | None = None

    def allowed(self, connection: int, now: int, batch: int) -> int:
        """Tell how many a connection may claim: after a rest one, and one connection at a time."""
        with self._lock:
            until = self._rests.get(connection)
            if until is None:
                return batch
            rests = 0 < until - now <= 2 * CHANNEL_REST_MS  # more, if the clock was set back
            if rests or self._trying not in (None, connection):
                return 0
            self._trying = connection
            return 1

    def share(self, due: Callable[[int], Sequence[str]], allowed: int) -> list[str]:
        """Take the share of one connection, first due first, of what no other has in hand."""
        with self._lock:
            others = {id for ids in self._in_hand.values() for id in ids}
        found = due(allowed * len(self._connections) + len(others))
        free = [id for id in found if id not in others]
        fair = max(FEWEST_CLAIMED, ceil(len(free) / len(self._connections)))
        return free[: min(allowed, fair)]

    def claimed(self, connection: int, ids: Sequence[str]) -> None:
        """Note what a connection has in hand from now."""
        with self._lock:
            self._in_hand[connection] = list(ids)

    def heard(self, connection: int, outcome: SendResult, reader: str | None, at: int) -> int:
        """Note how the channel is; return until when (ms UTC) every connection rests, or 0.

        Trouble is its connection's own while another one is well: a server may take fewer of them.
        """
        with self._lock:
            self._count(outcome, at)
            if outcome.about_channel:
                self._well.discard(connection)
                rest = [connection] if self._well else self._connections
                self._rests.update(dict.fromkeys(rest, at + CHANNEL_REST_MS))
            else:
                self._well.add(connection)
                self._rests.pop(connection, None)
            own = outcome.about_channel and bool(self._well)
        failed = outcome.kind != "accepted" and not own
        if failed or (self.health.in_doubt and outcome.kind == "accepted"):
            self.health.hear(outcome, reader, at)
        return at + CHANNEL_REST_MS if outcome.about_channel and not own else 0

    def heard_of(self, address: str | None, outcome: SendResult, at: int) -> None:
        """Note what an outcome says of an address, unless the channel fails: all bounce then."""
        known = address in self._bounces.rests or outcome.kind != "accepted"
        if address and known and self.health.state.since is None:
            self._bounces.hear(outcome, address, at)

    def rest_of(self, address: str | None, at: int) -> int:
        """Give until when (ms UTC) an address is left alone, or 0; more, if the clock went back."""
        until = self._bounces.rests.get(address or "", 0)
        return until if at < until <= at + HOUR else 0

    def _count(self, outcome: SendResult, at: int) -> None:
        with self.health.lock:
            self.health.attempts[outcome.kind] += 1
            self.health.rests += outcome.about_channel
            if outcome.kind == "accepted":
                self.health.last_success = at

    @property
    def rests_until(self) -> int:
        """Give until when (ms UTC) every connection rests, or 0."""
        with self._lock:
            rests = [self._rests.get(connection, 0) for connection in self._connections]
        return min(rests)

    def ended(self, connection: int) -> None:
        """Note that a connection has nothing in hand any more."""
        with self._lock:
            self._in_hand.pop(connection, None)
            self._trying = None if self._trying == connection else self._trying


class DeliveryWorker:
    """Send what is due by one connection of a channel.

    Two workers on one ledger never send the same message.
    """

    def __init__(
        self,
        traffic: ChannelTraffic,
        connection: int,
        channel: Channel,
        context: SendingContext,
        defaults: MessageDefaults,
    ) -> None:
        """Give it the number of its `connection`, from 1."""
        self.name = traffic.name
        self.connection = connection
        self.form = "chat" if channel.form == "chat" else "email"
        self._traffic = traffic
        self._recorder = traffic.recorder
        self._channel = channel
        self._views = context.views
        self._streams = context.streams
        self._planner = Planner(context, defaults)
        self._worker = f"{defaults.domain}/{self.name}/{connection}"
        self._in_hand = False
        self.retired = self.closed = False

    @property
    def rests_until(self) -> int:
        """Give until when (ms UTC) its channel rests, or 0."""
        return self._traffic.rests_until

    @property
    def label(self) -> str:
        """Name it among the parts of the service: `email`, then `email/2`."""
        return self.name if self.connection == 1 else f"{self.name}/{self.connection}"

    def deliver(self, now: int, stopping: Callable[[], bool] = lambda: False) -> int:
        """Deliver one round; return how many notifications moved on.

        The attempt is on disk before the network is touched, and what came of a message before
        the next one leaves. When `stopping` says so, the message in hand is finished and what was
        claimed but not begun is given back. Outcomes that could not be recorded in the last round
        are recorded first. After trouble of the channel itself it rests for a minute, then tries
        one message before it takes many.
        """
        begun = steady_clock()
        self.settle()
        try:
            with self._traffic.claiming:
                ready, moved = self._claimed(now)
            self._send(ready, now, begun=begun, stopping=stopping)
        finally:
            self._traffic.ended(self.connection)
        return moved

    def _claimed(self, now: int) -> tuple[list[ReadyMessage], int]:
        """Claim what may leave by this connection; return it, and how many moved on.

        One connection at a time: throttles count what the one before has claimed.
        """
        allowed = self._traffic.allowed(self.connection, now, self._channel.batch)
        ids = self._traffic.share(self._due(now), allowed) if allowed else []
        if not ids:
            return [], 0
        found = [n for n in self._streams.notifications(ids) if is_due(n, now)]
        left = lost([n for n in found if n.claimed_until is not None], self.form, now)
        plan = self._planner.plan([n for n in found if n.claimed_until is None], now)
        pace = self._traffic.pace
        leaving, later = pace.split(plan.ready, now) if pace else (plan.ready, [])
        claim = AttemptStarted(at=now, worker=self._worker, until=now + CLAIM_MS)
        claims = [
            self._claim(ready, replace(claim, turn=turn))
            for turn, ready in enumerate(leaving, start=1)
        ]
        written = self._recorder.append([*left, *plan.steps, *later, *claims])
        pairs = zip(leaving, claims, strict=True)
        ready = [claimed(r, step) for r, step in pairs if r.notification.id in written]
        self._traffic.claimed(self.connection, [r.notification.id for r in ready])
        return ready, len(written)

    def _due(self, now: int) -> Callable[[int], Sequence[str]]:
        return lambda limit: queue.due(self._views, self.name, now=now, limit=limit)

    def _claim(self, ready: ReadyMessage, claim: AttemptStarted) -> Update:
        """Start an attempt, and end the notifications that the message stands for too."""
        lead = ready.notification
        speaks_for = tuple(n.id for n, _ in ready.message.told)
        message_id = "" if self.form == "chat" or lead.message_id else ready.outgoing.message_id
        claim = replace(claim, message_id=message_id, speaks_for=speaks_for)
        also = tuple(ready.message.changes(claim.at))
        return Update(lead, claim, also=also, beside=tuple(ready.message.passed))

    def take_over(self, now: int) -> int:
        """End the attempts a worker left open when it died: nobody knows what came of them.

        Only for the one service on a SQLite ledger, at its start. Returns how many.
        """
        ids = queue.claimed(self._views)
        left = [n for n in self._streams.notifications(ids) if n.claimed_until is not None]
        mine = [n for n in left if n.owed.channel == self.name]
        return len(self._recorder.append(lost(mine, self.form, now)))

    def look_again(self, now: int) -> int:
        """Look again for the addresses and titles not known before; return how many were found."""
        found, after_id = 0, ""
        while ids := queue.waiting_for_news(self._views, after_id, ADDRESSES_PER_ROUND):
            after_id = ids[-1]
            waiting = self._streams.notifications(ids)
            mine = [n for n in waiting if n.owed.channel == self.name]
            waiting = [n for n in mine if n.state == WAITING_ADDRESS or n.reason == TITLE]
            changes = self._planner.look_again(waiting, now)
            found += len(self._recorder.append(changes))
        return found

    def settle(self) -> None:
        """Record what became of messages and could not be recorded yet."""
        self._recorder.settle()

    def close(self, *, settling: bool = True) -> bool:
        """Record what is known, or name in the log what cannot be; then let go of the connection.

        One with a message in hand is left. False when something could not be recorded.
        """
        why: Exception | str = "the ledger is away"
        try:
            if settling:
                self.settle()
        except STORE_ERRORS as error:
            why = error
        lost = self._recorder.unrecorded
        if lost:
            about = {"event": "delivery.unrecorded", "channel": self.name}
            words = "not recorded and so sent again: %s (%s)"
            log.error(words, ", ".join(lost), why, extra=about)
        if not self._in_hand:
            self._channel.close()
            self.closed = not lost
        return not lost

    def _send(
        self, ready: Sequence[ReadyMessage], now: int, begun: int, stopping: Callable[[], bool]
    ) -> None:
        """Send what still holds; give back what is left by trouble or after a minute.

        `begun` is when it was `now` by the steady clock, which is read before each message: this
        process may have slept since, and another one may have what it had claimed.
        """
        waiting, at, trouble, rests_until = list(ready), now, False, 0
        try:
            while waiting and not (trouble or self.retired or stopping()):
                at = now + steady_clock() - begun
                if at > now + PLAN_MS:
                    break
                rest = self._traffic.rest_of(waiting[0].outgoing.address, at)
                later = given_back(at, rest)
                still = later if rest else self._planner.at_the_last_moment(waiting[0], at)
                first = waiting.pop(0).notification
                if isinstance(still, ReadyMessage):
                    outcome = self._outcome(still.outgoing)
                    at = now + steady_clock() - begun
                    trouble = outcome.about_channel
                    rests_until = self._traffic.heard(
                        self.connection, outcome, still.outgoing.address, at=at
                    )
                    end = after(outcome, first, form=self.form, now=at)
                    self._recorder.record(UnrecordedOutcome(first, end, outcome.text))
                    self._traffic.heard_of(still.outgoing.address, outcome, at)
                else:
                    self._recorder.record(UnrecordedOutcome(first, still))
        finally:
            back = given_back(at, rests_until or now)
            self._recorder.record(*(UnrecordedOutcome(r.notification, back) for r in waiting))

    def _outcome(self, outgoing: OutgoingMessage) -> SendResult:
        """Send a message; when the program itself fails on one, nobody knows what became of it."""
        self._in_hand = True
        try:
            return self._channel.send(outgoing)
        except Exception as error:
            name = type(error).__name__
            about = {"event": "delivery.broken", "channel": self.name}
            log.exception("the program failed on %s", outgoing.notification, extra=about)
            return SendResult("unknown", text=f"{name}: {error}")
        finally:
            self._in_hand = False


def claimed(ready: ReadyMessage, claim: Update) -> ReadyMessage:
    """Give a message that may leave as it stands after its attempt was started.

    It rests on its own stream, too: nobody may have taken it over when it leaves.
    """
    lead = ready.notification.apply(claim.body)
    return replace(ready, notification=lead, seen={**ready.seen, lead.id: lead.version})
