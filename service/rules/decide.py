"""Deciding: which notifications an event causes, by the rules, as things stand at that event."""

import math
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

import msgspec

from service.learners.enrollment import Enrollment
from service.learners.facts import SeatsReported
from service.learners.happening import Decisions, Happening, World
from service.learners.instance import InstanceRecorded
from service.rules.edges import Fired, is_edge, memory_stream, rearmed
from service.rules.fields import field_named
from service.rules.language import (
    ChangeTrigger,
    Entry,
    EventTrigger,
    Rule,
    RuleSet,
    StalledTrigger,
)
from service.rules.notifications import Owed
from service.rules.reading import EventSeen, Reading, about

SEATS_CHANGED = SeatsReported.TOPIC
GROUP = "group:"
FIELDS_REMEMBERED = 1_024


class Match(msgspec.Struct, frozen=True):
    """What a rule matched: the trigger in words, what makes it happen once, and when it was.

    `at` (ms UTC) is when the occurrence happened; `version` is the subject's newest event.
    """

    trigger: str
    occurrence: str
    at: int
    version: int


class Decider:
    """One rule set, made ready for deciding. Pure: no clock, no network, no database."""

    def __init__(self, rules: RuleSet) -> None:
        active = [rule for rule in rules.rules if rule.mode != "disabled"]
        self.rules = rules
        self.by_id = {rule.id: rule for rule in active}
        self.stalled_rules = [r for r in active if isinstance(r.trigger, StalledTrigger)]
        self._changes = [r for r in active if isinstance(r.trigger, ChangeTrigger)]
        self._events: dict[str, list[Rule]] = {}
        for rule in active:
            if isinstance(rule.trigger, EventTrigger):
                self._events.setdefault(rule.trigger.event, []).append(rule)

    def __call__(self, happening: Happening, world: World, now: int) -> Decisions | None:
        """What follows from one event as it is appended; None when nothing does."""
        event = happening.event
        wanted = [r for name in event.transitions for r in self._events.get(name, ())]
        changing = self._changes if SEATS_CHANGED in event.transitions else ()
        if not wanted and not changing:
            return None
        reading = Reading(happening.aggregate, seen(happening), world, now)
        decisions = Decisions()
        for rule in wanted:
            assert isinstance(rule.trigger, EventTrigger)
            self._owe(rule, rule.trigger.event, happening, reading, world, decisions)
        for rule in changing:
            self._changed(rule, happening, reading, world, decisions)
        return decisions

    def stalled(
        self, rule: Rule, subject: Enrollment, world: World, now: int, live_since: int
    ) -> Decisions | None:
        """What a silence asked about at `now` leads to; None when it is not one any more.

        Nor does one lead to anything that an import brought already due, when the rule had been
        live: `live_since` is since when (ms UTC).
        """
        trigger = rule.trigger
        assert isinstance(trigger, StalledTrigger)
        silence = subject.state.silence(trigger.count_from)
        if silence is None or silence[0] > now - trigger.silence_ms:
            return None
        since, key = silence
        imported_at = subject.imported_at(trigger.count_from)
        if imported_due(imported_at, since, trigger.silence_ms, live_since):
            return None
        reading = Reading(subject, EventSeen(subject.who.source, subject.who.account), world, now)
        decisions = Decisions()
        if holds(rule, reading):
            match = Match("stalled_for", f"{subject.id}/{key}", since, subject.version)
            owe(rule, match, reading, world, decisions)
        return decisions

    def _owe(
        self, rule: Rule, trigger: str, happening: Happening, reading: Reading, world: World,
        decisions: Decisions,
    ) -> bool:  # fmt: skip
        if not holds(rule, reading):
            return False
        occurrence = f"{happening.stream}/{happening.version}"
        match = Match(trigger, occurrence, happening.event.at, happening.version)
        owe(rule, match, reading, world, decisions)
        return True

    def _changed(
        self, rule: Rule, happening: Happening, reading: Reading, world: World,
        decisions: Decisions,
    ) -> None:  # fmt: skip
        trigger, event = rule.trigger, happening.event
        assert isinstance(trigger, ChangeTrigger)
        if not isinstance(event, InstanceRecorded) or event.was is None:
            return
        if not isinstance(event.said, SeatsReported) or not is_edge(trigger, event.was, event.said):
            return
        memory = memory_stream(rule, happening.stream)
        last = world.latest(memory) if trigger.rearm else None
        if last is not None and not rearmed(trigger, last[1], happening.aggregate):
            return
        owed = self._owe(rule, trigger.field, happening, reading, world, decisions)
        if owed and trigger.rearm:
            fired = Fired(at=reading.now, instance=happening.stream, fired_at=happening.version)
            decisions.following.append((memory, (last[0] if last else 0) + 1, fired))


