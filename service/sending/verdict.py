"""The verdict: whether a notification still holds the moment before it leaves."""

from collections.abc import Mapping, Sequence

import msgspec

from service.learners.episode import COMPLETED, IN_PROGRESS, UNENROLLED
from service.learners.events import Body, FactRecorded
from service.learners.happening import Aggregate, World
from service.learners.heard import Heard
from service.learners.people import Person
from service.rules import vigil
from service.rules.decide import Decider, Match, notification_id
from service.rules.durations import DAY
from service.rules.language import (
    TEMPLATE,
    ChangeTrigger,
    Entry,
    Rule,
    SourceSilentTrigger,
    StalledTrigger,
)
from service.rules.notifications import (
    CANCELLED,
    EXPIRED,
    WAITING_ADDRESS,
    AddressFound,
    Ended,
    Notification,
    WaitingForAddress,
)
from service.rules.reading import EventSeen, Reading

ADDRESS_WAIT_MS = 30 * DAY
ROOM = "room:"

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
    """What a notification is about as the log has it now, and the events since."""

    aggregate: Aggregate | Heard
    bodies: Sequence[Body]

    def transitions_after(self, version: int) -> set[str]:
        """Every transition of the stream after one version."""
        later = self.bodies[version:]
        return {name for b in later if isinstance(b, FactRecorded) for name in b.transitions}


class Leaves(msgspec.Struct, frozen=True):
    """It may leave by this entry, to this person (None for a room), with these values."""

    entry: Entry
    recipient: Person | None
    reading: Reading


Verdict = Leaves | Ended | WaitingForAddress | AddressFound | None
"""What is to be done: send it, append one of these events, or (None) nothing yet."""


def judge(
    notification: Notification, subject: Subject, decider: Decider, world: World, now: int
) -> Verdict:
    """Tests a notification again against the rules, the log and the people of now."""
    owed = notification.owed
    rule = decider.by_id.get(owed.rule)
    reading = Reading(subject.aggregate, event_of(notification), world, now)
    entry = entry_of(notification, rule, reading, world) if rule and rule.mode == "live" else None
    if rule is None or entry is None:
        return Ended(at=now, state=CANCELLED, reason="rule_removed")
    if notification.state == WAITING_ADDRESS and now >= notification.due_at:
        return Ended(at=now, state=EXPIRED, reason="no address was known in time")
    reason = untrue(notification, subject, rule, reading)
    if reason is not None:
        return Ended(at=now, state=CANCELLED, reason=reason)
    if owed.recipient.startswith(ROOM):
        return expired(notification, rule, now) or Leaves(entry, None, reading)
    recipient = recipient_of(owed.recipient, reading, world)
    if recipient is None or not recipient.email:
        if notification.state == WAITING_ADDRESS:
            return None
        return WaitingForAddress(at=now, until=now + ADDRESS_WAIT_MS)
    if notification.state == WAITING_ADDRESS:
        return AddressFound(at=now)
    return expired(notification, rule, now) or Leaves(entry, recipient, reading)


def entry_of(
    notification: Notification, rule: Rule, reading: Reading, world: World
) -> Entry | None:
    """The entry that owes it; with another template since, if no other can be meant.

    Where the entry left over owed a message of its own, this one's was taken out.
    """
    owed = notification.owed
    route = owed.entry.rpartition(TEMPLATE)[0]
    same = [entry for entry in rule.notify if entry.route == route]
    exact = next((entry for entry in same if entry.key == owed.entry), None)
    if exact or len(same) != 1:
        return exact
    match = Match(owed.trigger, owed.occurrence, owed.event_at or 0, owed.version)
    twin = notification_id(rule, same[0], match, reading, owed.recipient)
    return same[0] if world.latest(twin) is None else None


def expired(notification: Notification, rule: Rule, now: int) -> Ended | None:
    """The end of what could have left too long ago."""
    if now < notification.ready_at + rule.expires_after_ms:
        return None
    return Ended(at=now, state=EXPIRED, reason="it was not sent within expires_after")


def event_of(notification: Notification) -> EventSeen:
    """The event that caused it, as conditions may read it."""
    owed = notification.owed
    if owed.event_name is None:
        at = owed.event_at if owed.trigger == vigil.TRIGGER else None
        return EventSeen(owed.source, owed.account, at=at)
    return EventSeen(owed.source, owed.account, owed.event_name, owed.event_at, owed.by_admin)


def untrue(
    notification: Notification, subject: Subject, rule: Rule, reading: Reading
) -> str | None:
    """Why it need not be told any more; None when it still holds."""
    if not still_triggered(notification, rule, reading):
        return "no_longer_true"
    if not rule.holds(reading):
        return "conditions_changed"
    cancelling = set(rule.cancel_on) & subject.transitions_after(notification.owed.version)
    if cancelling:
        return f"cancel_on {min(cancelling)}"
    return None


def still_triggered(notification: Notification, rule: Rule, reading: Reading) -> bool:
    """Whether the trigger is still so: still completed, still silent, still in the range."""
    owed, trigger = notification.owed, rule.trigger
    if isinstance(trigger, ChangeTrigger):
        if owed.trigger != trigger.field:
            return False
        return trigger.to is None or trigger.to.matches(reading(trigger.field))
    if isinstance(trigger, StalledTrigger):
        return owed.trigger == "stalled_for" and still_silent(notification, trigger, reading)
    if isinstance(trigger, SourceSilentTrigger):
        heard = reading.subject
        same = isinstance(heard, Heard) and owed.occurrence == heard.occurrence
        return owed.trigger == vigil.TRIGGER and same
    if owed.trigger != trigger.event:
        return False
    enrollment = reading.enrollment
    return enrollment is None or enrollment.state.status in STILL[trigger.event]


def still_silent(notification: Notification, trigger: StalledTrigger, reading: Reading) -> bool:
    """Whether it is the same silence, and long enough under the rule as it is now."""
    enrollment = reading.enrollment
    silence = enrollment.state.silence(trigger.count_from) if enrollment else None
    if enrollment is None or silence is None or silence[0] > reading.now - trigger.silence_ms:
        return False
    return notification.owed.occurrence == f"{enrollment.id}/{silence[1]}"


def recipient_of(recipient: str, reading: Reading, world: World) -> Person | None:
    """Who a role, or the person id of a group member, is now."""
    if recipient == "learner":
        return reading.person
    if recipient == "manager":
        return reading.manager
    return world.person(recipient)
