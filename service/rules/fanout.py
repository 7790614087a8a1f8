"""Owing: what a matched rule owes, to whom, from when."""

import math
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from service.learners.world import Decisions, World
from service.rules import storm
from service.rules.calendar import next_closing
from service.rules.field_values import Reading
from service.rules.fields import field_named
from service.rules.notification import Owed
from service.rules.recipients import recipient_of, recipients, zone_of
from service.rules.rule import Defaults, Entry, Rule
from service.rules.watchers import WATCHERS, tell

FIELDS_REMEMBERED = 1_024


class Match(msgspec.Struct, frozen=True):
    """What a rule matched: the trigger in words, what makes it happen once, and when it was.

    `at` (ms UTC) is when the occurrence happened; `version` is the subject's newest event.
    `by_clock`: no event brought it, time did.
    """

    trigger: str
    occurrence: str
    at: int
    version: int
    by_clock: bool = False


class Owing(NamedTuple):
    """What holds for every rule of a file, and how much a rule may owe in a storm."""

    defaults: Defaults
    storm_limit: int

    def owe(
        self, rule: Rule, entries: Sequence[Entry], match: Match, reading: Reading, world: World,
        decisions: Decisions,
    ) -> None:  # fmt: skip
        """Adds what a matched rule owes by these entries, with what its conditions just read."""
        known = {f: recordable(v) for f, v in reading.read.items() if not is_personal(f)}
        personal = [(field, value) for field, value in reading.read.items() if is_personal(field)]
        guarded = match.by_clock or reading.now - match.at > storm.LATE_MS
        for entry in entries:
            told: dict[str, str] = {}
            for recipient in recipients(entry, reading, world, decisions):
                id = notification_id(rule, entry, match, reading, recipient)
                due_at = self._due_at(rule, entry, recipient, reading, world)
                owed = first_event(rule, entry, match, reading, recipient, known, due_at)
                if guarded:
                    held = storm.held_by(rule, world, decisions, reading.now, self.storm_limit)
                    owed = msgspec.structs.replace(owed, held=held) if held else owed
                decisions.once.append((id, owed))
                decisions.erasable += [(id, f, str(v)) for f, v in personal]
                told[recipient] = id
            if entry.to == WATCHERS and rule.mode == "live":
                tell(told, reading, world, decisions)

    def _due_at(
        self, rule: Rule, entry: Entry, recipient: str, reading: Reading, world: World
    ) -> int:
        """When it may leave: at once, when others have joined it, or with the next digest."""
        if entry.digest is not None:
            zone = zone_of(recipient_of(recipient, reading.learner, world), self.defaults)
            return next_closing(entry.digest, zone, reading.now).at
        return reading.now + (0 if entry.after_ms else rule.collapse_ms or 0)


def recordable(value: object) -> object:
    """A value as JSON can hold it."""
    return "unlimited" if value == math.inf else value


@lru_cache(FIELDS_REMEMBERED)
def is_personal(field: str) -> bool:
    """Whether a value of this field is kept where it can be erased."""
    found = field_named(field)
    return found is not None and found.personal


def notification_id(
    rule: Rule, entry: Entry, match: Match, reading: Reading, recipient: str
) -> str:
    """The id of what a rule owes one recipient because of one match."""
    source, account = reading.about.source, reading.about.account
    subject, occurrence = reading.subject.id, match.occurrence
    return notification_id_of(
        rule, entry, source, account, subject, occurrence, recipient, match.at
    )


def notification_id_of(
    rule: Rule, entry: Entry, source: str, account: str, subject: str, occurrence: str,
    recipient: str, at: int,
) -> str:  # fmt: skip
    """The id that makes a decision happen once: the second of `at`, then a hash.

    Never the rule's text (editing a rule must not send again) and never a place in a list.
    """
    parts = (rule.mode, source, account, rule.id, entry.key, subject, occurrence, recipient)
    digest = blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()
    return f"n{at // 1000 & 0xFFFFFFFF:08x}{digest}"


def first_event(
    rule: Rule, entry: Entry, match: Match, reading: Reading, recipient: str,
    known: dict[str, object], due_at: int,
) -> Owed:  # fmt: skip
    """The first event of a notification."""
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
