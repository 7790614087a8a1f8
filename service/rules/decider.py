"""Decide which notifications an occurrence causes, by the rules of one file."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from service.learners.world import AppendedEvent, Decisions, UncommittedWorld, World
from service.ledger.events import EventBody, stream_id
from service.rules import storm
from service.rules.calendar import next_closing
from service.rules.fields import Reading, is_personal
from service.rules.notification import SENT, AttemptEnded, Ended, Owed, ended_unsent
from service.rules.readers.choices import zone_chosen
from service.rules.readers.watchers import WATCHERS, tell
from service.rules.rule import (
    ROOM,
    Defaults,
    Entry,
    Rule,
    RuleSet,
    bundle_of,
    find_reader,
    place_of,
    recipients,
)
from service.rules.storm import LIMIT as STORM_LIMIT
from service.rules.trace import TermResult, trace
from service.rules.triggers.event import EventOccurrence
from service.rules.triggers.trigger import Match, Miss, Occurrence


class Evaluation(msgspec.Struct, frozen=True):
    """Hold what a rule made of one occurrence. Live code owes if it `holds`; people read the rest.

    `reading.read` has the values that the conditions asked for.
    """

    rule: Rule
    outcome: Match | Miss
    holds: bool
    reading: Reading

    @property
    def match(self) -> Match:
        """Give the match; to be asked for only where there is one."""
        assert isinstance(self.outcome, Match)
        return self.outcome

    @property
    def missed(self) -> str | None:
        """Say why the rule was not triggered; None when it was."""
        return self.outcome.words() if isinstance(self.outcome, Miss) else None

    def terms(self) -> list[TermResult]:
        """List every condition with its value, also those that deciding need not ask for."""
        read = self.reading.read
        self.reading.read = {}
        found = list(trace(self.rule.conditions, self.reading))
        self.reading.read = read
        return found


def reading_of(occurrence: Occurrence, world: World) -> Reading:
    """Make what conditions read of an occurrence."""
    return Reading(occurrence.subject, occurrence.seen, world, occurrence.now)


def evaluate(rule: Rule, occurrence: Occurrence, reading: Reading, world: World) -> Evaluation:
    """Evaluate a rule; `reading` is the occurrence's own, shared by the rules it may set off."""
    outcome = rule.trigger.match(rule, occurrence, world)
    holds = isinstance(outcome, Match) and conditions_hold(rule, reading)
    return Evaluation(rule, outcome, holds, reading)


def conditions_hold(rule: Rule, reading: Reading) -> bool:
    """Tell whether the conditions hold; what they ask for is remembered in `reading.read`."""
    reading.read = {}
    return rule.holds(reading)


class FanOut(NamedTuple):
    """Hold what is so for every rule of a file, and how much a rule may owe in a storm."""

    defaults: Defaults
    storm_limit: int

    def owe(self, evaluation: Evaluation, entries: Sequence[Entry], decisions: Decisions) -> None:
        """Add what a matched rule owes by these entries, with what its conditions just read."""
        rule, match, reading = evaluation.rule, evaluation.match, evaluation.reading
        known = {f: recordable(v) for f, v in reading.read.items() if not is_personal(f)}
        personal = [(field, value) for field, value in reading.read.items() if is_personal(field)]
        key = key_of(match, reading)
        guarded = match.by_clock or reading.now - match.at > storm.LATE_MS
        for entry in entries:
            told: dict[str, str] = {}
            for recipient in recipients(entry, reading, decisions):
                id = notification_id(rule, entry, key, recipient)
                due_at = self._due_at(rule, entry, recipient, reading)
                owed = first_event(evaluation, entry, recipient, known, due_at)
                if guarded:
                    held = storm.held_by(rule, reading, decisions, self.storm_limit)
                    owed = msgspec.structs.replace(owed, held=held) if held else owed
                decisions.once.append((id, owed))
                decisions.erasable += [(id, f, str(v)) for f, v in personal]
                told[recipient] = id
            if entry.to == WATCHERS and rule.mode == "live":
                tell(told, reading, decisions)

    def _due_at(self, rule: Rule, entry: Entry, recipient: str, reading: Reading) -> int:
        """Say when it may leave: at once, when others have joined it, or with the next digest."""
        if entry.digest is not None:
            reader = find_reader(recipient, reading.learner, reading.world).person
            zone = zone_chosen(reader, self.defaults, reading.world)
            return next_closing(entry.digest, zone, reading.now).at
        collapse_ms = 0 if entry.after_ms else rule.collapse_ms or 0
        return reading.now + max(collapse_ms, 0 if entry.post else rule.bundle_ms)


