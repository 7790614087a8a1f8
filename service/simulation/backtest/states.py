"""States: enrollments and instances as they stood at any event of the log, in little memory."""

from collections.abc import Callable
from typing import Any

from service.learners.aggregate import Aggregate, FactKeys
from service.learners.enrollment import NO_IMPORTS, Enrollment, EnrollmentRecorded, ImportedSilences
from service.learners.enrollment_state import Snapshot, State
from service.learners.facts import FactRecorded, Identity, SeatsReported
from service.learners.instance import Instance, InstanceRecorded
from service.learners.world import AGGREGATES, Cache
from service.ledger.events import EventBody, StreamId

STATES_KEPT = 100_000
NO_KEYS = FactKeys()
NOT_YET = Snapshot()

Read = Callable[[str], list[tuple[int, EventBody]]]
"""The events of a stream as far as the replay has come, with their versions."""


class Standing:
    """How one enrollment stood after an event, as that event itself says it."""

    __slots__ = ("_built", "about", "after", "imports", "version")

    def __init__(self, about: Identity) -> None:
        self.about = about
        self.version = 0
        self.after = NOT_YET
        self.imports: ImportedSilences = NO_IMPORTS
        self._built: Enrollment | None = None

    def move(self, version: int, event: EnrollmentRecorded) -> None:
        """Goes on to the next event of the stream."""
        if event.imported or self.imports is not NO_IMPORTS:
            self.imports = self.imports.having(self.after, event)
        self.version = version
        self._built = None
        if event.after is not None:
            self.after = event.after

    def enrollment(self, stream: str) -> Enrollment:
        """The aggregate as rules read it: without its facts, which they never ask for."""
        if self._built is None:
            self._built = Enrollment(
                StreamId(stream),
                self.about,
                self.version,
                NO_KEYS,
                (),
                state_of(self.after),
                self.imports,
            )
        return self._built


def state_of(after: Snapshot) -> State:
    """The state that a snapshot was taken of, as far as rules read it."""
    return State(
        after.status, after.progress, after.passed, after.score, after.source,
        after.enrolled_at, after.started_at, after.completed_at, after.active_at,
    )  # fmt: skip


class Seats:
    """How one instance stood; of its reports only what a rule with `rearm` can ask for.

    Each different report is kept once, with the version at which it was last the newest.
    """

    __slots__ = ("about", "newest", "reports", "version")

    def __init__(self, about: Identity) -> None:
        self.about = about
        self.version = 0
        self.newest: SeatsReported | None = None
        self.reports: dict[SeatsReported, int] = {}

    def move(self, version: int, event: InstanceRecorded) -> None:
        """Goes on to the next event of the stream."""
        self.version = version
        said = event.said
        if event.newest and isinstance(said, SeatsReported):
            self.newest = said
            self.reports.pop(said, None)
            self.reports[said] = version

    def instance(self, stream: str) -> Instance:
        """The aggregate as rules read it."""
        history = tuple((version, said) for said, version in self.reports.items())
        return Instance(
            StreamId(stream), self.about, self.version, newest=self.newest, history=(history,)
        )


class States:
    """Every aggregate as far as the replay has come; what was forgotten is read again."""

    def __init__(self, read: Read, kept: int = STATES_KEPT) -> None:
        self._read = read
        self._standings: Cache[str, Standing] = Cache(kept)
        self._seats: Cache[str, Seats] = Cache(kept)
        self._others: Cache[str, Aggregate[Any]] = Cache(kept)

    def enrollment_moved(self, stream: str, version: int, event: EnrollmentRecorded) -> None:
        """Takes in an event; of one that was forgotten nothing, until somebody asks for it."""
        standing = self._standings.get(stream)
        if standing is None:
            if version > 1 or event.about is None:
                return
            standing = Standing(event.about)
            self._standings.put(stream, standing)
        standing.move(version, event)

    def instance_moved(self, stream: str, version: int, event: InstanceRecorded) -> None:
        """Takes in an event of an instance."""
        seats = self._seats.get(stream)
        if seats is None:
            if version > 1 or event.about is None:
                return
            seats = Seats(event.about)
            self._seats.put(stream, seats)
        seats.move(version, event)

    def enrollment(self, stream: str) -> Enrollment | None:
        """An enrollment as it stands now."""
        standing = self._standing(stream)
        return None if standing is None else standing.enrollment(stream)

    def who(self, stream: str) -> Identity | None:
        """Whose enrollment this is."""
        standing = self._standing(stream)
        return None if standing is None else standing.about

    def _standing(self, stream: str) -> Standing | None:
        standing = self._standings.get(stream)
        if standing is None:
            standing = self._read_again(stream)
            if standing is not None:
                self._standings.put(stream, standing)
        return standing

    def _read_again(self, stream: str) -> Standing | None:
        standing = None
        for version, body in self._read(stream):
            assert isinstance(body, EnrollmentRecorded)
            if standing is None:
                assert body.about is not None, (
                    f"{stream}: the first event of an enrollment names it"
                )
                standing = Standing(body.about)
            standing.move(version, body)
        return standing

    def instance(self, stream: str) -> Instance | None:
        """An instance as it stands now."""
        seats = self._seats.get(stream)
        if seats is None:
            for version, body in self._read(stream):
                assert isinstance(body, InstanceRecorded)
                if seats is None:
                    assert body.about is not None, f"{stream}: its first event names it"
                    seats = Seats(body.about)
                seats.move(version, body)
            if seats is None:
                return None
            self._seats.put(stream, seats)
        return seats.instance(stream)

    def aggregate(self, stream: str) -> Aggregate[Any] | None:
        """Whatever has this stream, as it stands now."""
        if stream.startswith("e"):
            return self.enrollment(stream)
        if stream.startswith("i"):
            return self.instance(stream)
        known = self._others.get(stream)
        if known is None:
            known = identity(stream, self._read(stream))
            if known is not None:
                self._others.put(stream, known)
        return known


def identity(stream: str, events: list[tuple[int, EventBody]]) -> Aggregate[Any] | None:
    """A course or a learner: rules read no more of one than who or what it is."""
    if not events:
        return None
    _, first = events[0]
    assert isinstance(first, FactRecorded) and first.about is not None, f"{stream}: not named"
    return AGGREGATES[first.topic](StreamId(stream), first.about)
