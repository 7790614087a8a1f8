"""Deliver by one channel: claim, send, record."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from eventsourcing.persistence import PersistenceError
from msgspec.structs import replace

from service.rules.notification import (
    GIVEN_UP,
    HELD,
    NOT_TRIED,
    OWED,
    SENT,
    WAITING_ADDRESS,
    AttemptEnded,
    AttemptStarted,
    Notification,
)
from service.rules.plan import collapsed
from service.sending import queue
from service.sending.channels.channel import Channel, OutgoingMessage, SendResult
from service.sending.planner import MessageDefaults, Planner, ReadyMessage, SendingContext
from service.sending.streams import UnrecordedOutcome, Update, ground, is_due, with_releases

MINUTE_MS = 60_000
WAITS = (1, 5, 25, 60)
"""Minutes until the next attempt; the last one repeats until `expires_after`."""
CLAIM_MS = 15 * MINUTE_MS
PLAN_MS = MINUTE_MS
"""How long messages may leave on one test; what is left then is handed back."""
CHANNEL_REST_MS = MINUTE_MS
"""How long a channel is left alone after trouble that was not about one recipient."""
RETRY_AFTER_LIMIT_MS = 60 * MINUTE_MS


def after(outcome: SendResult, notification: Notification, form: str, now: int) -> AttemptEnded:
    """Make the end of an attempt: sent, given up, tried again, or held for a person.

    An unknown outcome of a mail is tried again with the same Message-ID; of a chat message,
    which nothing would tell apart, it is held (design §7).
    """
    then, next_at = OWED, None
    if outcome.kind == "accepted":
        then = SENT
    elif outcome.kind == "permanent":
        then = GIVEN_UP
    elif outcome.kind == "unknown" and form == "chat":
        then = HELD
    else:
        next_at = now + wait_ms(outcome, notification)
    return AttemptEnded(
        at=now,
        outcome=outcome.kind,
        then=then,
        code=outcome.code,
        status=outcome.status,
        next_at=next_at,
    )


def wait_ms(outcome: SendResult, notification: Notification) -> int:
    """Give the ms until the next attempt: 1, 5, 25, 60 min, or longer if we were asked to."""
    own = WAITS[min(notification.attempts, len(WAITS) - 1)] * MINUTE_MS
    asked = int((outcome.retry_after or 0) * 1000)
    return max(own, min(asked, RETRY_AFTER_LIMIT_MS))


OUTCOMES_PER_COMMIT = 8
ADDRESSES_PER_ROUND = 500

log = logging.getLogger(__name__)


class DeliveryWorker:
    """Send what is due by one channel. Two workers on one ledger never send the same message."""

    def __init__(
        self, name: str, channel: Channel, context: SendingContext, defaults: MessageDefaults
    ) -> None:
        self.name = name
        self.form = "chat" if channel.form == "chat" else "email"
        self._channel = channel
        self._views = context.views
        self._streams = context.streams
        self._planner = Planner(context, defaults)
        self._worker = f"{defaults.domain}/{name}"
        self._unsettled: list[UnrecordedOutcome] = []
        self._settling = threading.RLock()
        self._in_hand = False
        self._rests_until = 0
        self.retired = False

    def deliver(self, now: int, stopping: Callable[[], bool] = lambda: False) -> int:
        """Deliver one round; return how many notifications moved on.

        The attempt is on disk before the network is touched. When `stopping` says so, the
        message in hand is finished and what was claimed but not begun is given back. Outcomes
        that could not be recorded in the last round are recorded first. After trouble of the
        channel itself it rests for a minute, then tries one message before it takes many.
        """
        self.settle()
        if 0 < self._rests_until - now <= CHANNEL_REST_MS:
            return 0
        begun = monotonic()
        limit = 1 if self._rests_until else self._channel.batch
        ids = queue.due(self._views, self.name, now=now, limit=limit)
        if not ids:
            return 0
        found = [n for n in self._streams.notifications(ids) if is_due(n, now)]
        left = [Update(n, self._lost(now)) for n in found if n.claimed_until is not None]
        plan = self._planner.plan([n for n in found if n.claimed_until is None], now)
        claim = AttemptStarted(at=now, worker=self._worker, until=now + CLAIM_MS)
        claims = [self._claim(ready, claim) for ready in plan.ready]
        written = self._append([*left, *plan.steps, *claims])
        pairs = zip(plan.ready, claims, strict=True)
        ready = [claimed(r, step) for r, step in pairs if r.notification.id in written]
        self._send(ready, now, begun=begun, stopping=stopping)
        return len(written)

    def _claim(self, ready: ReadyMessage, claim: AttemptStarted) -> Update:
        """Start an attempt, and end the notifications that the message stands for too."""
        lead = ready.notification
        speaks_for = tuple(n.id for n, _ in ready.message.told)
        message_id = "" if self.form == "chat" or lead.message_id else ready.outgoing.message_id
        told = collapsed(ready.message, claim.at)
        claim = replace(claim, message_id=message_id, speaks_for=speaks_for)
        also = tuple((n, told) for n, _ in ready.message.told)
        passed = ready.message.passed
        return Update(lead, claim, also=also, beside=(passed,) if passed else ())

    def take_over(self, now: int) -> int:
        """End the attempts a worker left open when it died: nobody knows what came of them.

        Only for the one service on a SQLite ledger, at its start. Returns how many.
        """
        ids = queue.claimed(self._views)
        left = [n for n in self._streams.notifications(ids) if n.claimed_until is not None]
        mine = [n for n in left if n.owed.channel == self.name]
        return len(self._append([Update(n, self._lost(now)) for n in mine]))

    def _lost(self, now: int) -> AttemptEnded:
        then = HELD if self.form == "chat" else OWED
        return AttemptEnded(at=now, outcome="unknown", then=then, next_at=now)

    def look_again(self, now: int) -> int:
        """Look again for the addresses that were not known; return how many were found."""
        found, after_id = 0, ""
        while ids := queue.waiting_for_address(self._views, after_id, ADDRESSES_PER_ROUND):
            after_id = ids[-1]
            waiting = self._streams.notifications(ids)
            mine = [n for n in waiting if n.owed.channel == self.name]
            changes = self._planner.look_again([n for n in mine if n.state == WAITING_ADDRESS], now)
            found += len(self._append(changes))
        return found

    def close(self) -> None:
        """Let go of the channel's connections, unless a message is in hand: it is left.

        What came of the others is recorded; what cannot be is named in the log.
        """
        if self._in_hand:
            return
        try:
            self.settle()
        except (sqlite3.Error, PersistenceError) as error:
            lost = ", ".join(u.notification.id for u in self._unsettled)
            log.error("%s: not recorded and so sent again: %s (%s)", self.name, lost, error)
        self._channel.close()

    def _send(
        self, ready: Sequence[ReadyMessage], now: int, begun: float, stopping: Callable[[], bool]
    ) -> None:
        """Send what still holds; give back what is left by trouble or after a minute."""
        waiting, at, trouble = list(ready), now, False
        try:
            while waiting and at <= now + PLAN_MS and not (trouble or self.retired or stopping()):
                still = self._planner.at_the_last_moment(waiting[0], at)
                first = waiting.pop(0).notification
                if isinstance(still, ReadyMessage):
                    outcome = self._outcome(still.outgoing)
                    at = now + int((monotonic() - begun) * 1000)
                    trouble = outcome.about_channel
                    end = after(outcome, first, form=self.form, now=at)
                    self._unsettled.append(UnrecordedOutcome(first, end, outcome.text))
                else:
                    self._unsettled.append(UnrecordedOutcome(first, still))
                if len(self._unsettled) >= OUTCOMES_PER_COMMIT:
                    self.settle()
        finally:
            self._rests_until = at + CHANNEL_REST_MS if trouble else 0
            next_at = self._rests_until or now
            back = AttemptEnded(at=at, outcome=NOT_TRIED, then=OWED, next_at=next_at)
            self._unsettled += [UnrecordedOutcome(r.notification, back) for r in waiting]
            self.settle()

    def _outcome(self, outgoing: OutgoingMessage) -> SendResult:
        """Send a message; when the program itself fails on one, nobody knows what became of it."""
        self._in_hand = True
        try:
            return self._channel.send(outgoing)
        except Exception as error:
            name = type(error).__name__
            log.error("%s: the program failed on %s (%s)", self.name, outgoing.notification, name)
            return SendResult("unknown", text=f"{name}: {error}")
        finally:
            self._in_hand = False

    def settle(self) -> None:
        """Record outcomes at the version after the claim, or at the next free one.

        What cannot be recorded is kept: only a crash may make a message repeat.
        """
        with self._settling:
            pending = list(self._unsettled)
            texts = {u.notification.id: u.text for u in pending if u.text}
            written = self._append([Update(u.notification, u.end) for u in pending], texts)
            late = [u for u in pending if u.notification.id not in written]
            for each in pending:
                if each not in late:
                    self._unsettled.remove(each)
            for each in late:
                self._settle_late(each, texts)
                self._unsettled.remove(each)

    def _settle_late(self, late: UnrecordedOutcome, texts: Mapping[str, str]) -> None:
        """Record what became of what somebody took over: a try counts, a return does not."""
        written = not late.tried
        while not written:
            (found,) = self._streams.notifications([late.notification.id])
            written = bool(self._append([Update(found, late.end)], texts))

    def _append(self, events: Sequence[Update], texts: Mapping[str, str] = {}) -> set[str]:
        """Append each at the next version; return the ids that went in, conflicts left out."""
        if not events:
            return set()
        updates = [with_releases(update, self._streams) for update in events]
        rows = [(n.id, n.version + 1, body) for each in updates for n, body in each.changes]
        rows += [row for each in updates for row in each.beside]
        kept = [(id, f"reply/{v}", texts[id]) for id, v, _ in rows if id in texts]
        if self._streams.store.append_unless_moved(rows, ground(updates), kept):
            return {update.notification.id for update in events}
        if len(events) == 1:
            return set()
        return self._one_by_one(events, texts)

    def _one_by_one(self, events: Sequence[Update], texts: Mapping[str, str]) -> set[str]:
        """Append all but what conflicts, and what counts on a row beside one that does."""
        written: set[str] = set()
        missing: set[str] = set()
        for event in events:
            beside = {stream for stream, *_ in event.beside}
            done = self._append([event], texts) if missing.isdisjoint(beside) else set()
            missing |= set() if done else beside
            written |= done
        return written


def claimed(ready: ReadyMessage, claim: Update) -> ReadyMessage:
    """Give a message that may leave as it stands after its attempt was started."""
    return replace(ready, notification=ready.notification.apply(claim.body))