def recordable(value: object) -> object:
    """Give a value as JSON can hold it."""
    return "unlimited" if value == math.inf else value


class OccurrenceKey(NamedTuple):
    """Hold what makes a decision happen once, whatever entry and recipient: what, and when.

    `at` (ms UTC) is when the occurrence happened.
    """

    source: str
    account: str
    subject: str
    occurrence: str
    at: int


def key_of(match: Match, reading: Reading) -> OccurrenceKey:
    """Name a match on the subject that is read."""
    about = reading.about
    return OccurrenceKey(
        source=about.source,
        account=about.account,
        subject=reading.subject.id,
        occurrence=match.occurrence,
        at=match.at,
    )


def key_of_owed(owed: Owed) -> OccurrenceKey:
    """Name the match that a notification is owed because of."""
    at = owed.event_at or 0
    return OccurrenceKey(
        source=owed.source,
        account=owed.account,
        subject=owed.subject,
        occurrence=owed.occurrence,
        at=at,
    )


def notification_id(rule: Rule, entry: Entry, key: OccurrenceKey, recipient: str) -> str:
    """Make the id by which a decision happens once: the second of `at`, then a hash.

    Never the rule's text (editing a rule must not send again) and never a place in a list.
    """
    return _id((rule.mode, rule.id, entry.key), key, recipient)


def id_of_owed(owed: Owed) -> str:
    """Make the id of a notification from what it says of itself."""
    return _id((owed.mode, owed.rule, owed.entry), key_of_owed(owed), owed.recipient)


def _id(by: tuple[str, str, str], key: OccurrenceKey, recipient: str) -> str:
    mode, rule, entry = by
    source, account, subject, occurrence, at = key
    parts = (mode, source, account, rule, entry, subject, occurrence, recipient)
    return stream_id(f"n{at // 1000 & 0xFFFFFFFF:08x}", *parts, size=12)


def newest_of(owed: Owed, rule: Rule, entry: Entry, world: World) -> tuple[int, EventBody] | None:
    """Read the newest event of what another entry owes the same recipient for the same."""
    return world.latest(notification_id(rule, entry, key_of_owed(owed), owed.recipient))


def entry_of(owed: Owed, rule: Rule, world: World) -> Entry | None:
    """Pick the entry that owes it; with another template since, if no other can be meant.

    Where the entry left over owed a message of its own, this one's was taken out.
    """
    for entry in rule.entries:
        if entry.key == owed.entry:
            return entry
    place = place_of(owed.entry)
    same = [entry for entry in rule.entries if place_of(entry.key) == place]
    return (
        same[0] if len(same) == 1 and newest_of(owed, rule, same[0], world=world) is None else None
    )


def follows_from(owed: Owed, rule: Rule, step: Entry, world: World, *, now: int) -> int:
    """Tell from when (ms UTC) a step may leave to a reader whom earlier entries tell of the same.

    An address may have been missing, or a person held it: when the step was decided with less
    than half of `after` between, all of it must pass. While one still waits, that much from now.
    """
    moments = [0]
    for earlier in rule.followed_by(step):
        newest = newest_of(owed, rule, earlier, world=world)
        if newest is not None and not ended_unsent(newest[1]):
            at, apart = told_at(newest[1]) or now, step.after_ms - earlier.after_ms
            moments += [at + apart] if owed.decided_at < at + apart // 2 else []
    return max(moments)


def told_at(newest: EventBody) -> int | None:
    """Say when a notification with this newest event told its reader; None while it has not.

    Not to be asked of one that ended unsent.
    """
    if isinstance(newest, Ended) or (isinstance(newest, AttemptEnded) and newest.then == SENT):
        return newest.at
    return None


def first_ids(rule: Rule, owed: Owed) -> Iterator[str]:
    """Make the ids of what the first entries owed a role or a room for the same occurrence."""
    key = key_of_owed(owed)
    for entry in rule.notify:
        recipient = f"{ROOM}{entry.post}" if entry.post else entry.to or ""
        yield notification_id(rule, entry, key, recipient)


