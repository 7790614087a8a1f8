"""An enrolment: one learner in one instance, read off the set of its facts in any order."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import reduce
from hashlib import blake2b
from typing import Any, Self

import msgspec

from service.learners.episode import NOTHING, Entry, Snapshot, State, read, step, transitions
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
    """A learner's enrolment as folded so far.

    `imports` are the keys of imported facts, each with when it was recorded (ms UTC).
    """

    id: str
    who: Who
    version: int = 0
    entries: tuple[Entry, ...] = ()
    state: State = NOTHING
    keys: Keys = Keys()
    imports: tuple[tuple[str, int], ...] = ()

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
        imports = tuple((event.key, event.recorded_at) for event in events if event.imported)
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
        imports = (*self.imports, (fact.key, now)) if imported else self.imports
        return type(self)(self.id, self.who, self.version + 1, entries, after, keys, imports), event

    def imported_at(self, moment: int) -> int | None:
        """When the facts of one moment were recorded first; None if one of them came live."""
        if not self.imports:
            return None
        when = dict(self.imports)
        found = [when.get(key) for at, _, key, _ in self.entries if at == moment]
        known = [at for at in found if at is not None]
        return min(known) if known and len(known) == len(found) else None

    def _with(self, entry: Entry, lateness: int) -> tuple[State, tuple[Entry, ...]]:
        order = entry[:3]
        if not self.entries or order > self.entries[-1][:3]:
            return step(self.state, entry, lateness), (*self.entries, entry)
        place = bisect_right(self.entries, order, key=lambda known: known[:3])
        entries = (*self.entries[:place], entry, *self.entries[place:])
        return read(entries, lateness), entries
