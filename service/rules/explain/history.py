"""Read the ledger as it was after an event, by key; never write."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

from service.learners.aggregate import Aggregate
from service.learners.decision_reads import CountsAlone
from service.learners.directory.courses import Courses
from service.learners.directory.managers import Managers
from service.learners.directory.merges import Link, PastMerges
from service.learners.directory.people import People
from service.learners.enrollment import Enrollment, EnrollmentRecorded, told_in
from service.learners.facts import FactRecorded, Identity, Timing, course_id
from service.learners.instance import Instance
from service.learners.neighbours import Deletion, Neighbours, deletion_among
from service.learners.text_form import text_form
from service.learners.watchlist import Watchlist
from service.learners.world import enrollments_of, load
from service.ledger.events import EventBody, EventStore
from service.rules.notification import Notification
from service.rules.triggers.seat_change import RuleFired

LATER = 2**62
"""After every version, position and moment."""
Saw = Mapping[str, int] | None
NEAR = 1_000
"""How many ids are looked at to guess which one was meant."""


class RecordedEvent(NamedTuple):
    """Hold an event: where it stands in the log and in its stream, and what it says."""

    position: int
    version: int
    body: Any


class LedgerHistory:
    """Look things up in a ledger; `timings` are by source."""

    def __init__(
        self,
        store: EventStore,
        people: People,
        courses: Courses,
        timings: Mapping[str, Timing],
    ) -> None:
        self.timings = timings
        self.neighbours = Neighbours(store)
        self.people = people
        self.courses = courses
        self.ledger = store.ledger
        self._decode = store.mapper.decode

    def stream(self, id: str, after: int = 0, until: int = LATER) -> list[RecordedEvent]:
        """Read the events of a stream after one version and up to another, first to last."""
        return [
            RecordedEvent(position, version, self._decode(topic, state))
            for position, _, version, topic, state in self.ledger.stream(id, after, until)
        ]

    def at(self, id: str, version: int) -> RecordedEvent | None:
        """Read one event of a stream, if it is there."""
        return next(iter(self.stream(id, version - 1, version)), None)

    def newest(self, id: str) -> int:
        """Find the newest version of a stream; 0 for one that is not there."""
        return self.ledger.newest([id])[id]

    def until(self, id: str, at: int) -> RecordedEvent | None:
        """Read the newest event of a stream up to a moment (ms UTC); its events have an `at`."""
        versions = range(1, self.newest(id) + 1)
        return self.at(id, bisect_right(versions, at, key=partial(self._moment, id)))

    def since(self, id: str, at: int) -> RecordedEvent | None:
        """Read the first event of a stream from a moment on (ms UTC)."""
        before = self.until(id, at - 1)
        return self.at(id, before.version + 1 if before else 1)

    def _moment(self, id: str, version: int) -> int:
        row = self.at(id, version)
        assert row is not None, f"{id}: expected an event {version}, found none"
        at: int = row.body.at
        return at

    def notification(self, id: str) -> Notification | None:
        """Read a notification as it is now."""
        rows = self.stream(id) if id.startswith("n") else []
        return Notification.load(id, [row.body for row in rows]) if rows else None

    def kept(self, id: str) -> dict[str, str]:
        """Read what is kept beside a stream and not erased yet."""
        return self.ledger.erasable(id)

    def ids(self, beginning: str, limit: int = NEAR) -> list[str]:
        """Find the streams whose id begins so, at most so many."""
        return self.ledger.ids(beginning, limit)

    def learners_near(self, lms_id: str) -> list[str]:
        """Find LMS ids that begin as this one does, but no addresses."""
        beginning = text_form(lms_id)[: max(1, len(lms_id) // 2)]
        rows = self.ledger.reader().execute(
            "SELECT DISTINCT lms_id FROM people WHERE lms_id >= ? AND lms_id < ? "
            "AND lms_id NOT LIKE '%@%' ORDER BY lms_id LIMIT ?",
            (beginning, beginning + "~", NEAR),
        )
        return [row[0] for row in rows]

    def enrollments(self, person: str) -> Iterator[tuple[str, Identity]]:
        """Find the enrolments of a person, by whichever of their records."""
        for record in self.people.records_of(person):
            firsts = ((id, self.at(id, 1)) for id in self.neighbours.enrollments(record))
            found = ((id, row.body) for id, row in firsts if row)
            yield from streams_about(found, "person", record)

    @cached_property
    def links(self) -> list[Link]:
        """Read what the log has of merges."""
        return self.neighbours.ever_merged()

    def instances(self, instance: str) -> Iterator[tuple[str, Identity]]:
        """Find the instances with this LMS id, of whatever source and account."""
        return self._with_id("i", "instance", instance)

    def titles(self, course: str) -> Iterator[tuple[str, Identity]]:
        """Find the courses with this LMS id, of whatever source and account."""
        return self._with_id("c", "course", course)

    def _with_id(self, prefix: str, name: str, id: str) -> Iterator[tuple[str, Identity]]:
        """Find streams by an LMS id, as it was given or in its one spelling."""
        for spelled in dict.fromkeys((id, course_id(id))):
            yield from streams_about(self._beginning(prefix, spelled), name, spelled)

    def _beginning(self, prefix: str, said: str) -> Iterator[tuple[str, Any]]:
        """Read the first events of streams whose id begins so, of those that say this somewhere."""
        rows = self.ledger.firsts(prefix, said.encode())
        return ((id, self._decode(topic, state)) for id, _, topic, state in rows)

    def world(
        self, position: int, subject: str = "", version: int = 0, saw: Saw = None
    ) -> "WorldAsOf":
        """Make what deciding could read after the event at a position, `version` of its subject.

        `saw` are the versions that it read of others; None for those that the log had.
        """
        return WorldAsOf(self, KnownThen(position, saw=saw), subject, version)

    def world_at(self, at: int) -> "WorldAsOf":
        """Make what deciding could read at a moment (ms UTC)."""
        return WorldAsOf(self, KnownThen(LATER, at))


def streams_about(
    firsts: Iterable[tuple[str, Any]], name: str, value: str
) -> Iterator[tuple[str, Identity]]:
    """Pick the streams about something, by their first events."""
    for id, body in firsts:
        found = body.about if isinstance(body, FactRecorded) else None
        if found is not None and getattr(found, name) == value:
            yield id, found


class KnownThen(NamedTuple):
    """Say what was known: up to a position, recorded until a moment (ms UTC); `saw` of others."""

    position: int
    recorded_until: int = LATER
    saw: Saw = None


class WorldAsOf(CountsAlone):
    """Answer as of an event: instances as they were, people and courses as known today."""

    def __init__(
        self, past: LedgerHistory, moment: KnownThen, subject: str = "", version: int = 0
    ) -> None:
        self.course = past.courses.get
        self.person = past.people.get
        self.manager = Managers(past.people).of
        self.members = past.people.in_group
        self.choices_stream = past.people.choices_stream
        said = [link for link in past.links if link.at <= moment.recorded_until]
        self._merges = PastMerges(said, lambda: moment.position, past.people.merges)
        self.records_of = self._merges.records_of
        self._past = past
        self._position, self._recorded_until, self._saw = moment
        self._subject = subject
        self._version = version

    def instance(self, source: str, account: str, course: str, instance: str) -> Instance | None:
        """Read the instance as it was then."""
        id = Instance.stream(source, account, course, instance)
        rows = self._until(id, (self._saw or {}).get(id, LATER))
        return Instance.load(id, rows) if rows else None

    def enrollments_in(self, person: str, course: str) -> Sequence[Enrollment]:
        """Read a learner's enrolments in a course as they were then."""
        beside, find = self._merges.records_beside(person), self._past.neighbours.enrollments
        return enrollments_of(self._folded(id) for each in beside for id in find(each, course))

    def told_in(self, enrollment: str) -> tuple[Enrollment, Sequence[EnrollmentRecorded]]:
        """Read an enrolment with all its events up to then."""
        return told_in(enrollment, self._until(enrollment), self._past.timings)

    def deletion(self, about: Identity) -> Deletion | None:
        """Tell whether the course or the instance of an enrolment was gone then."""
        return deletion_among(map(self._folded, self._past.neighbours.ever_deleted(about)))

    def _folded(self, id: str) -> Aggregate[Any] | None:
        rows = self._until(id, LATER if self._saw is None else self._saw.get(id, 0))
        return load(id, rows, self._past.timings) if rows else None

    def _until(self, id: str, version: int = LATER) -> list[Any]:
        stream = self._past.stream(id, until=version)
        rows = [row for row in stream if row.position <= self._position]
        return [row.body for row in rows if row.body.recorded_at <= self._recorded_until]

    def watchers(self, instance: str) -> Watchlist:
        """Read who had asked by then to be told of a seat in an instance."""
        rows = self._past.stream(Watchlist.stream(instance))
        return Watchlist.load(instance, [row.body for row in rows if row.position < self._position])

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        """Read the newest event that a stream had then.

        What a rule with `rearm` remembers of the events before stands behind them in the log.
        """
        before = (row for row in reversed(self._past.stream(stream)) if self._stood(row))
        return next(((row.version, row.body) for row in before), None)

    def _stood(self, row: RecordedEvent) -> bool:
        if isinstance(row.body, RuleFired) and row.body.instance == self._subject:
            return row.body.fired_at < self._version
        return row.position < self._position
