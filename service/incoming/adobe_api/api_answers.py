"""Remember what the API was asked, and find who and what it is to be asked about next."""

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from service.incoming.adobe_api.directory_rows import SOURCE
from service.learners.directory.people_table import TABLE as PEOPLE
from service.ledger.sql import Cursor, upsert
from service.ledger.store import Store

TABLE = """
CREATE TABLE IF NOT EXISTS adobe_answers (
    what TEXT NOT NULL,
    account TEXT NOT NULL,
    lms_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    found INTEGER NOT NULL,
    PRIMARY KEY (what, account, lms_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS adobe_answers_by_age ON adobe_answers (what, account, found, at);
CREATE INDEX IF NOT EXISTS people_not_told_of ON people (source, account, id)
    WHERE told_at IS NULL;
"""
TOLD_BY_API = "CASE WHEN a.found = 1 THEN a.at ELSE 0 END"
STALE = "(a.at IS NULL OR a.at <= :old)"
NOT_TOLD_OF = f"""
SELECT p.lms_id FROM people p LEFT JOIN adobe_answers a
ON a.what = 'user' AND a.account = p.account AND a.lms_id = p.lms_id
WHERE p.source = '{SOURCE}' AND p.account = :account AND p.told_at IS NULL
AND p.lms_id IS NOT NULL AND {STALE} AND NOT EXISTS (
    SELECT 1 FROM people r WHERE r.lms_id = p.lms_id AND r.told_at IS NOT NULL
    AND r.source IN (p.source, '') AND r.account IN (p.account, '')
)
"""
THESE = f"{NOT_TOLD_OF} AND {{of_these}} LIMIT :limit"
OTHERS = f"{NOT_TOLD_OF} ORDER BY p.id LIMIT :limit"
TOLD_OF_LONG_AGO = f"""
SELECT a.lms_id FROM adobe_answers a JOIN people p
ON p.lms_id = a.lms_id AND p.source = '{SOURCE}' AND p.account = a.account
WHERE a.what = 'user' AND a.account = :account AND a.found = 1 AND a.at <= :old
AND p.told_at <= a.at ORDER BY a.at LIMIT :limit
"""
COURSES = f"""
SELECT j.value FROM {{these}} LEFT JOIN adobe_answers a
ON a.what = 'learning object' AND a.account = :account AND a.lms_id = j.value
WHERE {STALE} ORDER BY a.at IS NOT NULL, EXISTS (
    SELECT 1 FROM courses c WHERE c.id = j.value AND c.title > ''
    AND c.source IN ('{SOURCE}', '') AND c.account IN (:account, '')
), j.value LIMIT :limit
"""
IMPORTED_PEOPLE = f"""
SELECT p.lms_id FROM people p LEFT JOIN adobe_answers a
ON a.what = 'user' AND a.account = p.account AND a.lms_id = p.lms_id
WHERE p.source = '{SOURCE}' AND p.account = :account AND p.told_at > {TOLD_BY_API}
AND {{of_people}} UNION
SELECT r.lms_id FROM people r WHERE r.told_at IS NOT NULL
AND r.source IN ('{SOURCE}', '') AND r.account IN (:account, '')
AND {{of_rows}} AND NOT EXISTS (
    SELECT 1 FROM people p WHERE p.lms_id = r.lms_id AND p.told_at IS NOT NULL
    AND p.source = '{SOURCE}' AND p.account = :account
)
"""
"""Of whom an import has told last, be it for every account or source if nobody told here."""
IMPORTED_COURSES = f"""
SELECT c.id FROM courses c LEFT JOIN adobe_answers a
ON a.what = 'learning object' AND a.account = :account AND a.lms_id = c.id
WHERE c.source IN ('{SOURCE}', '') AND c.account IN (:account, '')
AND c.told_at > {TOLD_BY_API} AND {{of_courses}}
"""
CENSUS = f"""
SELECT p.source, p.account, CASE
    WHEN a.found = 1 AND p.told_at <= a.at THEN 'api'
    WHEN p.told_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM people r WHERE r.lms_id = p.lms_id AND r.told_at IS NOT NULL
        AND r.source IN (p.source, '') AND r.account IN (p.account, '')
    ) THEN 'imported'
    WHEN c.name > '' OR c.email > '' THEN 'letters' ELSE 'unknown' END, COUNT(*)
FROM people p LEFT JOIN contacts c ON c.person = p.id LEFT JOIN adobe_answers a
ON a.what = 'user' AND p.source = '{SOURCE}' AND a.account = p.account AND a.lms_id = p.lms_id
WHERE p.lms_id IS NOT NULL GROUP BY 1, 2, 3
"""

