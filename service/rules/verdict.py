"""Judge whether a notification still holds the moment before it leaves."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from service.learners.aggregate import Aggregate
from service.learners.directory.people import Person
from service.learners.facts import FactRecorded
from service.learners.world import World
from service.ledger.events import EventBody
from service.rules.calendar import DAY, MINUTE, opens
from service.rules.decider import conditions_hold, entry_of, follows_from
from service.rules.done_or_gone import LEARNER_LEFT, Twin, merged_into
from service.rules.fields import Reading
from service.rules.fields import Subject as Readable
from service.rules.judgement import Due, Ground, Stop, Verdict, Wait
from service.rules.notification import (
    CANCELLED,
    DIGEST,
    EXPIRED,
    RULE_GONE,
    RULE_REMOVED,
    SUPPRESSED,
    TITLE,
    WAITING_ADDRESS,
    AddressFound,
    Deferred,
    Ended,
    Held,
    Notification,
    Owed,
    WaitingForAddress,
)
from service.rules.readers.choices import NOTHING_CHOSEN, chosen_in
from service.rules.readers.watchers import ENTRY as WATCHERS_ENTRY
from service.rules.readers.watchers import wish_over
from service.rules.rule import (
    LEFT,
    LEFT_GROUP,
    MUTED,
    ROOM,
    Rule,
    bundle_for,
    find_reader,
    is_member_still,
    route_of,
    zone_of,
)
from service.rules.triggers.stalled import STALLED


class Subject(msgspec.Struct, frozen=True):
    """Hold what a notification is about as the log has it, with the events since, or its items."""

    aggregate: Readable
    bodies: Sequence[EventBody]
    items: Sequence["Item"] = ()

    @property
    def versions(self) -> dict[str, int]:
        """Name the streams that say what is so, each with its newest version."""
        if not self.items:
            return {self.aggregate.id: len(self.bodies)}
        return {id: v for item in self.items for id, v in item.subject.versions.items()}

    def as_told(self, owed: Owed) -> Readable:
        """Give what is read of it: how things stand, or what an event's own episode came to."""
        version = owed.version_told
        if version is None or not isinstance(self.aggregate, Aggregate):
            return self.aggregate
        return self.aggregate.told_by(version, self.bodies[version - 1])

    def transitions_after(self, version: int) -> set[str]:
        """Name every transition of the stream after one version."""
        later = self.bodies[version:]
        return {name for b in later if isinstance(b, FactRecorded) for name in b.transitions}


class Item(NamedTuple):
    """Hold one thing to be told, and what it is about as the log has it now."""

    owed: Owed
    subject: Subject

    def reading(self, world: World, now: int) -> Reading:
        """Make what conditions read of it at `now` (ms UTC)."""
        return Reading(self.subject.as_told(self.owed), self.owed.event_seen, world, now)


ADDRESS_WAIT_MS = 30 * DAY
TITLE_WAIT_MS = 15 * MINUTE
ESCALATION = "escalation"
TOO_LATE = "it was not sent within expires_after"


class Case:
    """Hold a notification before its verdict; a check leaves here what the next ones need.

    `items` is what can be read of the items of a digest that still hold, first to last.
    `recipient` is who is to read it as known now, None for a room, and if nobody knows; `reader`
    names either. `chosen` is what they chose, and `window` rests on it. `follows` is from when
    (ms UTC) it may leave to a reader who was told of the same before.
    """

    def __init__(self, notification: Notification, subject: Subject, ground: Ground) -> None:
        self.notification = notification
        self.owed = owed = notification.owed
        self.subject = subject
        self.ground = ground
        self.now = ground.now
        self.world = ground.world
        self.reading = Item(owed, subject).reading(ground.world, ground.now)
        rule = ground.decider.by_id.get(owed.rule)
        self.rule = rule if rule and rule.mode == "live" else None
        self.entry = entry_of(owed, self.rule, ground.world) if self.rule else None
        self.items: Sequence[Reading] = ()
        self.recipient: Person | None = None
        self.chosen = NOTHING_CHOSEN
        self.window = self.entry.window if self.entry else None
        self.reader = owed.recipient
        self.follows = 0

    def twin_holds(self, twin: Twin) -> bool:
        """Tell whether what another record of the person is owed is still so."""
        assert self.rule is not None
        told = Item(twin.owed, Subject(*twin.about) if twin.about else self.subject)
        return untrue(told, self.rule, told.reading(self.world, self.now)) is None


