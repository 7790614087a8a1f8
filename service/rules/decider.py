"""Deciding: which notifications an event causes, by the rules, as things stand at that event."""

from service.learners.enrollment import Enrollment
from service.learners.facts import SeatsReported
from service.learners.instance import InstanceRecorded
from service.learners.world import Decisions, Happening, World
from service.rules.fanout import Match, Owing
from service.rules.field_values import EventSeen, Reading
from service.rules.rule import ChangeTrigger, EventTrigger, Rule, RuleSet, StalledTrigger
from service.rules.storm import LIMIT as STORM_LIMIT
from service.rules.triggers.seat_change import Fired, is_edge, memory_stream, rearmed

SEATS_CHANGED = SeatsReported.TOPIC


class Decider:
    """One rule set, made ready for deciding. Pure: no clock, no network, no database."""

    def __init__(self, rules: RuleSet, storm_limit: int = STORM_LIMIT) -> None:
        """`storm_limit` is how many of the clock and of old news a rule may owe an hour."""
        active = [rule for rule in rules.rules if rule.mode != "disabled"]
        self.rules = rules
        self.owing = Owing(rules.defaults, storm_limit)
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
        reading = Reading(
            subject, EventSeen(subject.about.source, subject.about.account), world, now
        )
        decisions = Decisions()
        if holds(rule, reading):
            match = Match("stalled_for", f"{subject.id}/{key}", since, subject.version, True)
            self.owing.owe(rule, rule.notify, match, reading, world, decisions)
        return decisions

    def _owe(
        self, rule: Rule, trigger: str, happening: Happening, reading: Reading, world: World,
        decisions: Decisions,
    ) -> bool:  # fmt: skip
        if not holds(rule, reading):
            return False
        occurrence = f"{happening.stream}/{happening.version}"
        match = Match(trigger, occurrence, happening.event.at, happening.version)
        self.owing.owe(rule, rule.notify, match, reading, world, decisions)
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
    event, about = happening.event, happening.aggregate.about
    return EventSeen(about.source, about.account, event.name, event.at, event.by_admin)


def holds(rule: Rule, reading: Reading) -> bool:
    """Whether the conditions of a rule hold; what they read is remembered in `reading.read`."""
    reading.read = {}
    return rule.holds(reading)
