"""Keep enrolments and instances as views, for people, the API and the sweep."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, Literal

from sqlite_utils import Database

from service.learners import enrollment, instance
from service.learners.enrollment import EnrollmentRecorded
from service.learners.enrollment_state import Snapshot
from service.learners.facts import InstanceDeleted, SeatsReported, course_id
from service.learners.instance import InstanceRecorded, seats_available
from service.ledger.events import LogEvent
from service.ledger.sql import Cursor, counts
from service.ledger.views import Views

STANDING = (
    "status", "progress", "passed", "score", "enrolled_by", "enrolled_at", "started_at",
    "completed_at", "active_at", "silent_since", "version", "position",
)  # fmt: skip
WHO = ("id", "source", "account", "person", "course", "kind", "instance")
PLACES = ("id", "source", "account", "course", "kind", "instance")
named = attrgetter(*WHO[1:])
placed = attrgetter(*PLACES[1:])
shown = attrgetter(
    "status", "progress", "passed", "score", "source", "enrolled_at", "started_at",
    "completed_at", "active_at", "silent_since",
)  # fmt: skip
ENROLL = (
    f"INSERT INTO enrollments ({', '.join(WHO + STANDING)}) "
    f"VALUES ({', '.join('?' * len(WHO + STANDING))}) ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in STANDING)
)
SEATS = (
    "enrollment_count", "waitlist_count", "seat_limit", "seats_available", "reported_at",
)  # fmt: skip
PLACE = (
    f"INSERT INTO instances ({', '.join(PLACES)}) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)
SEAT = f"UPDATE instances SET {', '.join(f'{name} = ?' for name in SEATS)} WHERE id = ?"
END = "UPDATE instances SET deleted_at = ? WHERE id = ?"
VERSION = "UPDATE instances SET version = ? WHERE id = ?"
MOVE = f"UPDATE enrollments SET {', '.join(f'{name} = ?' for name in STANDING)} WHERE id = ?"
SILENCE = {"enrolled": "silent_since", "started": "active_at"}
"""Where silence begins (ms UTC), by what it is counted from."""
SILENT = "(silent_since IS NOT NULL OR active_at IS NOT NULL)"


class EnrollmentViews:
    """Project facts into `enrollments` and `instances`.

    `position`: where in the log an enrolment moved last; the clock asks about who did lately.
    """

    name = "roster"
    version = 3
    topics = frozenset(enrollment.SHAPES) | frozenset(instance.SHAPES)

    def create(self, database: Database) -> None:
        """Make the tables; only open enrolments stand in the silence indexes."""
        database.create_table(
            "enrollments",
            dict.fromkeys(WHO, str)
            | {"status": str, "progress": float, "passed": int, "score": float, "enrolled_by": str}
            | dict.fromkeys(STANDING[5:], int),
            pk="id",
        )
        database.table("enrollments").create_index(["person"])
        database.table("enrollments").create_index(["course"])
        for column in SILENCE.values():
            database.execute(
                f"CREATE INDEX enrollments_by_{column} ON enrollments ({column}) "
                f"WHERE {column} IS NOT NULL"
            )
        database.execute(
            f"CREATE INDEX enrollments_by_position ON enrollments (position) WHERE {SILENT}"
        )
        database.create_table(
            "instances",
            {
                "id": str, "source": str, "account": str, "course": str, "kind": str,
                "instance": str, "enrollment_count": int, "waitlist_count": int,
                "seat_limit": int, "seats_available": int, "reported_at": int, "deleted_at": int,
                "version": int,
            },
            pk="id",
        )  # fmt: skip
        database.table("instances").create_index(["course"])

    def project(self, connection: Cursor, events: Sequence[LogEvent]) -> None:
        """Write the last state of each enrolment in the page, once."""
        whos: dict[str, tuple[Any, ...]] = {}
        standings: dict[str, tuple[Any, ...]] = {}
        reports: list[LogEvent] = []
        for event in events:
            body = event.body
            if isinstance(body, EnrollmentRecorded):
                if body.about is not None:
                    whos[event.stream] = (event.stream, *named(body.about))
                if body.after is not None:
                    standings[event.stream] = enrollment_columns(body.after, event)
            elif isinstance(body, InstanceRecorded):
                reports.append(event)
        new = [(*whos[id], *standings[id]) for id in whos if id in standings]
        moved = [(*standings[id], id) for id in standings if id not in whos]
        connection.executemany(ENROLL, new)
        connection.executemany(MOVE, moved)
        place(connection, reports)


def enrollment_columns(after: Snapshot, event: LogEvent) -> tuple[Any, ...]:
    """Give the columns of STANDING."""
    return (*shown(after), event.version, event.position)


def place(connection: Cursor, events: Sequence[LogEvent]) -> None:
    """Write instances; the last report of each in the page is written once."""
    new: list[tuple[Any, ...]] = []
    seats: dict[str, tuple[Any, ...]] = {}
    ends: dict[str, tuple[Any, ...]] = {}
    versions: dict[str, int] = {}
    for event in events:
        body, versions[event.stream] = event.body, event.version
        if body.about is not None:
            new.append((event.stream, *placed(body.about)))
        if not body.newest:
            continue
        if isinstance(body.said, SeatsReported):
            seats[event.stream] = seat_columns(body.said, body.at)
        else:
            gone = body.topic == InstanceDeleted.TOPIC
            ends[event.stream] = (body.at if gone else None,)
    connection.executemany(PLACE, new)
    connection.executemany(SEAT, [(*row, id) for id, row in seats.items()])
    connection.executemany(END, [(*row, id) for id, row in ends.items()])
    connection.executemany(VERSION, [(version, id) for id, version in versions.items()])


def seat_columns(said: SeatsReported, at: int) -> tuple[Any, ...]:
    """Give the columns of SEATS."""
    free = None if said.seat_limit is None else seats_available(said)
    return said.enrollment_count, said.waitlist_count, said.seat_limit, free, at


def silences_between(
    views: Views, count_from: str, after: int, until: int, limit: int
) -> list[tuple[str, int]]:
    """Open enrolments whose silence began in (after, until] with that moment, earliest first.

    At most about `limit`: all that share the last one's millisecond come along.
    """
    column = SILENCE[count_from]
    query = (
        f"SELECT id, {column} FROM enrollments WHERE {column} IS NOT NULL AND {column} > ? "
        f"AND {column} <= ? ORDER BY {column} LIMIT ?"
    )
    reader = views.reader()
    found = list(reader.execute(query, (after, until, limit)))
    if len(found) < limit:
        return found
    last = found[-1][1]
    return [row for row in found if row[1] < last] + list(
        reader.execute(query, (last - 1, last, -1))
    )


def moved_into(views: Views, count_from: str, position: int, after: int, until: int) -> list[str]:
    """List the enrolments that moved behind a position, and whose silence began in (after, until].

    Earliest moved first.
    """
    column = SILENCE[count_from]
    rows = views.reader().execute(
        "SELECT id FROM enrollments INDEXED BY enrollments_by_position "
        f"WHERE position > ? AND {SILENT} AND {column} > ? AND {column} <= ? ORDER BY position",
        (position, after, until),
    )
    return [id for (id,) in rows]


def listing(
    views: Views, table: str, filters: dict[str, Any], limit: int, after: str
) -> Iterator[dict[str, Any]]:
    """Read rows of a view in order of id, after an id, where each column has the value given.

    A list stands for any of its values. A course and an instance may be spelled in any way.
    """
    chosen = {name: _asked(name, each) for name, each in filters.items() if each is not None}
    lists = {name: json.dumps(each) for name, each in chosen.items() if isinstance(each, list)}
    any_of = "{0} IN (SELECT value FROM json_each(:{0}))"
    tests = [(any_of if name in lists else "{0} = :{0}").format(name) for name in chosen]
    where = " AND ".join(["id > :after", *tests])
    found: Iterator[dict[str, Any]] = views.reader()[table].rows_where(
        where, chosen | lists | {"after": after}, order_by="id", limit=limit
    )
    return found


def accounts_of_instances(connection: Cursor, source: str | None) -> set[str]:
    """Read the accounts of which there are instances, of a source or of any."""
    query = "SELECT DISTINCT account FROM instances WHERE source = COALESCE(?, source)"
    return {account for (account,) in connection.execute(query, (source,))}


def courses_of(views: Views, source: str, account: str) -> list[str]:
    """List the courses of an account of which there are enrolments or instances."""
    query = (
        "SELECT course FROM enrollments WHERE source = :source AND account = :account "
        "UNION SELECT course FROM instances WHERE source = :source AND account = :account"
    )
    rows = views.reader().execute(query, {"source": source, "account": account})
    return [course for (course,) in rows if course]


def values_of(
    views: Views, what: Literal["course", "instance", "source", "account", "enrolled_by"]
) -> Counter[str]:
    """Count the enrolments that have each value, and where they have it the instances."""
    tables = ("enrollments",) if what == "enrolled_by" else ("enrollments", "instances")
    rows = " UNION ALL ".join(f"SELECT {what} AS value FROM {table}" for table in tables)
    query = f"SELECT value, COUNT(*) FROM ({rows}) WHERE value > '' GROUP BY 1"
    return counts(views.reader().conn, query)


def _asked(name: str, value: Any) -> Any:
    """Ask for the id of a course or an instance as it was given and in its one spelling."""
    if name not in ("course", "instance") or course_id(value) == value:
        return value
    return [value, course_id(value)]


def count_by_status(views: Views) -> dict[str, int]:
    """Count enrolments by how they stand, the most first."""
    query = "SELECT status, COUNT(*) FROM enrollments GROUP BY status ORDER BY 2 DESC, 1"
    return dict(views.reader().execute(query).fetchall())
