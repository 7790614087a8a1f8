"""The verdict: whether a notification still holds the moment before it leaves."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from service.learners.aggregate import Aggregate
from service.learners.directory.people import Person
from service.learners.enrollment_state import COMPLETED, IN_PROGRESS, UNENROLLED
from service.learners.facts import FactRecorded
from service.learners.feed_subjects import LetterSetAside, SilentSource
from service.learners.world import World
from service.ledger.events import EventBody
from service.rules.calendar import DAY, opens
from service.rules.decider import Decider
from service.rules.digests import TRIGGER as DIGEST
from service.rules.fanout import Match, notification_id
from service.rules.field_values import Bundle, EventSeen, Reading
from service.rules.muting import MUTED, NOTHING, MutingChanged
from service.rules.notification import (
    CANCELLED,
    EXPIRED,
    SENT,
    WAITING_ADDRESS,
    AddressFound,
    AttemptEnded,
    Deferred,
    Ended,
    Held,
    Notification,
    Owed,
    WaitingForAddress,
    ended_unsent,
)
from service.rules.recipients import ROOM, recipient_of, zone_of
from service.rules.rule import (
    ChangeTrigger,
    Defaults,
    Entry,
    Rule,
    SourceSilentTrigger,
    StalledTrigger,
    place_of,
)
from service.rules.triggers import letter_set_aside, source_silent
from service.rules.watchers import wish_over

REASON = "escalation"


def may_follow(rule: Rule, entry: Entry, owed: Owed, reading: Reading, world: World) -> int:
    """From when (ms UTC) a step may leave to a reader whom earlier entries tell of the same.

    An address may have been missing, or a person held it: when the step was decided with less
    than half of `after` between, all of it must pass. While one still waits, that much from now.
    """
    if not entry.after_ms or entry.post:
        return 0
    match = Match(owed.trigger, owed.occurrence, owed.event_at or 0, owed.version)
    moments = [0]
    for earlier in rule.entries:
        if earlier.after_ms < entry.after_ms and earlier.to == entry.to:
            id = notification_id(rule, earlier, match, reading, owed.recipient)
            newest = world.latest(id)
            if newest is not None and not ended_unsent(newest[1]):
                told_at, apart = _told_at(newest[1], reading.now), entry.after_ms - earlier.after_ms
                moments += [told_at + apart] if owed.decided_at < told_at + apart // 2 else []
    return max(moments)


def _told_at(newest: EventBody, now: int) -> int:
    """When a notification with this newest event told its reader; `now` while it has not."""
    if isinstance(newest, Ended) or (isinstance(newest, AttemptEnded) and newest.then == SENT):
        return newest.at
    return now


STILL: Mapping[str, frozenset[str]] = {
    "enrollment.enrolled": frozenset({"enrolled", IN_PROGRESS, COMPLETED}),
    "enrollment.started": frozenset({IN_PROGRESS, COMPLETED}),
    "enrollment.progressed": frozenset({IN_PROGRESS, COMPLETED}),
    "enrollment.module_completed": frozenset({IN_PROGRESS, COMPLETED}),
    "enrollment.completed": frozenset({COMPLETED}),
    "enrollment.completion_revoked": frozenset({"enrolled", IN_PROGRESS}),
    "enrollment.unenrolled": frozenset({UNENROLLED}),
}
"""The statuses in which what was to be told is still true."""


class Subject(msgspec.Struct, frozen=True):
    """What a notification is about as the log has it now, and the events since.

    What a digest is about has no events, but items.
    """

    aggregate: Aggregate[Any] | SilentSource | LetterSetAside | Bundle
    bodies: Sequence[EventBody]
    items: Sequence["Item"] = ()

    @property
    def versions(self) -> dict[str, int]:
        """The streams that say what is so, each with its newest version."""
        if not self.items:
            return {self.aggregate.id: len(self.bodies)}
        return {id: v for item in self.items for id, v in item.subject.versions.items()}

    def transitions_after(self, version: int) -> set[str]:
        """Every transition of the stream after one version."""
        later = self.bodies[version:]
        return {name for b in later if isinstance(b, FactRecorded) for name in b.transitions}


class Item(NamedTuple):
    """What was to be told, and what it is about as the log has it now."""

    owed: Owed
    subject: Subject


def event_of(owed: Owed) -> EventSeen:
    """The event that caused it, as conditions may read it."""
    if owed.event_name is None:
        dated = owed.trigger in (source_silent.TRIGGER, letter_set_aside.TRIGGER)
        at = owed.event_at if dated else None
        return EventSeen(owed.source, owed.account, at=at)
    return EventSeen(owed.source, owed.account, owed.event_name, owed.event_at, owed.by_admin)


def items_true(subject: Subject, rule: Rule, world: World, now: int) -> list[Reading]:
    """What can be read of the items of a digest that still hold, first to last."""
    readings = []
    for owed, about in subject.items:
        reading = Reading(about.aggregate, event_of(owed), world, now)
        if untrue(owed, about, rule, reading) is None:
            readings.append(reading)
    return readings


def untrue(owed: Owed, subject: Subject, rule: Rule, reading: Reading) -> str | None:
    """Why it need not be told any more; None when it still holds."""
    if not still_triggered(owed, rule, reading):
        return "no_longer_true"
    if not rule.holds(reading):
        return "conditions_changed"
    cancelling = set(rule.cancel_on) & subject.transitions_after(owed.version)
    if cancelling:
        return f"cancel_on {min(cancelling)}"
    return None


def still_triggered(owed: Owed, rule: Rule, reading: Reading) -> bool:
    """Whether the trigger is still so: still completed, still silent, still in the range."""
    trigger = rule.trigger
    if isinstance(trigger, ChangeTrigger):
        if owed.trigger != trigger.field:
            return False
        return trigger.to is None or trigger.to.matches(reading(trigger.field))
    if isinstance(trigger, StalledTrigger):
        return owed.trigger == "stalled_for" and still_silent(owed, trigger, reading)
    if isinstance(trigger, SourceSilentTrigger):
        heard = reading.subject
        same = isinstance(heard, SilentSource) and owed.occurrence == heard.occurrence
        return owed.trigger == source_silent.TRIGGER and same
    if owed.trigger != trigger.event:
        return False
    if isinstance(reading.subject, LetterSetAside):
        return not reading.subject.used
    enrollment = reading.enrollment
    return enrollment is None or enrollment.state.status in STILL[trigger.event]


def still_silent(owed: Owed, trigger: StalledTrigger, reading: Reading) -> bool:
    """Whether it is the same silence, and long enough under the rule as it is now."""
    enrollment = reading.enrollment
    silence = enrollment.state.silence(trigger.count_from) if enrollment else None
    if enrollment is None or silence is None or silence[0] > reading.now - trigger.silence_ms:
        return False
    return owed.occurrence == f"{enrollment.id}/{silence[1]}"


ADDRESS_WAIT_MS = 30 * DAY
TOO_LATE = "it was not sent within expires_after"


class Standing(msgspec.Struct, frozen=True):
    """It still holds, by this rule and entry; `items` are those of a digest.

    What was owed before its entry had a digest is the only item of its own.
    """

    rule: Rule
    entry: Entry
    reading: Reading
    items: Sequence[Reading] = ()


class Leaves(msgspec.Struct, frozen=True):
    """It may leave by this entry, to this person (None for a room), with these values."""

    entry: Entry
    recipient: Person | None
    reading: Reading
    items: Sequence[Reading] = ()


Verdict = Leaves | Ended | Held | Deferred | WaitingForAddress | AddressFound | None
"""What is to be done: send it, append one of these events, or (None) nothing yet."""


def judge(
    notification: Notification, subject: Subject, decider: Decider, world: World, now: int,
    muted: MutingChanged = NOTHING,
) -> Verdict:  # fmt: skip
    """Tests a notification again against the rules, the log and the people of now."""
    found = standing(notification, subject, decider, world, now, muted)
    if not isinstance(found, Standing):
        return found
    reading, waits = found.reading, notification.state == WAITING_ADDRESS
    recipient = recipient_of(notification.owed.recipient, reading.learner, world)
    if not notification.owed.recipient.startswith(ROOM):
        if recipient is None or not recipient.email:
            return None if waits else WaitingForAddress(at=now, until=now + ADDRESS_WAIT_MS)
        if waits:
            return AddressFound(at=now)
    follows = may_follow(found.rule, found.entry, notification.owed, reading, world)
    if follows > now:
        return Deferred(at=now, until=follows, reason=REASON)
    kept = untimely(notification, found, recipient, decider.rules.defaults, follows, now)
    return kept or Leaves(found.entry, recipient, reading, found.items)


def standing(
    notification: Notification, subject: Subject, decider: Decider, world: World, now: int,
    muted: MutingChanged = NOTHING,
) -> Standing | Ended | Held:  # fmt: skip
    """Whether it still holds, whoever is to read it and when."""
    owed = notification.owed
    rule = decider.by_id.get(owed.rule)
    reading = Reading(subject.aggregate, event_of(owed), world, now)
    entry = entry_of(notification, rule, reading, world) if rule and rule.mode == "live" else None
    if rule is None or entry is None or (owed.trigger == DIGEST and entry.digest is None):
        return Ended(at=now, state=CANCELLED, reason="rule_removed")
    if notification.state == WAITING_ADDRESS and now >= notification.due_at:
        return Ended(at=now, state=EXPIRED, reason="no address was known in time")
    items: Sequence[Reading] = ()
    if owed.trigger == DIGEST:
        items = items_true(subject, rule, world, now)
        reason = None if items else "no_longer_true"
    else:
        wish = wish_over(notification.id, owed, world)
        reason = untrue(owed, subject, rule, reading) or wish
    if reason is not None:
        return Ended(at=now, state=CANCELLED, reason=reason)
    if muted.covers(rule.id):
        return Held(at=now, reason=MUTED)
    return Standing(rule, entry, reading, items or ([reading] if entry.digest else ()))


def entry_of(
    notification: Notification, rule: Rule, reading: Reading, world: World
) -> Entry | None:
    """The entry that owes it; with another template since, if no other can be meant.

    Where the entry left over owed a message of its own, this one's was taken out.
    """
    owed = notification.owed
    exact = next((entry for entry in rule.entries if entry.key == owed.entry), None)
    place = place_of(owed.entry)
    same = [] if exact else [entry for entry in rule.entries if place_of(entry.key) == place]
    if len(same) != 1:
        return exact
    match = Match(owed.trigger, owed.occurrence, owed.event_at or 0, owed.version)
    twin = notification_id(rule, same[0], match, reading, owed.recipient)
    return same[0] if world.latest(twin) is None else None


def untimely(
    notification: Notification, found: Standing, reader: Person | None, defaults: Defaults,
    follows: int, now: int,
) -> Ended | Deferred | None:  # fmt: skip
    """Its end, if it could have left too long ago, or when its window opens; None when now.

    It ages only from the moment at which it may follow what was told before it, and the window
    was first open, where its reader is.
    """
    ready_at, window = max(notification.ready_at, follows), found.entry.window
    zone = zone_of(reader, defaults)
    if window is not None:
        ready_at = opens(window, zone, ready_at)
    if now >= ready_at + found.rule.expires_after_ms:
        return Ended(at=now, state=EXPIRED, reason=TOO_LATE)
    until = opens(window, zone, now) if window else now
    if window is None or until <= now:
        return None
    return Deferred(at=now, until=until, reason=f"send_window {window.name}")
