"""Plan what leaves now, as one message with what else, and what ends instead.

Pure: values in, values out. Delivery and the backtest plan with it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple

import msgspec

from service.learners.directory.people_table import address_key
from service.ledger.events import EventBody, Latest, stream_id
from service.rules.calendar import DAY, HOUR_MINUTES, instant, local, opens
from service.rules.judgement import Due, Ground, Verdict
from service.rules.notification import (
    DROPPED,
    Deferred,
    Ended,
    Notification,
    NotificationStep,
    Owed,
    Redriven,
    ended_unsent,
)
from service.rules.rule import Defaults, Rule, alike, bundle_for, names_told, zone_of

REASON = "throttle"
AT_MOST = "at_most"
"""Why something waits for the next day, as its reader got enough."""
MORNING = 8 * HOUR_MINUTES
"""When it leaves then, in minutes of the reader's day."""
REMEMBERED_MS = 2 * DAY
"""So long a message tried again is not counted anew."""


class ThrottlePassed(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record the notifications that a limit let through and still counts: when, and which."""

    TOPIC: ClassVar[str] = "throttle.passed"
    at: int
    passed: tuple[tuple[int, str], ...]


SHAPES: Mapping[str, Any] = {ThrottlePassed.TOPIC: ThrottlePassed}
Pass = tuple[str, int, ThrottlePassed]
"""The next event of a limit's stream: stream, version and body."""
Passed = Sequence[tuple[int, str]]


def passing(notification: Notification, due: Due, latest: Latest, now: int) -> list[Pass] | None:
    """Say what its throttle remembers when a notification leaves; None when it is one too many.

    Nothing is when it has no throttle, or was let through before. A throttle counts the room or
    the very person, by whichever of their records. What ended unsent does not count; nor does what
    left by a clock that was far ahead.
    """
    throttle = due.entry.throttle
    if throttle is None:
        return []
    streams = throttle_streams(notification.owed, due)
    passed = [_passed(stream, latest) for stream in streams]
    before = [[p for p in each if abs(now - p[0]) < throttle.per_ms] for _, each in passed]
    if any(other == notification.id for each in before for _, other in each):
        return []
    if sum(map(len, before)) >= throttle.max:
        before = [_sent(each, latest) for each in before]
    if sum(map(len, before)) >= throttle.max:
        return None
    return _remembered(streams[0], passed[0][0] + 1, (*before[0], (now, notification.id)))


def throttle_streams(owed: Owed, due: Due) -> list[str]:
    """Name the streams of one throttle: of an entry, a recipient, and the values it groups by.

    Those of other records of the recipient come behind.
    """
    assert due.entry.throttle is not None
    recipient = due.recipient.id if due.recipient else owed.recipient
    values = [str(due.reading(field)) for field in due.entry.throttle.group_by]
    records = (recipient, *due.beside)
    return [stream_id("t", owed.rule, owed.entry, each, *values) for each in records]


class DailyLimit:
    """Say how many messages a day are enough for the person who reads one, if the file says so.

    A day is the reader's. Tried again, a message counts for its first day.
    """

    def __init__(self, due: Due, defaults: Defaults, latest: Latest, now: int) -> None:
        self._at_most = defaults.at_most if due.recipient else None
        self._reader = due.recipient.id if due.recipient else ""
        self._zone = zone_of(due.recipient, defaults)
        self._latest = latest
        self._now = now

    def passing(self, notification: Notification) -> list[Pass] | None:
        """Say what is remembered when it leaves; None when it is one too many today."""
        if self._at_most is None:
            return []
        stream = stream_id("p", self._reader)
        version, before = _passed(stream, self._latest)
        kept = [(at, other) for at, other in before if abs(self._now - at) < REMEMBERED_MS]
        if any(other == notification.id for _, other in kept):
            return []
        today = local(self._now, self._zone).date()
        counted = [each for each in kept if local(each[0], self._zone).date() == today]
        if len(counted) >= self._at_most:
            counted = _sent(counted, self._latest)
        if len(counted) >= self._at_most:
            return None
        return _remembered(stream, version + 1, (*kept, (self._now, notification.id)))

    def put_off(self, notification: Notification, due: Due) -> Deferred:
        """Let it leave in the morning of the next day, or once its window is open then."""
        tomorrow = local(self._now, self._zone).date() + timedelta(days=1)
        at, window = instant(tomorrow, MORNING, self._zone), due.window
        until = opens(window, self._zone, at) if window else at
        bundle = bundle_for(notification.owed.channel, self._reader)
        reader = self._reader
        return Deferred(at=self._now, until=until, reason=AT_MOST, bundle=bundle, reader=reader)


def _passed(stream: str, latest: Latest) -> tuple[int, Passed]:
    version, last = latest(stream) or (0, None)
    return version, last.passed if isinstance(last, ThrottlePassed) else ()


def _sent(counted: Passed, latest: Latest) -> list[tuple[int, str]]:
    """Keep those that did not end unsent."""
    newest = [(each, latest(each[1])) for each in counted]
    return [each for each, last in newest if last is None or not ended_unsent(last[1])]


def _remembered(stream: str, version: int, passed: Passed) -> list[Pass]:
    return [(stream, version, ThrottlePassed(at=passed[-1][0], passed=tuple(passed)))]


COLLAPSED, BUNDLE = "collapsed", "bundle"
"""Why something ends when another message stands for it."""
BUNDLE_MAX = 50
"""So many things are one message of a bundle at most; what is beyond leaves with the next one."""
WEIGHTS = {"certification": 2, "learning_path": 1}
"""Of messages that become one, the one about the larger thing speaks for the others."""

Change = tuple[Notification, NotificationStep]
"""A notification and the next event of its stream."""
Leaving = tuple[Notification, Due]
"""A notification that may leave, and as what."""
Judge = Callable[[Notification], Verdict]
"""Gives the verdict on a notification."""


class PlannedMessage(NamedTuple):
    """Hold one message: the notification that speaks, and those it speaks for.

    `told` are those that it is the first to stand for; `before` ended so at an earlier attempt,
    and so did those `released`, which it is not to tell of any more, though they still hold.
    `passed` is what limits remember of it.
    """

    lead: Notification
    due: Due
    told: Sequence[Leaving] = ()
    before: Sequence[Leaving] = ()
    released: Sequence[Notification] = ()
    passed: Sequence[Pass] = ()

    @property
    def stoppable(self) -> dict[str, None]:
        """Name the rules because of which it is sent and that its reader can stop."""
        told = [(self.lead, self.due), *self.others]
        return dict.fromkeys(n.owed.rule for n, due in told if not due.required)

    @property
    def others(self) -> list[Leaving]:
        """List all that it names beside its own."""
        return [*self.told, *self.before]

    @property
    def notifications(self) -> list[Notification]:
        """List all of which it tells, the one that speaks first."""
        return [self.lead, *(notification for notification, _ in self.others)]

    def changes(self, now: int) -> list[Change]:
        """Make what the start of its attempt means for the others: an end into it, or a release."""
        lead, again = self.lead, Redriven(at=now, released_by=self.lead.id)
        ends = [(n, _ended_into(lead, n, now)) for n, _ in self.told]
        return [*ends, *((n, again) for n in self.released)]

    def reasons(self, rules: Mapping[str, Rule]) -> list[Mapping[str, Any]]:
        """Say why it comes: as whom, the lead's role first, and what the rules of each are for."""
        found: dict[tuple[str, str], dict[str, None]] = {}
        for notification, due in ((self.lead, self.due), *self.others):
            role, _, group = (due.entry.to or notification.owed.recipient).partition(":")
            said = found.setdefault((role, group), {})
            if (rule := rules.get(notification.owed.rule)) and rule.description:
                said[rule.description] = None
        return [{"role": r, "group": g or None, "rules": [*said]} for (r, g), said in found.items()]

    def parts(self, apart: Callable[[Leaving], str]) -> "list[PlannedMessage]":
        """Take it apart by what `apart` gives of each thing; the lead's own part comes first."""
        parts: dict[str, list[Leaving]] = {}
        for each in ((self.lead, self.due), *self.others):
            parts.setdefault(apart(each), []).append(each)
        return [PlannedMessage(*first, told=rest) for first, *rest in parts.values()]


def _ended_into(lead: Notification, notification: Notification, now: int) -> Ended:
    own, kind = notification.owed.collapse, lead.owed.collapse
    reason = COLLAPSED if own is not None and own == kind else BUNDLE
    return Ended(at=now, state=DROPPED, reason=reason, into=lead.id)


Accept = Callable[[PlannedMessage], Change | None]
"""Takes a message, or says which notification of it ends instead: words may not fit its values."""


class Plan(msgspec.Struct):
    """Hold what leaves, and the next event of what does not; limits remember `passed`."""

    ground: Ground
    messages: list[PlannedMessage] = []
    endings: list[Change] = []
    passed: dict[str, tuple[int, EventBody]] = {}

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        """Give the newest event of a stream, as what was planned before leaves it."""
        return self.passed.get(stream) or self.ground.world.latest(stream)

    def move(self, changes: Iterable[Change]) -> None:
        """Let these move on; what waits as it did before does not."""
        self.endings += [(n, body) for n, body in changes if _is_news(n, body)]

    def add(self, message: PlannedMessage) -> None:
        """Add a message."""
        self.messages.append(message)
        self.passed |= {stream: (version, body) for stream, version, body in message.passed}


def plan(
    groups: Iterable[Sequence[Notification]],
    judge: Judge,
    ground: Ground,
    accept: Accept = lambda _: None,
) -> Plan:
    """Plan groups of notifications, of which each may become one message for each reader.

    What a group has spoken for and ended already is only judged, to be named; if it still holds
    and is not for this reader and this moment any more, it is let go of.
    """
    planned = Plan(ground)
    for group in groups:
        judged = [(n, judge(n)) for n in group]
        leaving = [(n, verdict) for n, verdict in judged if isinstance(verdict, Due)]
        held = [n for n, v in judged if n.into is not None and not isinstance(v, Ended)]
        for mine in by_reader(leaving):
            if any(n.is_open for n, _ in mine):
                _add(planned, mine, held=held, accept=accept)
        planned.move((n, v) for n, v in judged if n.is_open and isinstance(v, NotificationStep))
        alone = _held_back(judged, ground.now)
        planned.move((n, Redriven(at=ground.now, released_by=n.into)) for n in alone)
    return planned


def by_reader(leaving: Iterable[Leaving]) -> Iterator[list[Leaving]]:
    """Group what leaves by the address of who reads it now."""
    readers: dict[str, list[Leaving]] = {}
    for notification, due in leaving:
        address = due.recipient.email if due.recipient else None
        readers.setdefault(address_key(address or ""), []).append((notification, due))
    yield from readers.values()


def _held_back(judged: Sequence[tuple[Notification, Verdict]], now: int) -> list[Notification]:
    """List what could leave before the message that was to stand for it, which has to wait."""
    moments = {n.id: getattr(verdict, "until", now) for n, verdict in judged}
    return [n for n, _ in judged if moments[n.id] < moments.get(n.into or "", 0)]


def _is_news(notification: Notification, body: NotificationStep) -> bool:
    """Tell whether a next event says more than that a notification waits as it does."""
    changes = body.changes(notification).items()
    return any(getattr(notification, name) != value for name, value in changes)


def _add(
    planned: Plan, mine: Sequence[Leaving], held: Sequence[Notification], accept: Accept
) -> None:
    """Add one message for all of these that their limits let through, if it is accepted."""
    ground = planned.ground
    open_ones = ranked([each for each in mine if each[0].is_open], ground.decider.places)
    most = BUNDLE_MAX if any(n.bundle for n, _ in open_ones) else None
    leaving, passed = _let_through(planned, open_ones[:most])
    if not leaving:
        return
    (lead, due), *told = leaving
    enough = DailyLimit(due, ground.decider.rules.defaults, planned.latest, now=ground.now)
    counted = enough.passing(lead)
    if counted is None:
        planned.move((n, enough.put_off(n, each)) for n, each in leaving)
        return
    spoken = [each for each in mine if each[0].into == lead.id]
    before = ranked(spoken, ground.decider.places)
    released = [n for n in held if n.into == lead.id and all(n is not each for each, _ in before)]
    message = PlannedMessage(
        lead, due, told, before=before, released=released, passed=[*passed, *counted]
    )
    if (instead := accept(message)) is not None:
        planned.move([instead])
    else:
        planned.add(message)


def _let_through(planned: Plan, leaving: Sequence[Leaving]) -> tuple[list[Leaving], list[Pass]]:
    """Pick what throttles let through; of what collapses into one, the one that speaks is asked."""
    passed, ground = list[Pass](), planned.ground

    def latest(stream: str) -> tuple[int, EventBody] | None:
        mine = [(version, body) for other, version, body in passed if other == stream]
        return mine[-1] if mine else planned.latest(stream)

    through = dict[str, bool]()
    for notification, due in leaving:
        kind = alike(notification)
        if kind not in through:
            found = passing(notification, due, latest, now=ground.now)
            through[kind] = found is not None
            passed += found or []
    dropped = Ended(at=ground.now, state=DROPPED, reason=REASON)
    planned.move((n, dropped) for n, _ in leaving if not through[alike(n)])
    return [each for each in leaving if through[alike(each[0])]], passed


def ranked(leaving: Sequence[Leaving], places: Mapping[str, int]) -> list[Leaving]:
    """Order what becomes one message; the first speaks.

    Who spoke before speaks on. Then what a rule says that stands earlier in the file, what is
    about the larger thing, and what was decided and happened first; of one moment by name.
    """

    def rank(each: Leaving) -> tuple[bool, int, int, tuple[Any, ...]]:
        notification, owed = each[0], each[0].owed
        place, weight = places[owed.rule], WEIGHTS.get(owed.kind, 0)
        first = owed.decided_at, owed.event_at or 0, names_told(each[1].reading), notification.id
        return not notification.speaks_for, place, -weight, first

    return sorted(leaving, key=rank) if len(leaving) > 1 else list(leaving)
