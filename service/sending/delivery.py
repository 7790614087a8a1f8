"""Delivery: claim, send, record; one of these for every channel."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic

import msgspec
from eventsourcing.persistence import IntegrityError

from service.learners.events import Body, EventMapper
from service.learners.knowledge import Knowledge
from service.learners.ledger import Ledger
from service.learners.views import Views
from service.rules.notifications import (
    HELD,
    NOT_TRIED,
    OWED,
    WAITING_ADDRESS,
    AttemptEnded,
    AttemptStarted,
    Notification,
)
from service.sending import queue
from service.sending.attempts import CLAIM_MS, after
from service.sending.docket import Docket
from service.sending.packing import Post
from service.sending.parcel import Channel, Outcome, Parcel
from service.sending.planning import Active, Change, Planner, Ready

OUTCOMES_PER_COMMIT = 8
ADDRESSES_PER_ROUND = 500

log = logging.getLogger(__name__)


class Unsettled(msgspec.Struct, frozen=True):
    """An outcome that is not on disk yet: of which notification as claimed, and the reply."""

    notification: Notification
    end: AttemptEnded
    text: str = ""


class Delivery:
    """Sends what is due by one channel. Two of these on one ledger never send the same thing."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        form: str,
        ledger: Ledger,
        mapper: EventMapper,
        views: Views,
        knowledge: Knowledge,
        docket: Docket,
        active: Callable[[], Active],
        post: Post,
        worker: str,
    ) -> None:
        self.name = name
        self.form = form
        self._channel = channel
        self._ledger = ledger
        self._mapper = mapper
        self._views = views
        self._docket = docket
        self._planner = Planner(docket, views, knowledge, active, post)
        self._worker = worker
        self._unsettled: list[Unsettled] = []
        self._in_hand = False
        self.retired = False

    def deliver(self, now: int, stopping: Callable[[], bool] = lambda: False) -> int:
        """One round; returns how many notifications moved on.

        The attempt is on disk before the network is touched. When `stopping` says so, the
        message in hand is finished and what was claimed but not begun is given back. Outcomes
        that could not be recorded in the last round are recorded first.
        """
        self._settle()
        ids = queue.due(self._views, self.name, now, self._channel.batch)
        if not ids:
            return 0
        found = [n for n in self._docket.notifications(ids) if is_due(n, now)]
        left = [(n, self._lost(now)) for n in found if n.claimed_until is not None]
        plan = self._planner.plan([n for n in found if n.claimed_until is None], now)
        claim = AttemptStarted(at=now, worker=self._worker, until=now + CLAIM_MS)
        claims = [(r.notification, claim) for r in plan.ready]
        written = self._append([*left, *plan.changes, *claims])
        self._send([r for r in plan.ready if r.notification.id in written], now, stopping)
        return len(written)

    def take_over(self, now: int) -> int:
        """Ends the attempts a worker left open when it died: nobody knows what came of them.

        Only for the one service on a SQLite ledger, at its start. Returns how many.
        """
        ids = queue.claimed(self._views)
        left = [n for n in self._docket.notifications(ids) if n.claimed_until is not None]
        mine = [n for n in left if n.owed.channel == self.name]
        return len(self._append([(n, self._lost(now)) for n in mine]))

    def _lost(self, now: int) -> AttemptEnded:
        then = HELD if self.form == "chat" else OWED
        return AttemptEnded(at=now, outcome="unknown", then=then, next_at=now)

    def look_again(self, now: int) -> int:
        """Asks again for the addresses that were not known; returns how many were found."""
        found, after_id = 0, ""
        while ids := queue.waiting_for_address(self._views, after_id, ADDRESSES_PER_ROUND):
            after_id = ids[-1]
            waiting = self._docket.notifications(ids)
            mine = [n for n in waiting if n.owed.channel == self.name]
            changes = self._planner.look_again([n for n in mine if n.state == WAITING_ADDRESS], now)
            found += len(self._append(changes))
        return found

    def close(self) -> None:
        """Lets go of the channel's connections, unless a message is in hand: it is left."""
        if not self._in_hand:
            self._channel.close()

    def _send(self, ready: Sequence[Ready], now: int, stopping: Callable[[], bool]) -> None:
        begun = monotonic()
        waiting = list(ready)
        try:
            while waiting and not (self.retired or stopping()):
                each = waiting.pop(0)
                outcome = self._outcome(each.parcel)
                at = now + int((monotonic() - begun) * 1000)
                end = after(outcome, each.notification, self.form, at)
                self._unsettled.append(Unsettled(claimed(each.notification), end, outcome.text))
                if len(self._unsettled) >= OUTCOMES_PER_COMMIT:
                    self._settle()
        finally:
            back = AttemptEnded(at=now, outcome=NOT_TRIED, then=OWED, next_at=now)
            self._unsettled += [Unsettled(claimed(r.notification), back) for r in waiting]
            self._settle()

    def _outcome(self, parcel: Parcel) -> Outcome:
        """What became of a parcel; when the program itself fails on it, nobody knows."""
        self._in_hand = True
        try:
            return self._channel.send(parcel)
        except Exception as error:
            name = type(error).__name__
            log.error("%s: the program failed on %s (%s)", self.name, parcel.notification, name)
            return Outcome("unknown", text=f"{name}: {error}")
        finally:
            self._in_hand = False

    def _settle(self) -> None:
        """Records outcomes at the version after the claim, or at the next free one.

        What cannot be recorded is kept: only a crash may make a message repeat.
        """
        texts = {u.notification.id: u.text for u in self._unsettled if u.text}
        written = self._append([(u.notification, u.end) for u in self._unsettled], texts)
        self._unsettled = [u for u in self._unsettled if u.notification.id not in written]
        while self._unsettled:
            self._settle_late(self._unsettled[0], texts)
            del self._unsettled[0]

    def _settle_late(self, late: Unsettled, texts: Mapping[str, str]) -> None:
        """Somebody took it over meanwhile: what became of it still counts, a return does not."""
        written = late.end.outcome == NOT_TRIED
        while not written:
            (found,) = self._docket.notifications([late.notification.id])
            written = bool(self._append([(found, late.end)], texts))

    def _append(
        self,
        events: Sequence[Change],
        texts: Mapping[str, str] | None = None,
    ) -> set[str]:
        """Appends each at the next version; returns the ids that went in, conflicts left out."""
        if not events:
            return set()
        try:
            self._commit(events, texts or {})
        except IntegrityError:
            if len(events) == 1:
                return set()
            return set().union(*(self._append([event], texts) for event in events))
        return {notification.id for notification, _ in events}

    def _commit(
        self, events: Iterable[tuple[Notification, Body]], texts: Mapping[str, str]
    ) -> None:
        rows = [(n.id, n.version + 1, *self._mapper.encode(body)) for n, body in events]
        kept = [(id, f"reply/{v}", texts[id]) for id, v, _, _ in rows if id in texts]
        with self._ledger.transaction() as cursor:
            self._ledger.append(cursor, rows)
            self._ledger.keep_erasable(cursor, kept)


def claimed(notification: Notification) -> Notification:
    """A notification after its attempt was started."""
    return msgspec.structs.replace(notification, version=notification.version + 1)


def is_due(notification: Notification, now: int) -> bool:
    """Whether the log itself says that it may leave now and nobody has it in hand."""
    free = notification.claimed_until is None or notification.claimed_until <= now
    return (
        notification.is_open
        and notification.state != HELD
        and free
        and (notification.due_at <= now)
    )