def items_true(case: Case, rule: Rule) -> list[Reading]:
    """Read the items of a digest that still hold, first to last."""
    readings = ((item, item.reading(case.world, case.now)) for item in case.subject.items)
    return [reading for item, reading in readings if untrue(item, rule, reading) is None]


def reader_is_there(case: Case) -> Stop | None:
    """End what nobody is to read any more, as whoever it is for has left."""
    owed = case.owed
    found = find_reader(owed.recipient, case.reading.learner, case.world, role=route_of(owed.entry))
    case.recipient, case.reader = found.person, found.person.id if found.person else owed.recipient
    stream = found.person and case.world.choices_stream(found.person.email or "")
    if found.person and stream:
        case.chosen = chosen_in(stream, case.world.latest)
        case.window = case.chosen.choices.window(case.window)
        case.recipient = case.chosen.choices.applied_to(found.person)
    return Ended(at=case.now, state=SUPPRESSED, reason=LEFT) if found.left else None


def rule_is_live(case: Case) -> Stop | None:
    """Cancel what no live rule and entry owes any more; hold it while the file is settling."""
    collected = case.owed.digest or case.owed.trigger == DIGEST
    if case.entry is not None and (case.entry.digest or not collected):
        return None
    ended = Ended(at=case.now, state=CANCELLED, reason=RULE_REMOVED)
    return unless_slip(case, ended, gone=True)


def unless_slip(case: Case, ended: Ended, *, gone: bool = False) -> Ended | Deferred:
    """End it; hold it while a file is settling by which its rule is `gone` or reads otherwise."""
    since, until, changed = case.ground.settling
    if case.now >= until or not (gone or case.owed.rule in changed):
        return ended
    return Deferred(at=case.now, until=until, reason=RULE_GONE, since=since)


def address_came_in_time(case: Case) -> Stop | None:
    """End what has waited for an address for too long."""
    notification = case.notification
    if notification.state == WAITING_ADDRESS and case.now >= notification.due_at:
        return Ended(at=case.now, state=EXPIRED, reason="no address was known in time")
    return None


def still_true(case: Case) -> Stop | None:
    """Cancel what is not so any more: trigger, conditions, cancel_on; a digest without items."""
    assert case.rule is not None
    if case.owed.trigger == DIGEST:
        case.items = items_true(case, case.rule)
        reason = None if case.items else "no_longer_true"
    else:
        reason = untrue(Item(case.owed, case.subject), case.rule, case.reading)
    ended = Ended(at=case.now, state=CANCELLED, reason=reason or "")
    return unless_slip(case, ended) if reason else None


def still_wished(case: Case) -> Stop | None:
    """Cancel what a watcher does not ask for any more, or another record of theirs is told."""
    owed, reason = case.owed, None
    if owed.entry.startswith(WATCHERS_ENTRY):
        reason = wish_over(case.notification.id, owed, case.world)
    records = map(case.world.records_of, (owed.person or "", owed.recipient))
    if reason is None and any(len(each) > 1 for each in records):
        reason = merged_into(owed, case.world, case.twin_holds)
    return Ended(at=case.now, state=CANCELLED, reason=reason) if reason else None


def still_in_group(case: Case) -> Stop | None:
    """End what is for somebody who is not in the group any more as which they were to be told."""
    if is_member_still(case.owed, case.world):
        return None
    return Ended(at=case.now, state=SUPPRESSED, reason=LEFT_GROUP)


def reader_wants_it(case: Case) -> Stop | None:
    """End what whoever reads it has stopped, and put off what they want later."""
    if not case.chosen.stream:
        return None
    assert case.rule is not None
    choices, zone = case.chosen.choices, zone_of(case.recipient, case.ground.decider.rules.defaults)
    if stopped := choices.refuses(case.rule):
        return Ended(at=case.now, state=SUPPRESSED, reason=stopped)
    ready_at = min(case.notification.ready_at, case.now)
    case.follows, reason = choices.not_before(ready_at, zone)
    if case.follows <= case.now:
        return None
    together = bundle_for(case.owed.channel, case.chosen.stream) if choices.own_list else None
    until, who = case.follows, case.reader
    return Deferred(
        at=case.now, until=until, reason=reason, bundle=together, chosen=True, reader=who
    )


def not_muted(case: Case) -> Stop | None:
    """Hold what a person has muted."""
    assert case.rule is not None
    return Held(at=case.now, reason=MUTED) if case.ground.muted.covers(case.rule.id) else None


