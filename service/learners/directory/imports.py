"""Record each import, so that how old the newest is can be asked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from service.ledger.sql import unless_beaten
from service.ledger.store import Store

TABLE = """
CREATE TABLE IF NOT EXISTS imports (
    n INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    source TEXT NOT NULL,
    account TEXT NOT NULL,
    list TEXT NOT NULL,
    at INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    added INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    known INTEGER NOT NULL,
    "full" INTEGER NOT NULL,
    refused INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS imports_by_scope ON imports (what, source, account, list, n);
"""
COLUMNS = 'what, source, account, list, at, rows, added, changed, missing, known, "full", refused'
"""In the order of the fields of RecordedImport; FULL is a word of joins in SQL."""
NEXT = f"""
INSERT INTO imports (n, {COLUMNS})
SELECT coalesce(MAX(n), 0) + 1, {", ".join("?" * len(COLUMNS.split(",")))} FROM imports
"""
NEWEST = f"""
SELECT {COLUMNS} FROM imports WHERE n IN (
    SELECT MAX(n) FROM imports WHERE refused <= ? AND "full" >= ?
    GROUP BY what, source, account, list
) ORDER BY what, source, account, list
"""

What = Literal["people", "courses", "zones"]


class RecordedImport(msgspec.Struct, frozen=True, kw_only=True):
    """Say what an import brought of one source and account; `at` is ms UTC.

    `missing` are those who were not in it any more, `known` how many there were before. `full`
    tells whether they have left by it; a `refused` one took nobody away.
    """

    what: What
    source: str
    account: str
    list: str = ""
    at: int
    rows: int
    added: int = 0
    changed: int = 0
    missing: int = 0
    known: int = 0
    full: bool = False
    refused: bool = False


def record(ledger: Store, found: Sequence[RecordedImport]) -> None:
    """Keep what an import has come to."""
    ledger.create(TABLE)
    rows = [msgspec.structs.astuple(each) for each in found]

    def write() -> None:
        with ledger.transaction() as cursor:
            cursor.executemany(NEXT, [(*row[:-2], int(row[-2]), int(row[-1])) for row in rows])

    unless_beaten(write)


def last_imports(
    ledger: Store, *, or_refused: bool = False, full: bool = False
) -> list[RecordedImport]:
    """Read the newest import of each source, account and list; none where none was recorded.

    With `full` only those count that said who is missing, or would have.
    """
    if not ledger.columns("imports"):
        return []
    names = RecordedImport.__struct_fields__
    rows = ledger.reader().execute(NEWEST, (int(or_refused), int(full)))
    return [
        msgspec.convert(dict(zip(names, row, strict=True)), RecordedImport, strict=False)
        for row in rows
    ]


def newest_of_sources(found: Sequence[RecordedImport]) -> dict[str, int]:
    """Give when people of each source were imported last, lists apart; ms UTC."""
    ends: dict[str, int] = {}
    for each in found:
        if each.what == "people" and not each.list:
            ends[each.source] = max(each.at, ends.get(each.source, each.at))
    return ends


def overdue(ledger: Store, longest: int | None, now: int) -> dict[str, int | None]:
    """Name the sources whose people were imported longer than `longest` ms ago, and when.

    Without any import the source is empty and there is no time; without `longest` none is late.
    """
    if longest is None:
        return {}
    ends: dict[str, int | None] = {**newest_of_sources(last_imports(ledger))}
    ends = ends or {"": None}
    return {source: at for source, at in ends.items() if at is None or now - at > longest}


def overdue_in_words(late: Mapping[str, int | None]) -> list[str]:
    """Say of each that is late when it was, and what to do."""
    return [
        f"the last import of people{f' of {source}' if source else ''} was "
        f"{_moment(at) if at is not None else 'never'}, longer ago than COURSEBELL_IMPORT_MAX_AGE "
        "allows; look at the job that runs `coursebell people import`"
        for source, at in late.items()
    ]


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