KEEP = upsert("adobe_answers", ("what", "account", "lms_id"), ("at", "found"))
KNOWN_AND_IMPORTED = 2
What = Literal["user", "learning object", "account"]


TOLD_BY = ("imported", "api", "letters", "unknown")


class AskedIds(NamedTuple):
    """Count the ids that were asked for: those that the API knows, and those that it does not."""

    found: int
    unknown: int


class Answers:
    """Remember what was asked of which account, when, and whether the API knew it."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        ledger.create(PEOPLE + TABLE)

    def people_to_ask(
        self, account: str, old: int, first: Collection[str], limit: int
    ) -> list[str]:
        """List the LMS ids of people nobody told of, those `first` (person ids) before others.

        Then those of whom the API told at `old` (ms UTC) or earlier, longest ago first.
        """
        dialect = self._ledger.reader().dialect
        named = {"account": account, "old": old, "these": list(first)}
        these = THESE.format(of_these=dialect.any_of("p.id", ":these"))
        found: dict[str, None] = {}
        for query in (these, OTHERS, TOLD_OF_LONG_AGO):
            if len(found) < limit:
                found |= dict.fromkeys(self._ids(query, {**named, "limit": limit}))
        return list(found)[:limit]

    def courses_to_ask(
        self, account: str, old: int, courses: Collection[str], limit: int
    ) -> list[str]:
        """List those of the courses that were not asked for since `old`, without a title first."""
        named = {"account": account, "old": old, "limit": limit, "these": list(courses)}
        query = COURSES.format(these=self._ledger.reader().dialect.each(":these", "j"))
        return self._ids(query, named)

    def is_unasked(self, what: What, account: str, lms_id: str, since: int = 0) -> bool:
        """Tell whether an id was not asked for `since` a moment (ms UTC)."""
        query = (
            "SELECT 1 FROM adobe_answers WHERE what = ? AND account = ? AND lms_id = ? AND at > ?"
        )
        found = self._ledger.reader().execute(query, (what, account, lms_id, since))
        return found.fetchone() is None

    def imported(self, what: What, account: str, ids: Collection[str]) -> set[str]:
        """Tell of which of these an import told last: it wins over the API."""
        dialect = self._ledger.reader().dialect
        query = IMPORTED_PEOPLE if what == "user" else IMPORTED_COURSES
        columns = {"of_people": "p.lms_id", "of_rows": "r.lms_id", "of_courses": "c.id"}
        query = query.format(**{n: dialect.any_of(c, ":these") for n, c in columns.items()})
        return set(self._ids(query, {"account": account, "these": list(ids)}))

    def keep(
        self, cursor: Cursor, asked: tuple[What, str], known: Mapping[str, int], now: int
    ) -> None:
        """Remember what was asked of which account just now, and whether each id was known.

        One that is `KNOWN_AND_IMPORTED` was, and stays as an import told.
        """
        rows = [(*asked, id, now, found) for id, found in sorted(known.items())]
        cursor.executemany(KEEP, rows)

    def counts(self, what: What) -> AskedIds:
        """Count what was asked of any account."""
        rows = self._ledger.reader().execute(
            "SELECT found, COUNT(*) FROM adobe_answers WHERE what = ? GROUP BY found", (what,)
        )
        found = dict(rows.fetchall())
        return AskedIds(found.get(1, 0) + found.get(KNOWN_AND_IMPORTED, 0), found.get(0, 0))

    def census(self) -> dict[tuple[str, str], dict[str, int]]:
        """Count the people of each source and account by who told of them last.

        That is an import, the API, letters alone, or nobody: `unknown`.
        """
        found: dict[tuple[str, str], dict[str, int]] = {}
        for source, account, by, count in self._ledger.reader().execute(CENSUS):
            found.setdefault((source, account), dict.fromkeys(TOLD_BY, 0))[by] = count
        return found

    def _ids(self, query: str, named: dict[str, object]) -> list[str]:
        return [id for (id,) in self._ledger.reader().execute(query, named)]
