"""Fan a match out to notifications: what a rule owes, to whom, from when, under which id."""

import math
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from service.learners.world import Decisions
from service.rules import storm
from service.rules.calendar import next_closing
from service.rules.evaluation import Evaluation
from service.rules.field_values import Reading
from service.rules.fields import is_personal
from service.rules.notification import Owed
from service.rules.recipients import ROOM, recipient_of, recipients, zone_of
from service.rules.rule import Defaults, Entry, Rule
from service.rules.triggers.trigger import Match
from service.rules.watchers import WATCHERS, tell


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
            reader = recipient_of(recipient, reading.learner, reading.world)
            return next_closing(entry.digest, zone_of(reader, self.defaults), reading.now).at
        return reading.now + (0 if entry.after_ms else rule.collapse_ms or 0)


def recordable(value: object) -> object:
    """Give a value as JSON can hold it."""
    return "unlimited" if value == math.inf else value


class OccurrenceKey(NamedTuple):
    """What makes a decision happen once, whatever entry and recipient: subject and occurrence.

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
        about.source, about.account, reading.subject.id, match.occurrence, match.at
    )


def key_of_owed(owed: Owed) -> OccurrenceKey:
    """Name the match that a notification is owed because of."""
    at = owed.event_at or 0
    return OccurrenceKey(owed.source, owed.account, owed.subject, owed.occurrence, at)


def notification_id(rule: Rule, entry: Entry, key: OccurrenceKey, recipient: str) -> str:
    """Make the id by which a decision happens once: the second of `at`, then a hash.

    Never the rule's text (editing a rule must not send again) and never a place in a list.
    """
    source, account, subject, occurrence, at = key
    parts = (rule.mode, source, account, rule.id, entry.key, subject, occurrence, recipient)
    digest = blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()
    return f"n{at // 1000 & 0xFFFFFFFF:08x}{digest}"


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
    reader = reading.learner or reading.subject.id
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
        event_at=reading.event.at if reading.event.at is not None else match.at,
        by_admin=bool(reading.event.by_admin),
        collapse=f"{rule.id}/{entry.key}/{recipient}/{reader}" if collapses else None,
        digest=entry.digest is not None,
        read=known,
    )
