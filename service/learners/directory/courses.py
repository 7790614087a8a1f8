"""Keep titles, tags and addresses of learning objects, as imported or said by letters."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Literal

import msgspec

from service.learners.directory.course_links import course_link
from service.learners.directory.people import CLOSENESS, VISIBLE, rows_of
from service.learners.directory.reported import ReportedTitles
from service.learners.facts import KINDS, course_id
from service.learners.text_form import distinct
from service.ledger.sql import TableWriter, counts, upsert
from service.ledger.store import Store

TABLE = """
CREATE TABLE IF NOT EXISTS courses (
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    account TEXT NOT NULL,
    title TEXT,
    kind TEXT,
    tags TEXT NOT NULL,
    url TEXT,
    parents TEXT NOT NULL,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (id, source, account)
) WITHOUT ROWID;
"""
DATA = "title, kind, tags, url, parents"
COLUMNS = f"id, source, account, {DATA}"
WRITE = upsert("courses", ("source", "account", "id"), (*DATA.split(", "), "told_at"))
SAY_AGAIN = "UPDATE courses SET told_at = ? WHERE source = ? AND account = ? AND id = ?"
NOTHING = (None, None, "[]", None, "[]")

CourseKey = tuple[str, str, str]
"""Source, account and LMS id; empty source and account mean everywhere."""


class Course(msgspec.Struct, frozen=True):
    """Describe a learning object; `kind` is course, learning_path or certification.

    With `title_awaited` its title is not known, and its LMS is being asked.
    """

    id: str
    source: str = ""
    account: str = ""
    title: str | None = None
    kind: str | None = None
    tags: tuple[str, ...] = ()
    url: str | None = None
    parents: tuple[str, ...] = ()
    title_awaited: bool = False


class CourseRow(msgspec.Struct, frozen=True):
    """Hold what an import says of a course: None says nothing, empty says there is none."""

    id: str
    source: str = ""
    account: str = ""
    title: str | None = None
    kind: str | None = None
    tags: tuple[str, ...] | None = None
    url: str | None = None
    parents: tuple[str, ...] | None = None

    @property
    def key(self) -> CourseKey:
        """Give the key that tells this course from any other."""
        return self.source, self.account, course_id(self.id)


def kind_of(course: str) -> str | None:
    """Read the kind off an id's prefix, if it has one."""
    prefix, colon, _ = course.partition(":")
    return KINDS.get(prefix) if colon else None


def awaits_nothing(source: str, account: str, course: str) -> bool:
    """Wait for no title: nobody is asked for one."""
    return False


