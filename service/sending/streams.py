"""Read notifications and what they are about, from the log to its end, and append to them."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from service.learners.facts import Identity, Timing
from service.learners.feed_subjects import (
    CHANNEL,
    FEED,
    LETTER,
    LetterSetAside,
    SilentSource,
    letter_of,
)
from service.learners.neighbours import Neighbours
from service.learners.world import load
from service.ledger.events import EventBody, EventStore, NewEvent
from service.rules.calendar import HOUR, MINUTE
from service.rules.digests import DigestClosed, bundle_of
from service.rules.fields import Subject as Readable
from service.rules.notification import (
    DIGEST,
    DROPPED,
    GIVEN_UP,
    HELD,
    NOT_TRIED,
    OWED,
    SENT,
    AttemptEnded,
    Ended,
    Held,
    Notification,
    Redriven,
)
from service.rules.plan import PlannedMessage
from service.rules.rule import MUTING
from service.rules.triggers.channel_failing import channel_as_recorded
from service.rules.triggers.stalled import STALLED
from service.rules.verdict import Item, Subject
from service.sending.channels.channel import SendResult


class NotificationStreams:
    """Read many notifications in one query each time; keep nothing."""

    def __init__(
        self,
        store: EventStore,
        timings: Mapping[str, Timing] = {},
        heard: Callable[[], Mapping[str, SilentSource]] = dict,
        asides: Callable[[Sequence[int]], Iterable[LetterSetAside]] = lambda _: (),
    ) -> None:
        """`timings` and the last letter `heard`, by source; `asides` by their numbers."""
        self.store = store
        self._timings = timings
        self._heard = heard
        self._asides = asides
        self._neighbours = Neighbours(store)

    def notifications(self, ids: Sequence[str]) -> list[Notification]:
        """Read notifications as the log has them, in the order asked for."""
        found = self.store.streams(ids)
        return [Notification.load(id, found[id]) for id in ids if id in found]

    def sent_at(self, ids: Sequence[str]) -> list[int]:
        """List when these were sent, or what speaks for them; nothing of what was not.

        What a digest tells of may have left in the message of something else.
        """
        leads = [each.into or each.id for each in self.notifications(ids)]
        leads = [each.into or each.id for each in self.notifications(leads)]
        bodies = [body for found in self.store.streams(leads).values() for body in found]
        return sorted(
            getattr(each, "at", 0) for each in bodies if getattr(each, "then", "") == SENT
        )

    def subjects(self, notifications: Sequence[Notification]) -> dict[str, Subject]:
        """Read the subjects of notifications, by their ids; of a digest all its items."""
        items = self._items([n for n in notifications if n.owed.trigger == DIGEST])
        plain = [n.owed for n in notifications if n.owed.trigger != DIGEST]
        plain += [n.owed for found in items.values() for n in found]
        known = self._subjects({owed.subject for owed in plain})
        subjects = {}
        for n in notifications:
            if n.id in items:
                about = bundle_of(n.owed.subject, [item.owed for item in items[n.id]])
                inner = [Item(item.owed, known[item.owed.subject]) for item in items[n.id]]
                subjects[n.id] = Subject(about, (), inner)
            elif n.owed.subject in known:
                subjects[n.id] = known[n.owed.subject]
        return subjects

    def beside(self, silences: Iterable[Identity]) -> dict[str, int]:
        """Read the newest versions of all streams on which it hangs whether these are told."""
        return self.store.newest([id for who in silences for id in self._neighbours.streams(who)])

    def _items(self, digests: Sequence[Notification]) -> dict[str, list[Notification]]:
        """Read the items of each digest, by its id, as they were when it was made up."""
        if not digests:
            return {}
        streams = self.store.streams(list({n.owed.subject for n in digests}))
        closed = {n.id: streams[n.owed.subject][n.owed.version - 1] for n in digests}
        ids = {n: body.items for n, body in closed.items() if isinstance(body, DigestClosed)}
        wanted = list({item for items in ids.values() for item in items})
        found = {n.id: n for n in self.notifications(wanted)}
        return {id: [found[item] for item in items] for id, items in ids.items()}

    def _subjects(self, wanted: Collection[str]) -> dict[str, Subject]:
        found = self.store.streams(list(wanted))
        subjects = {
            stream: Subject(self._read(stream, bodies), bodies) for stream, bodies in found.items()
        }
        if any(subject.startswith(FEED) for subject in wanted):
            subjects |= {heard.id: Subject(heard, ()) for heard in self._heard().values()}
        if letters := [letter_of(subject) for subject in wanted if subject.startswith(LETTER)]:
            subjects |= {aside.id: Subject(aside, ()) for aside in self._asides(letters)}
        return subjects

    def _read(self, stream: str, bodies: Sequence[EventBody]) -> Readable:
        if stream.startswith(CHANNEL):
            failed = channel_as_recorded(stream, bodies)
            assert failed is not None, f"{stream}: expected a failing at its beginning"
            return failed
        return load(stream, bodies, self._timings)


def silences_of(notification: Notification, subject: Subject) -> list[Identity]:
    """Name the enrolments whose silence a notification tells of."""
    told = [(item.owed, item.subject) for item in subject.items] or [(notification.owed, subject)]
    return [about.aggregate.about for owed, about in told if owed.trigger == STALLED]


Change = tuple[Notification, EventBody]
"""A notification and the next event of its stream."""


class Update(NamedTuple):
    """Hold what is appended together: `also` are next events of other notifications, `beside` those
    of other streams. It `rests_on` these streams being no longer than that.
    """

    notification: Notification
    body: EventBody
    also: tuple[Change, ...] = ()
    beside: tuple[NewEvent, ...] = ()
    rests_on: tuple[tuple[str, int], ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        return ((self.notification, self.body), *self.also)


class UnrecordedOutcome(msgspec.Struct, frozen=True):
    """Hold what became of a claimed notification, with the reply's text, until it is on disk."""

    notification: Notification
    end: EventBody
    text: str = ""

    @property
    def tried(self) -> bool:
        """Tell whether the network was touched, so that this counts whoever has it in hand now."""
        return isinstance(self.end, AttemptEnded) and self.end.outcome != NOT_TRIED


