"""Keep the instances of learning objects with their dates, as their LMS's API says."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec

from service.learners.facts import course_id
from service.ledger.sql import Cursor, upsert
from service.ledger.store import Store

TABLE = """
CREATE TABLE IF NOT EXISTS course_instances (
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    account TEXT NOT NULL,
    course TEXT NOT NULL,
    name TEXT,
    state TEXT,
    completion_deadline INTEGER,
    enrollment_deadline INTEGER,
    unenrollment_deadline INTEGER,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (id, source, account)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS instances_by_course ON course_instances (course, source, account);
"""
KEY = ("id", "source", "account")
DATA = (
    "course",
    "name",
    "state",
    "completion_deadline",
    "enrollment_deadline",
    "unenrollment_deadline",
)
WRITE = upsert("course_instances", KEY, (*DATA, "told_at"))


class CourseInstance(msgspec.Struct, frozen=True):
    """Describe an instance of a learning object; deadlines are in ms since 1970 UTC."""

    id: str
    source: str
    account: str
    course: str
    name: str | None = None
    state: str | None = None
    completion_deadline: int | None = None
    enrollment_deadline: int | None = None
    unenrollment_deadline: int | None = None


class CourseInstances:
    """Keep the instances of one ledger."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        ledger.create(TABLE)

    def get(self, source: str, account: str, instance: str) -> CourseInstance | None:
        """Look up one instance."""
        where = "id = ? AND source = ? AND account = ?"
        return next(iter(self._many(where, (course_id(instance), source, account))), None)

    def of_course(self, course: str) -> list[CourseInstance]:
        """Look up the instances of a learning object, whatever its source and account."""
        return self._many("course = ? ORDER BY source, account, id", (course_id(course),))

    def store(
        self,
        cursor: Cursor,
        courses: Sequence[tuple[str, str, str]],
        instances: Sequence[CourseInstance],
        now: int,
    ) -> None:
        """Keep the instances of these courses (source, account, id): all they have now."""
        cursor.executemany(
            "DELETE FROM course_instances WHERE source = ? AND account = ? AND course = ?",
            sorted(courses),
        )
        rows = sorted(map(msgspec.structs.astuple, instances), key=itemgetter(0, 1, 2))
        cursor.executemany(WRITE, [(*row, now) for row in rows])

    def _many(self, where: str, values: tuple[Any, ...]) -> list[CourseInstance]:
        query = f"SELECT {', '.join((*KEY, *DATA))} FROM course_instances WHERE {where}"
        return [CourseInstance(*row) for row in self._ledger.reader().execute(query, values)]
