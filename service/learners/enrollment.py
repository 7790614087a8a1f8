"""Fold an enrolment, one learner in one instance, from its facts in any order."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from service.learners.aggregate import Aggregate, FactKeys, named_by, shapes_of
from service.learners.enrollment_state import (
    NOTHING,
    UNENROLLED,
    Entry,
    Snapshot,
    State,
    begin,
    go_on,
    is_completion_of_its_own,
    read,
    transitions,
)
from service.learners.episodes import Episode, episode_of
from service.learners.fact_tree import FactTree, tree_of
from service.learners.facts import (
    AT_ONCE,
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
    Timing,
    Unenrolled,
)
from service.ledger.events import StreamId, stream_id


class Told(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Name an event that told of a completion: its version in the stream, and when (ms UTC).

    Of an `imported` one nobody was told.
    """

    version: int
    at: int
    imported: bool = False


class EnrollmentRecorded(
    FactRecorded[EnrollmentFact], frozen=True, kw_only=True, omit_defaults=True
):
    """Record a fact on an enrolment; `after` is there whenever something changed.

    A completion that only says more of one known `restates` the event that told of it first.
    """

    about: Identity | None = msgspec.field(default=None, name="who")
    after: Snapshot | None = None
    restates: Told | None = None

    def told_first(self, transition: str, version: int) -> tuple[int, int]:
        """Name the event that told of a completion first, if this one only restates it."""
        if self.restates is None or transition != Completed.TOPIC:
            return super().told_first(transition, version)
        return self.restates.version, self.restates.at


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


def told_first(version: int, event: EnrollmentRecorded) -> Told | None:
    """Name an event that tells of a completion and restates none; None for any other."""
    if Completed.TOPIC not in event.transitions or event.restates is not None:
        return None
    return Told(version, event.at, event.imported)


KEPT_APART = 16
APART_AT_MOST = 32


