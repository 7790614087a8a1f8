"""Delivery: claim, test again, send, record; one of these for every channel."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic

import msgspec
from eventsourcing.persistence import IntegrityError

from service.learners.events import Body, EventMapper
from service.learners.knowledge import Knowledge
from service.learners.ledger import Ledger
from service.learners.views import Views
from service.rules.decide import Decider
from service.rules.notifications import (
    DROPPED,
    GIVEN_UP,
    HELD,
    NOT_TRIED,
    OWED,
    WAITING_ADDRESS,
    AttemptEnded,
    AttemptStarted,
    Ended,
    Notification,
)
from service.sending import queue
from service.sending.attempts import CLAIM_MS, after
from service.sending.docket import Docket
from service.sending.packing import Post, chosen_of, parcel_of
from service.sending.parcel import Channel, Parcel
from service.sending.rendering import TemplateProblem, Templates
from service.sending.verdict import Leaves, Subject, judge

OUTCOMES_PER_COMMIT = 8
ADDRESSES_PER_ROUND = 500


class Active(msgspec.Struct, frozen=True):
    """The rules and templates that are active now."""

    decider: Decider
    templates: Templates


class Ready(msgspec.Struct, frozen=True):
    """A notification with the parcel it leaves as."""

    notification: Notification
    parcel: Parcel


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
        self._knowledge = knowledge
        self._docket = docket
        self._active = active
        self._post = post
        self._worker = worker
        self.retired = False

    def deliver(self, now: int, stopping: Callable[[], bool] = lambda: False) -> int:
        """One round; returns how many notifications moved on.

        The attempt is on disk before the network is touched. When `stopping` says so, the
        message in hand is finished and what was claimed but not begun is given back.
        """
        ids = queue.due(self._views, self.name, now, self._channel.batch)
        if not ids:
            return 0
        self._knowledge.forget()
        found = [n for n in self._docket.notifications(ids) if is_due(n, now)]
        left = [(n, self._lost(now)) for n in found if n.claimed_until is not None]
        ready, ends = self._plan([n for n in found if n.claimed_until is None], now)
        claim = AttemptStarted(at=now, worker=self._worker, until=now + CLAIM_MS)
        written = self._append([*left, *ends, *((r.notification, claim) for r in ready)])
        self._send([r for r in ready if r.notification.id in written], now, stopping)
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
        self._knowledge.forget()
        while ids := queue.waiting_for_address(self._views, after_id, ADDRESSES_PER_ROUND):
            after_id = ids[-1]
            waiting = self._docket.notifications(ids)
            mine = [n for n in waiting if n.owed.channel == self.name]
            _, ends = self._plan([n for n in mine if n.state == WAITING_ADDRESS], now)
            found += len(self._append(ends))
        return found

    def close(self) -> None:
        """Lets go of the channel's connections."""
        self._channel.close()

    def _plan(
        self, open_now: Sequence[Notification], now: int
    ) -> tuple[list[Ready], list[tuple[Notification, Body]]]:
        active = self._active()
        members = self._with_those_collapsed(open_now)
        subjects = self._docket.subjects([n for group in members for n in group])
        ready: list[Ready] = []
        ends: list[tuple[Notification, Body]] = []
        for group in members:
            leaving: list[tuple[Notification, Leaves]] = []
            for notification in group:
                subject = subjects[notification.owed.subject]
                self._judge(notification, subject, active.decider, now, leaving, ends)
            if leaving:
                self._prepare(leaving, active.templates, now, ready, ends)
        return ready, ends

    def _judge(
        self, notification: Notification, subject: Subject, decider: Decider, now: int,
        leaving: list[tuple[Notification, Leaves]], ends: list[tuple[Notification, Body]],
    ) -> None:  # fmt: skip
        verdict = judge(notification, subject, decider, self._knowledge, now)
        if isinstance(verdict, Leaves):
            leaving.append((notification, verdict))
        elif verdict is not None:
            ends.append((notification, verdict))

    def _with_those_collapsed(self, open_now: Sequence[Notification]) -> list[list[Notification]]:
        groups: dict[str, list[Notification]] = {}
        for notification in open_now:
            groups.setdefault(notification.owed.collapse or notification.id, [notification])
        for key, group in groups.items():
            first = group[0]
            if first.owed.collapse is not None and first.attempts == 0:
                others = self._docket.notifications(queue.together(self._views, key))
                groups[key] = [n for n in others if joins(n, first)] or group
        return list(groups.values())

    def _prepare(
        self, leaving: Sequence[tuple[Notification, Leaves]], templates: Templates, now: int,
        ready: list[Ready], ends: list[tuple[Notification, Body]],
    ) -> None:  # fmt: skip
        (lead, leaves), others = chosen_of(leaving)
        try:
            parcel = parcel_of(lead, leaves, [o[1] for o in others], templates, self._post, now)
        except TemplateProblem as problem:
            ends.append((lead, Ended(at=now, state=GIVEN_UP, reason=f"template: {problem}")))
            return
        ready.append(Ready(lead, parcel))
        told = Ended(at=now, state=DROPPED, reason="collapsed", into=lead.id)
        ends += [(other, told) for other, _ in others]

    def _send(self, ready: Sequence[Ready], now: int, stopping: Callable[[], bool]) -> None:
        begun = monotonic()
        ended: list[tuple[Notification, Body]] = []
        texts: dict[str, str] = {}
        for place, each in enumerate(ready):
            if self.retired or stopping():
                given_back = AttemptEnded(at=now, outcome=NOT_TRIED, then=OWED, next_at=now)
                ended += [(r.notification, given_back) for r in ready[place:]]
                break
            outcome = self._channel.send(each.parcel)
            at = now + int((monotonic() - begun) * 1000)
            ended.append((each.notification, after(outcome, each.notification, self.form, at)))
            if outcome.text:
                texts[each.notification.id] = outcome.text
            if len(ended) >= OUTCOMES_PER_COMMIT:
                self._settle(ended, texts)
                ended, texts = [], {}
        self._settle(ended, texts)

    def _settle(self, ended: Sequence[tuple[Notification, Body]], texts: Mapping[str, str]) -> None:
        """Records outcomes at the version after the claim, or at the next free one."""
        claimed = [(msgspec.structs.replace(n, version=n.version + 1), end) for n, end in ended]
        written = self._append(claimed, texts)
        for notification, end in claimed:
            while notification.id not in written:
                (notification,) = self._docket.notifications([notification.id])
                written |= self._append([(notification, end)], texts)

    def _append(
        self,
        events: Sequence[tuple[Notification, Body]],
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


def is_due(notification: Notification, now: int) -> bool:
    """Whether the log itself says that it may leave now and nobody has it in hand."""
    free = notification.claimed_until is None or notification.claimed_until <= now
    return (
        notification.is_open
        and notification.state != HELD
        and free
        and (notification.due_at <= now)
    )


def joins(notification: Notification, first: Notification) -> bool:
    """Whether it was decided while the first one was waiting for company."""
    free = notification.claimed_until is None and notification.attempts == 0
    return notification.is_open and free and notification.owed.decided_at <= first.owed.due_at
