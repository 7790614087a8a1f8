"""The verdict: whether a notification still holds the moment before it leaves."""

from collections.abc import Sequence

import msgspec

from service.learners.happening import World
from service.learners.people import Person
from service.rules.decide import Decider
from service.rules.digests import TRIGGER as DIGEST
from service.rules.durations import DAY
from service.rules.language import Defaults, Entry, Rule, place_of
from service.rules.muting import HELD as MUTED
from service.rules.muting import NOTHING, MutingChanged
from service.rules.notification import Notification
from service.rules.notifications import (
    CANCELLED,
    EXPIRED,
    WAITING_ADDRESS,
    AddressFound,
    Deferred,
    Ended,
    Held,
    WaitingForAddress,
)
from service.rules.owing import Match, notification_id
from service.rules.reading import Reading
from service.rules.recipients import ROOM, recipient_of, zone_of
from service.rules.truth import Subject, event_of, items_true, untrue
from service.rules.watchers import wish_over
from service.rules.windows import opens
from service.sending.following import REASON as FOLLOWS
from service.sending.following import may_follow

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
        return Deferred(at=now, until=follows, reason=FOLLOWS)
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