class Timeline(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Hold the facts of an enrolment in reading order, in any number.

    Most enrolments have few facts, and most facts are the newest: so the `recent` ones stand
    apart, and the tree is of those `settled` before; `met` is the state that they led to.
    """

    recent: tuple[Entry, ...] = ()
    settled: FactTree | None = None
    met: State = NOTHING

    @classmethod
    def of(cls, entries: Sequence[Entry], timing: Timing) -> Self:
        """Hold facts that are in reading order."""
        return cls()._settling(tuple(entries), timing)

    def __iter__(self) -> Iterator[Entry]:
        return chain(self.settled or (), self.recent)

    def __eq__(self, other: object) -> bool:
        return type(other) is Timeline and tuple(self) == tuple(other)

    def is_passed_by(self, entry: Entry) -> bool:
        """Tell whether a fact is the newest one."""
        return not self.recent or entry[:3] > self.recent[-1][:3]

    def having_newest(self, entry: Entry, timing: Timing) -> Self:
        """Add a fact that is newer than all others."""
        recent = (*self.recent, entry)
        if len(recent) > APART_AT_MOST:
            return self._settling(recent, timing)
        return type(self)(recent, self.settled, self.met)

    def having(self, entry: Entry, timing: Timing) -> Self:
        """Add a fact in its place among the others."""
        recent, settled = self.recent, self.settled
        if settled is None or entry[:3] > recent[0][:3]:
            place = bisect_right(recent, entry[:3], key=lambda known: known[:3])
            return self._settling((*recent[:place], entry, *recent[place:]), timing)
        settled = settled.with_fact(entry)
        return type(self)(recent, settled, settled.passage(NOTHING, timing).after(NOTHING))

    def state(self, timing: Timing) -> State:
        """Give how the enrolment stands after all of them."""
        return read(self.recent, timing, self.met)

    def _settling(self, recent: tuple[Entry, ...], timing: Timing) -> Self:
        """Settle most of the recent facts when they are too many."""
        if len(recent) <= APART_AT_MOST:
            return type(self)(recent, self.settled, self.met)
        passed, recent = recent[:-KEPT_APART], recent[-KEPT_APART:]
        met = read(passed, timing, self.met)
        if self.settled is None:
            return type(self)(recent, tree_of(passed), met)
        return type(self)(recent, reduce(FactTree.with_fact, passed, self.settled), met)


ENROLLMENT = "e"
"""How the ids of enrolments' streams begin."""


class Enrollment(Aggregate[EnrollmentRecorded], frozen=True, gc=False):
    """Fold a learner's enrolment.

    `completions` are those that rules were asked about, each with its fact's key. `episode` is
    there only in what `told_by` gives.
    """

    RECORDED = EnrollmentRecorded
    facts: Timeline = Timeline()
    state: State = NOTHING
    imports: ImportedSilences = NO_IMPORTS
    completions: tuple[tuple[str, Told], ...] = ()
    timing: Timing = AT_ONCE
    episode: Episode | None = None

    @staticmethod
    def stream(person: str, course: str, instance: str | None) -> StreamId:
        """Give the stream's id: the person's time prefix, then a hash.

        Whom the log met one after the other stand side by side in its index too.
        """
        return stream_id(Enrollment.prefix(person), person, course, instance or "", size=12)

    @staticmethod
    def prefix(person: str) -> str:
        """Give what the ids of all enrolments of a person begin with."""
        return f"{ENROLLMENT}{person[:8]}"

    @classmethod
    def begin(cls, fact: Fact, person: str) -> Self:
        """Make the enrolment as it is before its first fact."""
        about = Identity(fact.source, fact.account, person, fact.course, fact.kind, fact.instance)
        return cls(cls.stream(person, fact.course, fact.instance), about)

    @classmethod
    def load(
        cls, id: StreamId, events: Sequence[EnrollmentRecorded], timing: Timing = AT_ONCE
    ) -> Self:
        """Read the enrolment off all its facts at once, whatever the order they came in."""
        entries = sorted((e.at, e.said.RANK, e.key, e.said) for e in events)
        facts = Timeline.of(entries, timing)
        keys = reduce(FactKeys.having, (event.key for event in events), FactKeys())
        imports, stood = NO_IMPORTS, Snapshot()
        for event in events:
            imports, stood = imports.having(stood, event), event.after or stood
        return cls(
            id=id,
            about=named_by(id, events),
            version=len(events),
            keys=keys,
            facts=facts,
            state=facts.state(timing),
            imports=imports,
            completions=tuple(
                (event.key, told)
                for version, event in enumerate(events, 1)
                if (told := told_first(version, event)) is not None
            ),
            timing=timing,
        )

    def record(
        self, placed: PlacedFact, now: int, timing: Timing = AT_ONCE
    ) -> tuple[Self, EnrollmentRecorded] | None:
        """Fold in a fact and make the event to append; None for a duplicate."""
        fact, said = placed.fact, placed.fact.said
        if fact.key in self.keys:
            return None
        assert isinstance(said, EnrollmentFact)
        entry = (fact.occurred_at, said.RANK, fact.key, said)
        after, facts, met = self._with(entry, timing)
        changed = after != self.state
        named = transitions(said, met, after) if changed else ()
        effect = {
            "superseded": not changed,
            "after": after.snapshot() if changed else None,
            **self._told_as(named, met, after),
        }
        event = self.event_of(placed, now, effect)
        version, keys = self.version + 1, self.keys.having(fact.key)
        completions, imports = self.completions, self.imports
        if (told := told_first(version, event)) is not None:
            completions = (*completions, (event.key, told))
        if placed.imported or imports != NO_IMPORTS:
            imports = imports.having(self.state.snapshot(), event)
        return type(self)(
            self.id, self.about, version, keys, facts, after, imports, completions, timing
        ), event

    def imported_at(self, count_from: str) -> int | None:
        """Give when the import was recorded through which the silence begins where it does.

        None if that is due to a live fact. `count_from` is `enrolled` or `started`.
        """
        found = self.imports
        return found.silent_since if count_from == "enrolled" else found.active_at

    def _told_as(self, named: tuple[str, ...], met: State, after: State) -> dict[str, Any]:
        """Say what a fact is told as: a completion that only says more of one known restates it.

        Of what was imported nobody was told, and so nobody is told more of it.
        """
        if Completed.TOPIC not in named or is_completion_of_its_own(met, after):
            return {"transitions": named}
        restates = self.completions[-1][1] if self.completions else None
        if restates is None or not restates.imported:
            return {"transitions": named, "restates": restates}
        return {"transitions": tuple(name for name in named if name != Completed.TOPIC)}

    def told_by(self, version: int, event: EnrollmentRecorded) -> Self:
        """Give the enrolment as the episode of one of its events leaves it, whatever came after.

        That somebody was taken out is no part of it, unless the event tells just that.
        """
        if version == self.version and self.state.status != UNENROLLED:
            return self
        episode = Episode(self.state)
        if version != self.version:
            told = {key for key, _ in self.completions}
            episode = episode_of(event.key, list(self.facts), self.timing, told=told)
        leaving = Unenrolled.TOPIC in event.transitions
        state = episode.state if leaving else episode.state.before_leaving()
        return replace(self, state=state, episode=episode)

    def _with(self, entry: Entry, timing: Timing) -> tuple[State, Timeline, State]:
        """Add a fact; give the state after it, all facts, and the state that it met."""
        if not self.facts.is_passed_by(entry):
            facts = self.facts.having(entry, timing)
            return facts.state(timing), facts, self.state
        met = begin(self.state, entry, timing)
        return go_on(met, entry, timing), self.facts.having_newest(entry, timing), met


def told_in(
    stream: str, events: Sequence[EnrollmentRecorded], timings: Mapping[str, Timing]
) -> tuple[Enrollment, Sequence[EnrollmentRecorded]]:
    """Fold the events of an enrolment, and give them with it; `timings` by source."""
    timing = timings.get(named_by(stream, events).source, AT_ONCE)
    return Enrollment.load(StreamId(stream), events, timing), events