def seen(
    message: PlannedMessage,
    beside: Mapping[str, Mapping[str, int]],
    subjects: Mapping[str, Subject],
) -> dict[str, int]:
    """Name the streams a message was tested against, with their newest versions."""
    chosen = message.due.chosen
    found = {chosen.stream: chosen.version} if chosen.stream else {}
    for notification in message.notifications:
        found |= {**beside[notification.id], **subjects[notification.id].versions}
    return found


def step_of(notification: Notification, body: EventBody, muting: int) -> Update:
    """Make the step that ends or defers a notification; what is held rests on what is muted."""
    rests_on = ((MUTING, muting),) if isinstance(body, Held) else ()
    return Update(notification, body, rests_on=rests_on)


def ground(steps: Sequence[Update]) -> dict[str, int]:
    """Gather what updates rest on: each of these streams has just this newest version."""
    return {stream: version for step in steps for stream, version in step.rests_on}


def with_releases(step: Update, streams: NotificationStreams) -> Update:
    """Add to an update what is owed again, as the message that was to stand for it ends unsent."""
    released: list[Change] = []
    for speaker, body in step.changes:
        if isinstance(body, Ended | AttemptEnded) and silences(speaker, body):
            again = Redriven(at=body.at, released_by=speaker.id)
            found = streams.notifications(speaker.speaks_for)
            released += [(n, again) for n in found if n.state == DROPPED and n.into == speaker.id]
    return step._replace(also=(*step.also, *released)) if released else step


def silences(notification: Notification, body: EventBody) -> bool:
    """Tell whether a notification ends here unsent, though it was to speak for others."""
    if not notification.speaks_for:
        return False
    after = notification.apply(body)
    return not after.is_open and after.state != SENT


def is_due(notification: Notification, now: int) -> bool:
    """Tell whether a notification may leave now and nobody has it in hand, by the log itself."""
    free = notification.claimed_until is None or notification.claimed_until <= now
    return (
        notification.is_open
        and notification.state != HELD
        and free
        and (notification.due_at <= now)
    )


