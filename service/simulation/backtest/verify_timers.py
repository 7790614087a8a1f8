"""Decisions of the clock made again one by one, each on its subject as it stood then."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from service.learners.enrollment import Enrollment
from service.learners.world import Decisions, UncommittedWorld, load
from service.rules.calendar import Closing
from service.rules.decider import Decider, first_ids
from service.rules.digests import DigestClosed, Digested
from service.rules.escalation import Steps
from service.rules.notification import DIGEST, Notification, Owed, Subject
from service.rules.rule import Entry, Rule
from service.rules.triggers import letter_set_aside, source_silent
from service.rules.triggers.stalled import Mark, SilenceOccurrence

Read = Callable[[str], list[tuple[int, Any]]]
"""The events of a stream up to the decision, with their versions."""


class Elsewhere:
    """The inputs of a decision are not in the log."""


class Moment(NamedTuple):
    """What was so when the clock decided: rules, world, and since when each rule was live."""

    decider: Decider
    world: UncommittedWorld
    marks: Mapping[str, Mark]
    lateness: Mapping[str, int]


class Again:
    """Makes one decision again."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def owed(self, id: str, recorded: Owed, moment: Moment) -> Owed | Elsewhere | None:
        """What would be owed now; None if nothing."""
        rule = moment.decider.by_id.get(recorded.rule)
        entry = next((e for e in rule.entries if e.key == recorded.entry), None) if rule else None
        if rule is None or entry is None:
            return None
        if recorded.trigger in (source_silent.TRIGGER, letter_set_aside.TRIGGER):
            return Elsewhere()
        if recorded.trigger == DIGEST:
            return self._digest(rule, entry, recorded)
        if entry.after_ms:
            return self._step(id, rule, entry, recorded, moment)
        return self._stalled(id, rule, recorded, moment)

    def _stalled(self, id: str, rule: Rule, recorded: Owed, moment: Moment) -> Owed | None:
        subject, mark = self._subject(recorded, moment).aggregate, moment.marks.get(rule.id)
        if not isinstance(subject, Enrollment) or mark is None:
            return None
        occurrence = SilenceOccurrence.of(subject, recorded.decided_at, mark.since)
        return found(id, recorded, moment.decider.decide([rule], occurrence, moment.world))

    def _step(
        self, id: str, rule: Rule, entry: Entry, recorded: Owed, moment: Moment
    ) -> Owed | Elsewhere | None:
        first = next(filter(None, map(self._first, first_ids(rule, recorded))), None)
        if first is None:
            return Elsewhere()
        steps = Steps(moment.decider, moment.world, recorded.decided_at)
        return found(
            id, recorded, steps.step(rule, entry, (first, self._subject(recorded, moment)))
        )

    def _first(self, id: str) -> Notification | None:
        """What an entry owed at first; None if it owes whoever is in a group, or waits."""
        bodies = [body for _, body in self._read(id)]
        return Notification.load(id, bodies) if bodies else None

    def _digest(self, rule: Rule, entry: Entry, recorded: Owed) -> Owed | None:
        events = dict(self._read(recorded.subject))
        event = events.get(recorded.version)
        if not isinstance(event, DigestClosed):
            return None
        items = [Notification.load(i, [b for _, b in self._read(i)][:1]) for i in event.items]
        closing = Closing(recorded.event_at or 0, recorded.occurrence)
        digest = Digested(rule, entry, recorded.recipient, recorded.subject)
        return digest.closes(closing, recorded.version, items).owed(recorded.decided_at)

    def _subject(self, recorded: Owed, moment: Moment) -> Subject:
        """What a decision was about, as folded from its first events."""
        bodies = [body for _, body in self._read(recorded.subject)][: recorded.version]
        return Subject(load(recorded.subject, bodies, moment.lateness), bodies)


def found(id: str, recorded: Owed, decided: Decisions | None) -> Owed | None:
    """The decision of this id; whether a storm held it only the whole hour can tell."""
    for other, owed in decided.once if decided else ():
        if other == id and isinstance(owed, Owed):
            return replace(owed, held=recorded.held)
    return None
