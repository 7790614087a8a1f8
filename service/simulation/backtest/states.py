"""Keep enrollments and instances as they stand at any event of the log, in little memory."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from service.learners.aggregate import Aggregate, Cache, FactKeys, named_by
from service.learners.enrollment import (
    ENROLLMENT,
    NO_IMPORTS,
    Enrollment,
    EnrollmentRecorded,
    ImportedSilences,
)
from service.learners.enrollment_state import Snapshot, State
from service.learners.facts import Identity, SeatsReported
from service.learners.instance import Instance, InstanceRecorded
from service.learners.world import AGGREGATES, load
from service.ledger.events import EventStore, StreamId
from service.rules import scheduler

STATES_KEPT = 100_000
NO_KEYS = FactKeys()
NOT_YET = Snapshot()

Read = Callable[[str], list[tuple[int, Any]]]
"""The events of a stream as far as the replay has come, with their versions."""


class ReplayedEnrollment:
    """Keep how one enrollment stands after an event, as that event itself says it."""

    __slots__ = ("_built", "about", "after", "imports", "version")

    def __init__(self, about: Identity) -> None:
        self.about = about
        self.version = 0
        self.after = NOT_YET
        self.imports: ImportedSilences = NO_IMPORTS
        self._built: Enrollment | None = None

    def move(self, version: int, event: EnrollmentRecorded) -> None:
        """Go on to the next event of the stream."""
        if event.imported or self.imports is not NO_IMPORTS:
            self.imports = self.imports.having(self.after, event)
        self.version = version
        self._built = None
        if event.after is not None:
            self.after = event.after

    def enrollment(self, stream: str) -> Enrollment:
        """Make the aggregate as rules read it: without its facts, which they never ask for."""
        if self._built is None:
            self._built = Enrollment(
                id=StreamId(stream),
                about=self.about,
                version=self.version,
                keys=NO_KEYS,
                state=state_of(self.after),
                imports=self.imports,
            )
        return self._built


def state_of(after: Snapshot) -> State:
    """Restore the state that a snapshot was taken of, as far as rules read it."""
    return State(
        status=after.status,
        progress=after.progress,
        passed=after.passed,
        score=after.score,
        source=after.source,
        enrolled_at=after.enrolled_at,
        started_at=after.started_at,
        completed_at=after.completed_at,
        active_at=after.active_at,
        done_at=after.done_at,
    )


class ReplayedInstance:
    """Keep how one instance stands; of its reports only what a rule with `rearm` can ask for.

    Each different report is kept once, with the version at which it was last the newest.
    """

    __slots__ = ("about", "newest", "reports", "version")

    def __init__(self, about: Identity) -> None:
        self.about = about
        self.version = 0
        self.newest: SeatsReported | None = None
        self.reports: dict[SeatsReported, int] = {}

    def move(self, version: int, event: InstanceRecorded) -> None:
        """Go on to the next event of the stream."""
        self.version = version
        said = event.said
        if event.newest and isinstance(said, SeatsReported):
            self.newest = said
            self.reports.pop(said, None)
            self.reports[said] = version

    def instance(self, stream: str) -> Instance:
        """Make the aggregate as rules read it."""
        history = tuple((version, said) for said, version in self.reports.items())
        return Instance(
            StreamId(stream), self.about, self.version, newest=self.newest, history=(history,)
        )


class Replayed(Protocol):
    """Go on from event to event of one stream."""

    def move(self, version: int, event: Any) -> None: ...


S = TypeVar("S", bound=Replayed)


class StateCache(Generic[S]):
    """Keep how the aggregates of one kind stand; what was forgotten is read again."""

    def __init__(self, begin: Callable[[Identity], S], read: Read, kept: int) -> None:
        self._begin = begin
        self._read = read
        self._kept: Cache[str, S] = Cache(kept)

    def move(self, stream: str, version: int, event: Any) -> None:
        """Take in an event; of one that was forgotten nothing, until somebody asks for it."""
        known = self._kept.get(stream)
        if known is None:
            if version > 1 or event.about is None:
                return
            known = self._begin(event.about)
            self._kept.put(stream, known)
        known.move(version, event)

    def get(self, stream: str) -> S | None:
        """Give how one stands now; None for one that is not in the log."""
        known = self._kept.get(stream)
        if known is None:
            for version, body in self._read(stream):
                known = known or self._begin(named_by(stream, [body]))
                known.move(version, body)
            if known is not None:
                self._kept.put(stream, known)
        return known


class States:
    """Give every aggregate as far as the replay has come."""

    def __init__(self, read: Read, kept: int = STATES_KEPT) -> None:
        self.enrollments = StateCache(ReplayedEnrollment, read, kept)
        self.instances = StateCache(ReplayedInstance, read, kept)
        self._read = read
        self._others: Cache[str, Aggregate[Any]] = Cache(kept)

    def enrollment(self, stream: str) -> Enrollment | None:
        """Give an enrollment as it stands now."""
        standing = self.enrollments.get(stream)
        return None if standing is None else standing.enrollment(stream)

    def who(self, stream: str) -> Identity | None:
        """Name whose enrollment this is."""
        standing = self.enrollments.get(stream)
        return None if standing is None else standing.about

    def instance(self, stream: str) -> Instance | None:
        """Give an instance as it stands now."""
        seats = self.instances.get(stream)
        return None if seats is None else seats.instance(stream)

    def aggregate(self, stream: str) -> Aggregate[Any] | None:
        """Give whatever has this stream, as it stands now."""
        if stream.startswith(ENROLLMENT):
            return self.enrollment(stream)
        if stream.startswith("i"):
            return self.instance(stream)
        known = self._others.get(stream)
        if known is None:
            known = identity(stream, self._read(stream))
            if known is not None:
                self._others.put(stream, known)
        return known

    def events(self, stream: str) -> list[Any]:
        """Read the events of a stream."""
        return [event for _, event in self._read(stream)]

    def folded(self, stream: str) -> Aggregate[Any] | None:
        """Fold all of a course or an instance anew, with what rules seldom ask of one."""
        events = self.events(stream)
        return load(stream, events, {}) if events else None


def identity(stream: str, events: list[tuple[int, Any]]) -> Aggregate[Any] | None:
    """Make a course or a learner: rules read no more of one than who or what it is."""
    if not events:
        return None
    _, first = events[0]
    return AGGREGATES[first.topic](StreamId(stream), named_by(stream, [first]))


ROWS_PER_PAGE = 10_000
LogRow = tuple[int, str, int, str, bytes]
"""Position, stream, version, topic and state."""


class History:
    """Read one log up to its end as it was at the beginning; write nothing."""

    def __init__(self, store: EventStore) -> None:
        self.ledger = store.ledger
        self.mapper = store.mapper
        self.end = self.ledger.end()

    def pages(self) -> Iterator[list[LogRow]]:
        """Read every row in order of position, a page at a time."""
        position = 0
        while position < self.end and (page := self.ledger.log(position, ROWS_PER_PAGE)):
            position = page[-1][0]
            yield page if position <= self.end else [row for row in page if row[0] <= self.end]

    def stream(self, stream: str, until: int) -> list[LogRow]:
        """Read the rows of one stream up to a position."""
        return [row for row in self.ledger.stream(stream) if row[0] <= until]

    def has_asks(self) -> bool:
        """Tell whether the clock was ever asked: the log then tells when the service ran."""
        return bool(self.ledger.stream(scheduler.CLOCK_STREAM, limit=1))