def imported_due(recorded_at: int | None, since: int, silence_ms: int, live_since: int) -> bool:
    """Whether a silence was already due when an import brought it about.

    `recorded_at` is when that was, None if no import did. What was recorded before the rule
    went live is for its `on_activate` to judge.
    """
    if recorded_at is None or recorded_at < live_since:
        return False
    return since + silence_ms <= recorded_at


def seen(happening: Happening) -> EventSeen:
    """The event as conditions may read it."""
    event = happening.event
    source, account, *_ = about(happening.aggregate)
    return EventSeen(source, account, event.name, event.at, event.by_admin)


def holds(rule: Rule, reading: Reading) -> bool:
    """Whether the conditions of a rule hold; what they read is remembered in `reading.read`."""
    reading.read = {}
    return rule.holds(reading)


def owe(rule: Rule, match: Match, reading: Reading, world: World, decisions: Decisions) -> None:
    """Adds what a matched rule owes, with what its conditions have just read."""
    known = {f: recordable(v) for f, v in reading.read.items() if not is_personal(f)}
    personal = [(field, value) for field, value in reading.read.items() if is_personal(field)]
    for entry in rule.notify:
        for recipient in recipients(entry, reading, world):
            id = notification_id(rule, entry, match, reading, recipient)
            decisions.once.append((id, owed(rule, entry, match, reading, recipient, known)))
            decisions.erasable += [(id, f, str(v)) for f, v in personal]


def recordable(value: object) -> object:
    """A value as JSON can hold it."""
    return "unlimited" if value == math.inf else value


@lru_cache(FIELDS_REMEMBERED)
def is_personal(field: str) -> bool:
    """Whether a value of this field is kept where it can be erased."""
    found = field_named(field)
    return found is not None and found.personal


def recipients(entry: Entry, reading: Reading, world: World) -> Iterable[str]:
    """The role, looked up when the message leaves, or each member of a group as of now."""
    if entry.post is not None:
        return (f"room:{entry.post}",)
    to = entry.to or ""
    if not to.startswith(GROUP):
        return (to,)
    source, account, *_ = reading.about
    return world.members(to.removeprefix(GROUP), source, account)


def notification_id(
    rule: Rule, entry: Entry, match: Match, reading: Reading, recipient: str
) -> str:
    """The id that makes a decision happen once: the occurrence's second, then a hash.

    Never the rule's text (editing a rule must not send again) and never a place in a list.
    """
    source, account, *_ = reading.about
    parts = (
        rule.mode, source, account, rule.id, entry.key, reading.subject.id, match.occurrence,
        recipient,
    )  # fmt: skip
    digest = blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()
    return f"n{match.at // 1000 & 0xFFFFFFFF:08x}{digest}"


def owed(
    rule: Rule, entry: Entry, match: Match, reading: Reading, recipient: str,
    known: dict[str, object],
) -> Owed:  # fmt: skip
    """The first event of a notification."""
    source, account, course, kind, instance = reading.about
    about = reading.learner or reading.subject.id
    return Owed(
        rule=rule.id,
        entry=entry.key,
        mode=rule.mode,
        template=entry.template,
        channel=entry.channel,
        recipient=recipient,
        trigger=match.trigger,
        occurrence=match.occurrence,
        subject=reading.subject.id,
        version=match.version,
        source=source,
        account=account,
        course=course,
        kind=kind,
        decided_at=reading.now,
        due_at=reading.now + (rule.collapse_ms or 0),
        instance=instance,
        person=reading.learner,
        event_name=reading.event.name,
        event_at=reading.event.at if reading.event.at is not None else match.at,
        by_admin=bool(reading.event.by_admin),
        collapse=f"{rule.id}/{entry.key}/{recipient}/{about}" if rule.collapse_ms else None,
        read=known,
    )