def address_known(case: Case) -> Stop | None:
    """Let a person without an address wait for one."""
    if case.owed.recipient.startswith(ROOM):
        return None
    waits, reader = case.notification.state == WAITING_ADDRESS, case.recipient
    if reader is None or not reader.email:
        return Wait() if waits else WaitingForAddress(at=case.now, until=case.now + ADDRESS_WAIT_MS)
    return AddressFound(at=case.now) if waits else None


def titles_known(case: Case) -> Stop | None:
    """Let a message wait a while for the titles of its courses, if their LMS is being asked."""
    waits = case.notification.reason == TITLE
    until = case.owed.decided_at + TITLE_WAIT_MS
    courses = (reading.course for reading in (case.reading, *case.items))
    if case.now < until and any(course and course.title_awaited for course in courses):
        return Wait() if waits else Deferred(at=case.now, until=until, reason=TITLE)
    return AddressFound(at=case.now, what=TITLE) if waits and case.now < until else None


def may_follow(case: Case) -> Stop | None:
    """Keep a step of an escalation apart from what its reader was told before it."""
    rule, entry = case.rule, case.entry
    if rule is None or entry is None or not entry.after_ms:
        return None
    follows = follows_from(case.owed, rule, entry, world=case.world, now=case.now)
    case.follows = max(case.follows, follows)
    if case.follows <= case.now:
        return None
    return Deferred(at=case.now, until=case.follows, reason=ESCALATION, reader=case.reader)


def in_time(case: Case) -> Stop | None:
    """End what could have left too long ago, and defer what its window does not let out yet.

    A notification ages only from the moment at which it may follow what was told before it, and
    the window was first open, where its reader is.
    """
    assert case.rule is not None and case.entry is not None
    window, zone = case.window, zone_of(case.recipient, case.ground.decider.rules.defaults)
    ready_at = max(case.notification.ready_at, case.follows)
    if window is not None:
        ready_at = opens(window, zone, ready_at)
    if case.now >= ready_at + case.rule.expires_after_ms:
        return unless_slip(case, Ended(at=case.now, state=EXPIRED, reason=TOO_LATE))
    until = opens(window, zone, case.now) if window else case.now
    if window is None or until <= case.now:
        return None
    reason, own = f"send_window {window.name}", case.chosen.choices.own_hours is not None
    return Deferred(at=case.now, until=until, reason=reason, chosen=own, reader=case.reader)


Check = Callable[[Case], Stop | None]

HOLDS: Sequence[Check] = (
    rule_is_live,
    address_came_in_time,
    still_true,
    still_wished,
    still_in_group,
    not_muted,
)
"""The checks of what is to be told, whoever is to read it and when, in their order."""
LEAVES: Sequence[Check] = (
    reader_is_there,
    *HOLDS,
    address_known,
    reader_wants_it,
    titles_known,
    may_follow,
    in_time,
)
"""The checks before a message leaves, in their order."""


def holds(notification: Notification, subject: Subject, ground: Ground) -> Due | Stop:
    """Judge whether a notification still holds, whoever is to read it and when."""
    return _judged(Case(notification, subject, ground), HOLDS)


def judge(notification: Notification, subject: Subject, ground: Ground) -> Verdict:
    """Judge a notification against the rules, the log and the people of now."""
    return _judged(Case(notification, subject, ground), LEAVES)


def _judged(case: Case, checks: Iterable[Check]) -> Due | Stop:
    for check in checks:
        found = check(case)
        if found is not None:
            return found
    assert case.entry is not None
    items = case.items or ([case.reading] if case.entry.digest else ())
    reader, required = case.recipient, case.rule is not None and case.rule.required
    records = case.world.records_of(reader.id) if reader and case.entry.throttle else ()
    beside = [record for record in records if reader and record != reader.id]
    return Due(
        case.entry,
        case.reading,
        items,
        recipient=reader,
        beside=beside,
        chosen=case.chosen,
        window=case.window,
        required=required,
    )


def untrue(told: Item, rule: Rule, reading: Reading) -> str | None:
    """Say why something need not be told any more; None when it still holds.

    What the conditions asked for is remembered in `reading.read`.
    """
    if told.owed.trigger == STALLED and reading.person and reading.person.left_as:
        return LEARNER_LEFT
    if not rule.trigger.still_holds(told.owed, reading):
        return "no_longer_true"
    if not conditions_hold(rule, reading):
        return "conditions_changed"
    cancelling = set(rule.cancel_on) & told.subject.transitions_after(told.owed.version)
    return f"cancel_on {min(cancelling)}" if cancelling else None