class Courses:
    """Keep the courses of one ledger; `links` are the patterns of links by source.

    They hold for courses of which no import has a link.
    """

    def __init__(self, ledger: Store, links: Mapping[str, str] = {}) -> None:
        self.titles = ReportedTitles(ledger)
        self._links = links
        self.awaits: Callable[[str, str, str], bool] = awaits_nothing
        """Tells of which course (source, account, id) a title is yet to come."""
        self._ledger = ledger
        ledger.create(TABLE)

    def get(self, source: str, account: str, course: str, said: str | None = None) -> Course | None:
        """Look up what the closest row says: the account's, the source's, everyone's.

        A title that no import said is the one in letters; `said` is that of a transaction not
        yet committed.
        """
        id = course_id(course)
        rows = self._many(
            f"id = ? AND {VISIBLE} ORDER BY {CLOSENESS} DESC LIMIT 1",
            (id, source, account),
        )
        title = (rows[0].title if rows else None) or said or self._said(source, account, id)
        pattern = self._links.get(source)
        awaited = title is None and self.awaits(source, account, id)
        if not (rows or title or pattern or awaited):
            return None
        found = rows[0] if rows else Course(id, kind=kind_of(id))
        return msgspec.structs.replace(
            found,
            source=source,
            account=account,
            title=title,
            url=found.url or (pattern and course_link(pattern, account, id)),
            title_awaited=awaited,
        )

    def _said(self, source: str, account: str, course: str) -> str | None:
        heard = self.titles.of([course]).get((source, account, course))
        return None if heard is None else heard.said

    def have_links(self, source: str) -> bool:
        """Tell whether a course of a source has a link, by an import or because all have."""
        query = "SELECT EXISTS (SELECT 1 FROM courses WHERE url > '' AND source IN (?, ''))"
        found = self._ledger.reader().execute(query, (source,)).fetchone()
        return source in self._links or bool(found[0])

    def page(self, after: str = "", limit: int = 100) -> list[Course]:
        """Look up courses as stored, in order of id, those after `after`.

        Rows of one id stay together, so a page may be a few longer than `limit`.
        """
        last = f"SELECT id FROM courses WHERE id > ? ORDER BY id LIMIT 1 OFFSET {limit - 1:d}"
        return self._many(
            f"id > ? AND id <= COALESCE(({last}), id) ORDER BY id, source, account", (after, after)
        )

    def namesakes(self, course: str) -> list[Course]:
        """Look up every row with this id, whatever its source and account."""
        return self._many("id = ? ORDER BY source, account", (course_id(course),))

    def accounts(self, source: str | None) -> set[str]:
        """Look up the accounts that imports have named, of a source or of any."""
        rows = self._ledger.reader().execute(
            "SELECT DISTINCT account FROM courses WHERE source = COALESCE(?, source) "
            "AND account <> ''",
            (source,),
        )
        return {account for (account,) in rows}

    def values(self, what: Literal["id", "title", "account"]) -> Counter[str]:
        """Count the courses that have each value."""
        query = f"SELECT {what}, COUNT(*) FROM courses WHERE {what} > '' GROUP BY 1"
        return counts(self._ledger.reader(), query)

    def ids(self) -> Counter[str]:
        """Count the rows of each id, imported or named in letters."""
        return self.values("id") + self.titles.values("course")

    def called(self) -> Counter[str]:
        """Count the courses with each title, imported or said in letters."""
        return self.values("title") + self.titles.values("title")

    def values_in(self, what: Literal["tags", "parents"]) -> Counter[str]:
        """Count the courses that have each value in a list."""
        reader = self._ledger.reader()
        items = reader.dialect.items(what, "e")
        return counts(reader, f"SELECT e.value, COUNT(*) FROM courses, {items} GROUP BY 1")

    def store(
        self, cursor: TableWriter, rows: Sequence[CourseRow], now: int
    ) -> tuple[int, int, int]:
        """Keep what the rows say; return how many courses were added, changed and unchanged.

        What a row does not say stays as it was; the later of two rows with one key counts.
        `now` is in milliseconds since 1970 UTC. Twice changes only when it was said.
        """
        wanted = {row.key: row for row in sorted(rows, key=attrgetter("key"))}
        stored = rows_of(cursor, wanted, DATA, ids="courses.id")
        before = {row[:3]: row[3:] for row in stored}
        after = {key: _updated(before.get(key, NOTHING), row) for key, row in wanted.items()}
        writes = [(*key, *data, now) for key, data in after.items() if before.get(key) != data]
        cursor.executemany(WRITE, writes)
        again = [(now, *key) for key, data in after.items() if before.get(key) == data]
        cursor.executemany(SAY_AGAIN, again)
        added = len(after) - len(before)
        return added, len(writes) - added, len(after) - len(writes)

    def _many(self, where: str, values: tuple[object, ...]) -> list[Course]:
        rows = self._ledger.reader().execute(f"SELECT {COLUMNS} FROM courses WHERE {where}", values)
        return [_course(row) for row in rows]


def _course(row: tuple[Any, ...]) -> Course:
    course, source, account, title, kind, tags, url, parents = row
    return Course(
        id=course,
        source=source,
        account=account,
        title=title,
        kind=kind,
        tags=tuple(msgspec.json.decode(tags)),
        url=url,
        parents=tuple(msgspec.json.decode(parents)),
    )


def _updated(old: tuple[Any, ...], row: CourseRow) -> tuple[Any, ...]:
    """Lay what the row says over the old data (title, kind, tags, url, parents)."""
    title, kind, tags, url, parents = old
    return (
        title if row.title is None else row.title or None,
        (row.kind or kind or kind_of(course_id(row.id))),
        tags if row.tags is None else _json(row.tags),
        url if row.url is None else row.url or None,
        parents if row.parents is None else _json(tuple(map(course_id, row.parents))),
    )


def _json(values: tuple[str, ...]) -> str:
    return msgspec.json.encode(distinct(values)).decode()