def lost(left: Sequence[Notification], form: str, now: int) -> list[Update]:
    """End open attempts: of what a connection claimed at once only the first can have begun."""
    then = HELD if form == "chat" else OWED
    unknown = AttemptEnded(at=now, outcome="unknown", then=then, next_at=now)
    first: dict[object, int] = {}
    for n in sorted(left, key=lambda n: n.turn):
        first.setdefault((n.worker, n.claimed_until), n.turn)
    begun = [n.turn == first[n.worker, n.claimed_until] for n in left]
    ends = [unknown if may_have_left else given_back(now) for may_have_left in begun]
    return [Update(n, end) for n, end in zip(left, ends, strict=True)]


def given_back(now: int, next_at: int = 0) -> AttemptEnded:
    """End an attempt whose message nobody has begun to send; due again at once, or then."""
    return AttemptEnded(at=now, outcome=NOT_TRIED, then=OWED, next_at=next_at or now)


WAITS = (1, 5, 25, 60)
"""Minutes until the next attempt; the last one repeats until `expires_after`."""
RETRY_AFTER_LIMIT_MS = HOUR


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
    own = WAITS[min(notification.attempts, len(WAITS) - 1)] * MINUTE
    asked = int((outcome.retry_after or 0) * 1000)
    return max(own, min(asked, RETRY_AFTER_LIMIT_MS))


class OutcomeRecorder:
    """Append the next events of notifications; outcomes that come together share one commit."""

    def __init__(self, streams: NotificationStreams) -> None:
        self._streams = streams
        self._unrecorded: list[UnrecordedOutcome] = []
        self._settling = threading.RLock()

    @property
    def unrecorded(self) -> list[str]:
        """List the ids of what has an outcome that is not on disk."""
        return [each.notification.id for each in self._unrecorded]

    def record(self, *outcomes: UnrecordedOutcome) -> None:
        """Return once these outcomes are on disk; what cannot be recorded is kept.

        Whoever is first commits all that came by then, while the next gather behind it: no timer.
        Who finds its own recorded by then commits nothing for the others.
        """
        self._unrecorded += outcomes
        with self._settling:
            if any(each is own for each in self._unrecorded for own in outcomes):
                self.settle()

    def settle(self) -> None:
        """Record outcomes at the version after the claim, or at the next free one.

        What cannot be recorded is kept: only a crash may make a message repeat.
        """
        with self._settling:
            pending = list(self._unrecorded)
            texts = {u.notification.id: u.text for u in pending if u.text}
            written = self.append(
                [Update(u.notification, u.end) for u in pending], texts, waking=False
            )
            late = [u for u in pending if u.notification.id not in written]
            self._unrecorded[: len(pending)] = late
            for each in late:
                self._settle_late(each, texts)
                self._unrecorded.remove(each)

    def _settle_late(self, late: UnrecordedOutcome, texts: Mapping[str, str]) -> None:
        """Record what became of what somebody took over, once: a try counts, a return does not."""
        written = not late.tried or late.end in self._streams.store.stream(late.notification.id)
        while not written:
            (found,) = self._streams.notifications([late.notification.id])
            written = bool(self.append([Update(found, late.end)], texts))

    def append(
        self, events: Sequence[Update], texts: Mapping[str, str] = {}, *, waking: bool = True
    ) -> set[str]:
        """Append each at the next version; return the ids that went in, conflicts left out."""
        if not events:
            return set()
        updates = [with_releases(update, self._streams) for update in events]
        rows = [(n.id, n.version + 1, body) for each in updates for n, body in each.changes]
        rows += [row for each in updates for row in each.beside]
        kept = [(id, f"reply/{v}", texts[id]) for id, v, _ in rows if id in texts]
        if self._streams.store.append_unless_moved(rows, ground(updates), kept, waking=waking):
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
            done = self.append([event], texts) if missing.isdisjoint(beside) else set()
            missing |= set() if done else beside
            written |= done
        return written
