"""Find what stands beside an enrolment: the learner's others in its course, and what is gone."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from service.learners.aggregate import Aggregate
from service.learners.course import LearningObject
from service.learners.directory.merges import Link, Merges
from service.learners.enrollment import Enrollment
from service.learners.enrollment_state import OPEN, State
from service.learners.facts import (
    CourseDeleted,
    Enrolled,
    Fact,
    Identity,
    InstanceDeleted,
    LearnerMerged,
)
from service.learners.instance import Instance
from service.ledger.events import EventStore, StreamId

DELETION = f"topic IN ('{CourseDeleted.TOPIC}', '{InstanceDeleted.TOPIC}')"
MERGE = f"topic = '{LearnerMerged.TOPIC}'"
INDEXES = f"""
CREATE INDEX IF NOT EXISTS enrollments_by_learner ON {{log}} ({{person}}, {{course}})
WHERE {{first}};
CREATE INDEX IF NOT EXISTS deletions ON {{log}} (originator_id) WHERE {DELETION};
CREATE INDEX IF NOT EXISTS merges ON {{log}} ({{order}}) WHERE {MERGE};
"""
# How their ids begin helps where a ledger is only read, and has no such index yet. The plus sign
# keeps SQLite from reading the whole log because it is in that order.
IN_ALL = (
    "SELECT originator_id FROM stored_events WHERE {first} AND {person} = ? "
    "AND originator_id >= ? AND originator_id < ?"
)
IN_ONE = f"{IN_ALL} AND {{course}} = ?"
OF_EACH = "SELECT {person}, {course}, originator_id FROM stored_events WHERE {first} AND {of_these}"
IN_ORDER = "ORDER BY +notification_id"
EVER_DELETED = (
    f"SELECT DISTINCT originator_id FROM stored_events WHERE {DELETION} AND originator_id IN (?, ?)"
)
EVER_MERGED = (
    "SELECT notification_id, CAST({at} AS BIGINT), substr(originator_id, 2), coalesce({into}, '') "
    f"FROM stored_events WHERE {MERGE} ORDER BY notification_id"
)


class Deletion(NamedTuple):
    """Say what was deleted, `course` or `instance`, and when (ms UTC)."""

    what: str
    at: int


class Neighbours:
    """Look up in the log which streams stand beside an enrolment.

    Indexes of the log itself make that quick. They are as true as the log is, so who decides
    may ask them (decision 23).
    """

    def __init__(self, store: EventStore) -> None:
        """Make the indexes, where the ledger may be written and has none yet."""
        self._ledger = store.ledger
        self._merges = Merges(store.ledger)
        dialect = store.ledger.reader().dialect
        parts = {
            "first": f"originator_version = 1 AND {dialect.begins('topic', 'enrollment.')}",
            "person": dialect.text_in("state", "who", "person"),
            "course": dialect.text_in("state", "who", "course"),
            "at": dialect.text_in("state", "recorded_at"),
            "of_these": dialect.any_of(dialect.text_in("state", "who", "person")),
            "log": dialect.log,
            "order": dialect.log_order,
            "into": dialect.text_in("state", "said", "into"),
        }
        self._in_all = f"{IN_ALL} {IN_ORDER}".format(**parts)
        self._in_one = f"{IN_ONE} {IN_ORDER}".format(**parts)
        self._of_each = f"{OF_EACH} {IN_ORDER}".format(**parts)
        self._ever_merged = EVER_MERGED.format(**parts)
        store.ledger.create(INDEXES.format(**parts))

    def enrollments(self, person: str, course: str | None = None) -> list[str]:
        """Find the streams of a record's enrolments, in one course or in all, the oldest first."""
        prefix = Enrollment.prefix(person)
        wanted = (person, prefix, f"{prefix}~", *(() if course is None else (course,)))
        query = self._in_all if course is None else self._in_one
        return [row[0] for row in self._ledger.reader().execute(query, wanted)]

    def enrollments_of(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
        """Find the streams of many records' enrolments, each in one course, the oldest first."""
        found: dict[tuple[str, str], list[str]] = {place: [] for place in places}
        persons = sorted({person for person, _ in places})
        for person, course, stream in self._ledger.reader().execute(self._of_each, (persons,)):
            if (person, course) in found:
                found[person, course].append(stream)
        return found

    def ever_deleted(self, about: Identity) -> list[str]:
        """Find those of the streams of an enrolment's course and instance that tell of an end."""
        places = (*places_of(about), "")[:2]
        return [row[0] for row in self._ledger.reader().execute(EVER_DELETED, places)]

    def streams(self, about: Identity) -> list[str]:
        """Name every stream on which it hangs whether an enrolment is done or gone."""
        beside = self._merges.records_beside(about.person)
        found = [stream for each in beside for stream in self.enrollments(each, about.course)]
        return [*places_of(about), *found]

    def ever_merged(self) -> list[Link]:
        """List what the log has of merges, first to last.

        Before it come those who were met merged, of whom it has nothing.
        """
        told = [Link(*row) for row in self._ledger.reader().execute(self._ever_merged)]
        known = {link.record for link in told}
        met = (Link(0, 0, *each) for each in self._merges.in_accounts() if each[0] not in known)
        return [*met, *told]


def places_of(about: Identity) -> list[StreamId]:
    """Name the streams of an enrolment's course and, if it is in one, its instance."""
    course = LearningObject.stream(about.source, about.account, about.course)
    if about.instance is None:
        return [course]
    place = (about.source, about.account, about.course)
    return [course, Instance.stream(*place, about.instance)]


def deletion_among(places: Iterable[Aggregate[Any] | None]) -> Deletion | None:
    """Pick the course or the instance that is gone, the one deleted last."""
    gone = [(each.gone_at, each.about) for each in places if each and each.gone_at is not None]
    found = [Deletion("instance" if about.instance else "course", at) for at, about in gone]
    return max(found, key=lambda deletion: deletion.at, default=None)


def newest_at(state: State) -> int:
    """Say when something happened last in an enrolment (ms UTC); 0 if nothing is known."""
    return max(_moments(state), default=0)


def begun_at(state: State) -> int | None:
    """Say when the episode of an enrolment began, as far as is known (ms UTC)."""
    return min(_moments(state), default=None)


def owner_of(fact: Fact, known: Sequence[Enrollment]) -> Enrollment | None:
    """Choose which of a learner's enrolments in a course a fact is of that names no instance.

    The one that has the fact already; else of those begun by then the likeliest, which is an open
    one if it says that they were enrolled. None for an enrolment of its own.
    """
    for each in known:
        if fact.key in each.keys:
            return each
    again = fact.said.TOPIC == Enrolled.TOPIC
    begun = [
        each
        for each in known
        if (at := begun_at(each.state)) is not None
        and at <= fact.occurred_at
        and (each.state.status in OPEN or not again)
    ]
    return max(begun, key=_likelihood, default=None)


def _moments(state: State) -> list[int]:
    moments = (state.enrolled_at, state.started_at, state.active_at, state.completed_at)
    return [at for at in moments if at is not None]


def _likelihood(enrollment: Enrollment) -> tuple[bool, bool, int, str]:
    """Prefer an open one, of those one in an instance, and else what was heard of last."""
    is_open = enrollment.state.status in OPEN
    is_placed = is_open and enrollment.about.instance is not None
    return is_open, is_placed, max(_moments(enrollment.state)), enrollment.id
