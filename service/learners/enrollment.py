"""An enrolment: one learner in one instance, read off the set of its facts in any order."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import reduce
from hashlib import blake2b
from typing import Any, Self

import msgspec

from service.learners.enrollment_state import (
    NOTHING,
    Entry,
    Snapshot,
    State,
    read,
    step,
    transitions,
)
from service.learners.events import FactRecorded, recorded
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    EnrollmentSaid,
    Fact,
    Keys,
    ModuleCompleted,
    ProgressReported,
    Started,
    Unenrolled,
)


class Who(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Whose enrolment this is, without a name; `course` and `instance` are the LMS's ids."""

    source: str
    account: str
    person: str
    course: str
    kind: str
    instance: str | None = None


class EnrollmentRecorded(
    FactRecorded[EnrollmentSaid], frozen=True, kw_only=True, omit_defaults=True
):
    """A fact on an enrolment; `who` on the first event, `after` whenever something changed."""

    who: Who | None = None
    after: Snapshot | None = None


class Imports(msgspec.Struct, frozen=True, gc=False):
    """When the import was recorded (ms UTC) through which each silence begins where it does.

    None where it does so through a live fact, or never began. The names are those of `Snapshot`.
    """

    silent_since: int | None = None
    active_at: int | None = None

    def having(self, before: Snapshot, event: EnrollmentRecorded) -> "Imports":
        """These after one more event; `before` is how the enrolment stood until then."""
        after = event.after or before
        return Imports(
            _through(self.silent_since, before.silent_since, after.silent_since, event),
            _through(self.active_at, before.active_at, after.active_at, event),
        )


def _through(
    import_at: int | None, before: int | None, after: int | None, event: EnrollmentRecorded
) -> int | None:
    """A live fact that moves a silence, or speaks of its first moment, is what it is due to."""
    if event.imported:
        return import_at if after == before else event.recorded_at
    return import_at if after == before != event.at else None


NO_IMPORTS = Imports()


def _shape(said: type[EnrollmentSaid]) -> Any:
    return msgspec.defstruct(
        f"{said.__name__}Recorded", [("said", said)], bases=(EnrollmentRecorded,), frozen=True,
        kw_only=True, omit_defaults=True,
    )  # fmt: skip


KINDS = (
    Enrolled,
    Started,
    ProgressReported,
    ModuleCompleted,
    Completed,
    CompletionRevoked,
    Unenrolled,
)
SHAPES: Mapping[str, Any] = {said.TOPIC: _shape(said) for said in KINDS}


class Enrollment(msgspec.Struct, frozen=True, gc=False):
    """A learner's enrolment as folded so far."""

    id: str
    who: Who
    version: int = 0
    entries: tuple[Entry, ...] = ()
    state: State = NOTHING
    keys: Keys = Keys()
    imports: Imports = NO_IMPORTS

    @staticmethod
    def stream(person: str, course: str, instance: str | None) -> str:
        """The stream's id: the person's time prefix, then a hash (neighbours in time stay so)."""
        name = f"{person}\x1f{course}\x1f{instance or ''}".encode()
        return f"e{person[:8]}{blake2b(name, digest_size=12).hexdigest()}"

    @classmethod
    def load(cls, id: str, bodies: Iterable[EnrollmentRecorded], lateness: int) -> Self:
        """The enrolment whose stream holds these bodies, first to last."""
        events = list(bodies)
        who = events[0].who
        assert who is not None, f"{id}: the first event of an enrolment names it"
        entries = tuple(sorted((e.at, e.said.RANK, e.key, e.said) for e in events))
        keys = reduce(Keys.having, (event.key for event in events), Keys())
        imports, stood = NO_IMPORTS, Snapshot()
        for event in events:
            imports, stood = imports.having(stood, event), event.after or stood
        return cls(id, who, len(events), entries, read(entries, lateness), keys, imports)

    def record(
        self,
        fact: Fact,
        *,
        letter: int,
        item: int,
        now: int,
        lateness: int,
        imported: bool = False,
    ) -> tuple[Self, EnrollmentRecorded] | None:
        """This enrolment with one more fact, and the event to append; None for a duplicate."""
        keys = self.keys
        if fact.key in keys:
            return None
        said = fact.said
        assert isinstance(said, EnrollmentSaid)
        entry: Entry = (fact.occurred_at, said.RANK, fact.key, said)
        after, entries = self._with(entry, lateness)
        changed = after != self.state
        event = recorded(
            EnrollmentRecorded,
            fact,
            keys,
            letter=letter,
            item=item,
            now=now,
            imported=imported,
            transitions=transitions(said, self.state, after) if changed else (),
            superseded=not changed,
            who=self.who if self.version == 0 else None,
            after=after.snapshot() if changed else None,
        )
        keys = keys.having(fact.key)
        imports = self.imports
        if imported or imports != NO_IMPORTS:
            imports = imports.having(self.state.snapshot(), event)
        return type(self)(self.id, self.who, self.version + 1, entries, after, keys, imports), event

    def imported_at(self, count_from: str) -> int | None:
        """When the import was recorded through which the silence begins where it does.

        None if that is due to a live fact. `count_from` is `enrolled` or `started`.
        """
        found = self.imports
        return found.silent_since if count_from == "enrolled" else found.active_at

    def _with(self, entry: Entry, lateness: int) -> tuple[State, tuple[Entry, ...]]:
        order = entry[:3]
        if not self.entries or order > self.entries[-1][:3]:
            return step(self.state, entry, lateness), (*self.entries, entry)
        place = bisect_right(self.entries, order, key=lambda known: known[:3])
        entries = (*self.entries[:place], entry, *self.entries[place:])
        return read(entries, lateness), entries