def first_event(
    evaluation: Evaluation, entry: Entry, recipient: str, known: dict[str, object], due_at: int
) -> Owed:
    """Make the first event of a notification; `known` is what the conditions read."""
    rule, match, reading = evaluation.rule, evaluation.match, evaluation.reading
    about = reading.about
    collapses = rule.collapse_ms and entry.digest is None and not entry.after_ms
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
        source=about.source,
        account=about.account,
        course=about.course,
        kind=about.kind,
        decided_at=reading.now,
        due_at=due_at,
        instance=about.instance,
        person=reading.learner,
        event_name=reading.event.name,
        event_at=match.at,
        by_admin=bool(reading.event.by_admin),
        collapse=f"{rule.id}/{entry.key}/{recipient}/{_whose(reading)}" if collapses else None,
        bundle=bundle_of(rule, entry, recipient, reading),
        digest=entry.digest is not None,
        read=known,
    )


def _whose(reading: Reading) -> str:
    """Name whom it is about; who was named by several records is one reader."""
    learner = reading.learner
    return reading.world.records_of(learner)[0] if learner else reading.subject.id


Observer = Callable[[Evaluation, Occurrence], object]
"""Is told of each evaluation, before anything that follows from it is remembered."""


def observe_nothing(evaluation: Evaluation, occurrence: Occurrence) -> None:
    """Observe nothing."""


class Decider:
    """Decide by one rule set. Pure: no clock, no network, no database."""

    def __init__(
        self, rules: RuleSet, storm_limit: int = STORM_LIMIT, observe: Observer = observe_nothing
    ) -> None:
        """Take a rule set; of the clock and old news a rule may owe `storm_limit` an hour."""
        self.rules = rules
        self.storm_limit = storm_limit
        self.active = [rule for rule in rules.rules if rule.mode != "disabled"]
        self.by_id = {rule.id: rule for rule in self.active}
        self.places = {id: place for place, id in enumerate(self.by_id)}
        self.fan_out = FanOut(rules.defaults, storm_limit)
        self._observe = observe
        self._by_transition: dict[str, list[Rule]] = {}
        # What happened before what changed: of two rules that tell watchers the first one does.
        for rule in sorted(self.active, key=lambda rule: rule.trigger.kind == "change"):
            for name in rule.trigger.transitions:
                self._by_transition.setdefault(name, []).append(rule)

    def __call__(self, appended: AppendedEvent, world: World, now: int) -> Decisions | None:
        """Decide on one event as it is appended; None when nothing follows."""
        candidates = self.candidates(appended)
        if not candidates:
            return None
        return self.decide(candidates, EventOccurrence.of(appended, now), world)

    def candidates(self, appended: AppendedEvent) -> Sequence[Rule]:
        """Pick the rules that an event may set off: of events, then of changes, as in the file."""
        names = appended.event.transitions
        if len(names) == 1:
            return self._by_transition.get(names[0], ())
        return [rule for name in names for rule in self._by_transition.get(name, ())]

    def decide(
        self, rules: Iterable[Rule], occurrence: Occurrence, world: World
    ) -> Decisions | None:
        """Decide by some rules on one occurrence; None when none of them holds."""
        reading, decisions = reading_of(occurrence, world), None
        for rule in rules:
            evaluation = evaluate(rule, occurrence, reading, world)
            self._observe(evaluation, occurrence)
            if evaluation.holds:
                decisions = decisions or Decisions()
                self._owe(evaluation, decisions)
        return decisions

    def decide_each(
        self, asked: Iterable[tuple[Iterable[Rule], Occurrence]], world: UncommittedWorld
    ) -> Decisions:
        """Decide on many occurrences, each knowing what the ones before it led to."""
        decisions = Decisions()
        for rules, occurrence in asked:
            decided = self.decide(rules, occurrence, world)
            if decided is not None:
                decisions.extend(decided)
                world.remember(decided)
        return decisions

    def _owe(self, evaluation: Evaluation, decisions: Decisions) -> None:
        self.fan_out.owe(evaluation, evaluation.rule.notify, decisions)
        remembered = evaluation.match.remembered
        if remembered is not None:
            decisions.following.append(remembered)
