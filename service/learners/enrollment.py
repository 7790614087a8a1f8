"""Fold an enrolment, one learner in one instance, from its facts in any order."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import reduce
from typing import Self

import msgspec

from service.learners.aggregate import Aggregate, FactKeys, named_by, shapes_of
from service.learners.enrollment_state import (
    NOTHING,
    Entry,
    Snapshot,
    State,
    advance,
    read,
    transitions,
)
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    EnrollmentFact,
    Fact,
    FactRecorded,
    Identity,
    ModuleCompleted,
    PlacedFact,
    ProgressReported,
    Started,
    Unenrolled,
)
from service.ledger.events import StreamId, stream_id


class EnrollmentRecorded(
    FactRecorded[EnrollmentFact], frozen=True, kw_only=True, omit_defaults=True
):
    """Record a fact on an enrolment; `after` is there whenever something changed."""

    about: Identity | None = msgspec.field(default=None, name="who")
    after: Snapshot | None = None


class ImportedSilences(msgspec.Struct, frozen=True, gc=False):
    """Hold when the import was recorded (ms UTC) through which each silence begins.

    None where it does so through a live fact, or never began. The names are those of `Snapshot`.
    """

    silent_since: int | None = None
    active_at: int | None = None

    def having(self, before: Snapshot, event: EnrollmentRecorded) -> "ImportedSilences":
        """Go on by one more event; `before` is how the enrolment stood until then."""
        after = event.after or before
        return ImportedSilences(
            _through(self.silent_since, before.silent_since, after.silent_since, event),
            _through(self.active_at, before.active_at, after.active_at, event),
        )


def _through(
    import_at: int | None, before: int | None, after: int | None, event: EnrollmentRecorded
) -> int | None:
    """Tell what a silence is due to: a live fact that moves it, or speaks of its first moment."""
    if event.imported:
        return import_at if after == before else event.recorded_at
    return import_at if after == before != event.at else None


NO_IMPORTS = ImportedSilences()


KINDS = (
    Enrolled,
    Started,
    ProgressReported,
    ModuleCompleted,
    Completed,
    CompletionRevoked,
    Unenrolled,
)
SHAPES = shapes_of(EnrollmentRecorded, KINDS)


class Enrollment(Aggregate[EnrollmentRecorded], frozen=True, gc=False):
    """Fold a learner's enrolment."""

    RECORDED = EnrollmentRecorded
    entries: tuple[Entry, ...] = ()
    state: State = NOTHING
    imports: ImportedSilences = NO_IMPORTS

    @staticmethod
    def stream(person: str, course: str, instance: str | None) -> StreamId:
        """Give the stream's id: the person's time prefix, then a hash.

        Whom the log met one after the other stand side by side in its index too.
        """
        return stream_id(f"e{person[:8]}", person, course, instance or "", size=12)

    @classmethod
    def begin(cls, fact: Fact, person: str) -> Self:
        """Make the enrolment as it is before its first fact."""
        about = Identity(fact.source, fact.account, person, fact.course, fact.kind, fact.instance)
        return cls(cls.stream(person, fact.course, fact.instance), about)

    @classmethod
    def load(cls, id: StreamId, events: Sequence[EnrollmentRecorded], lateness: int = 0) -> Self:
        """Read the enrolment off all its facts at once, whatever the order they came in."""
        entries = tuple(sorted((e.at, e.said.RANK, e.key, e.said) for e in events))
        keys = reduce(FactKeys.having, (event.key for event in events), FactKeys())
        imports, stood = NO_IMPORTS, Snapshot()
        for event in events:
            imports, stood = imports.having(stood, event), event.after or stood
        state = read(entries, lateness)
        return cls(id, named_by(id, events), len(events), keys, entries, state, imports)

    def record(
        self, placed: PlacedFact, now: int, lateness: int = 0
    ) -> tuple[Self, EnrollmentRecorded] | None:
        """Fold in a fact and make the event to append; None for a duplicate."""
        fact, keys = placed.fact, self.keys
        if fact.key in keys:
            return None
        said = fact.said
        assert isinstance(said, EnrollmentFact)
        after, entries = self._with((fact.occurred_at, said.RANK, fact.key, said), lateness)
        changed = after != self.state
        effect = {
            "transitions": transitions(said, self.state, after) if changed else (),
            "superseded": not changed,
            "after": after.snapshot() if changed else None,
        }
        event = self.event_of(placed, now, effect)
        keys = keys.having(fact.key)
        imports = self.imports
        if placed.imported or imports != NO_IMPORTS:
            imports = imports.having(self.state.snapshot(), event)
        folded = type(self)(self.id, self.about, self.version + 1, keys, entries, after, imports)
        return folded, event

    def imported_at(self, count_from: str) -> int | None:
        """Give when the import was recorded through which the silence begins where it does.

        None if that is due to a live fact. `count_from` is `enrolled` or `started`.
        """
        found = self.imports
        return found.silent_since if count_from == "enrolled" else found.active_at

    def _with(self, entry: Entry, lateness: int) -> tuple[State, tuple[Entry, ...]]:
        order = entry[:3]
        if not self.entries or order > self.entries[-1][:3]:
            return advance(self.state, entry, lateness), (*self.entries, entry)
        place = bisect_right(self.entries, order, key=lambda known: known[:3])
        entries = (*self.entries[:place], entry, *self.entries[place:])
        return read(entries, lateness), entries
