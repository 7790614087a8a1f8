"""A ledger with something odd in each corner, moved to and fro, and all that is in one."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from service.ledger.location import LedgerLocation
from service.ledger.migration.copying import Progress, migrate
from service.ledger.migration.sides import SourceLedger, TargetLedger
from service.ledger.migration.table_shape import TableShape, rows_in
from service.ledger.sql import TableWriter
from service.ledger.sqlite.sqlite_move import tables_in
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import Append
from service.ledger.table_shapes import TABLE
from tests.installation import ADA, DONE, GRACE, ROOT, START, Installation, completed, enrolled
from tests.ledger.stores import row

ODD = """
CREATE TABLE IF NOT EXISTS odd_things (
    name TEXT NOT NULL, "full" INTEGER NOT NULL DEFAULT -3, share REAL, bytes BLOB,
    words TEXT NOT NULL DEFAULT '[]', PRIMARY KEY (name, "full"), UNIQUE (words, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS odd_by_share ON odd_things (share) WHERE share > 0;
"""
VALUES = {"INTEGER": 1, "TEXT": "ü'", "BLOB": b"\0\xfe", "REAL": 0.25}
THINGS = [
    ('it\'s "quoted"', 2**62, 0.1, bytes(range(256)), "{}"),
    ("", -(2**63), None, None, "a\tb\n\\N\\."),
    ("Ünï 🎓", 0, -1e300, b"", "%s :name ?"),
]
AGAIN = "INSERT INTO odd_things (name, \"full\", words) VALUES (?, 1, 'again')"


def fill(folder: Path) -> LedgerLocation:
    """A ledger that a service has written, with odd rows beside its own."""
    with Installation(folder, DONE) as office:
        office.import_people([ADA, GRACE])
        for user in range(70, 80):
            office.post(enrolled(START + user, user), completed(START + 100 + user, user))
        office.tick(START + 500)
        office.post({"no": "letter"}, at=START + 600)
    with closing(SqliteStore(folder / "data/ledger.db")) as store:
        store.create(ODD + "\n".join(scripts()))
        odd = [row(f"o'{n}\"\\", 1, b"\0\xff" * n) for n in range(9)]
        odd += [row("large", 1, b"{" + b" " * 3_000_000 + b"}"), row("Ünï 🎓", 7, b"")]
        store.append(Append(rows=odd, erasable=[("large", "learner.name", "O'Hara \\ Ünï")]))
        with store.transaction() as cursor:
            cursor.executemany("INSERT INTO odd_things VALUES (?, ?, ?, ?, ?)", THINGS)
            cursor.executemany(AGAIN, [(f"row {n:04}",) for n in range(200)])
            fill_empty(cursor, tables_in(store.reader()).values())
    return LedgerLocation(folder / "data")


def scripts() -> list[str]:
    """What makes each table that the program has, wherever it stands."""
    return [
        script[0]
        for path in sorted((ROOT / "service").rglob("*.py"))
        if "postgresql" not in path.parts
        for script in TABLE.finditer(path.read_text())
    ]


def fill_empty(cursor: TableWriter, tables: Iterable[TableShape]) -> None:
    """A row for each table that has none."""
    for table in tables:
        if not rows_in(cursor, table.name):
            marks = ", ".join("?" * len(table.columns))
            values = [VALUES[each.kind] for each in table.columns]
            cursor.execute(f"INSERT INTO {table.name} ({table.names}) VALUES ({marks})", values)


@contextmanager
def both(
    source: LedgerLocation, target: LedgerLocation
) -> Iterator[tuple[SourceLedger, TargetLedger]]:
    with closing(source.source()) as held, closing(target.target()) as made:
        yield held, made


def move(
    source: LedgerLocation, target: LedgerLocation, progress: Progress = lambda *_: None
) -> None:
    with both(source, target) as (held, made):
        migrate(held, made, progress)


def contents(file: Path) -> dict[str, list[Any]]:
    """Every row of every table, in the order of its columns and values, with types."""
    with closing(sqlite3.connect(file)) as ledger:
        names = [name for (name,) in ledger.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )]  # fmt: skip
        return {name: sorted(ledger.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}


def shapes(file: Path) -> dict[str, Any]:
    """How SQLite itself describes each table; not in which order its UNIQUEs stand."""
    with closing(sqlite3.connect(file)) as ledger:
        tables = ledger.execute("PRAGMA table_list").fetchall()
        return {
            name: (
                [(*each[:3], each[3] or each[5] > 0, *each[4:])
                 for each in ledger.execute(f'PRAGMA table_info("{name}")')],
                without_rowid,
                sorted(
                    [column for _, _, column in ledger.execute(f'PRAGMA index_info("{index}")')]
                    for _, index, unique, origin, _ in ledger.execute(
                        f'PRAGMA index_list("{name}")'
                    ).fetchall()
                    if origin == "u"
                ),
            )
            for schema, name, _, _, without_rowid, _ in tables
            if schema == "main" and not name.startswith("sqlite")
        }  # fmt: skip


def asked(database: LedgerLocation, sql: str) -> list[tuple]:
    with psycopg.connect(database.database_url, autocommit=True) as session:
        found = session.execute(sql)
        return found.fetchall() if found.description else []
