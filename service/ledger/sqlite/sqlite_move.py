"""Move a ledger out of an SQLite file, or into one."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from service.ledger.migration.sides import MOVED, UNFINISHED
from service.ledger.migration.table_shape import KINDS, ColumnShape, TableShape
from service.ledger.private_files import private_data_folder
from service.ledger.sqlite.database import (
    EVENT_LOG,
    ROOMY_CACHE_KIB,
    SCHEMA_VERSION,
    SqliteConnection,
    connect,
    names_in,
    refuse_newer,
)
from service.ledger.sqlite.high_water import fit, shortfalls
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import LedgerError, LogRow

INSERT = """
INSERT INTO stored_events (notification_id, originator_id, originator_version, topic, state)
VALUES (?, ?, ?, ?, ?)
"""


class FileReading(SqliteStore):
    """Read by one connection what nobody else writes."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._only = connection

    def reader(self) -> SqliteConnection:
        """Give the connection."""
        return self._only

    def close(self) -> None:
        """Close it."""
        self._only.close()


def as_it_is(text: bytes) -> str:
    """Read a text that may be no UTF-8: who copies it says where it is."""
    return text.decode(errors="surrogateescape")


class SqliteSource:
    """Hold a ledger that is moved out of its file; nobody writes to it meanwhile."""

    def __init__(self, path: Path) -> None:
        """Take the file's lock; raises LedgerError for a ledger that lacks what it had."""
        if lost := shortfalls(path):
            raise LedgerError("\n".join(lost))
        with ExitStack() as opened:
            self._holding = opened.enter_context(closing(connect(path)))
            self.is_moved = refuse_newer(self._holding, path, reading=True) == MOVED
            self._holding.execute("BEGIN IMMEDIATE")
            reader = opened.enter_context(closing(connect(path, read_only=True)))
            reader.text_factory = as_it_is
            self.reading = FileReading(reader)
            self._opened = opened.pop_all()

    def tables(self) -> dict[str, TableShape]:
        """Describe its tables."""
        return tables_in(self.reading.reader())

    def leave(self) -> None:
        """Mark it as moved, in the transaction that has kept others out."""
        self._holding.execute(f"PRAGMA user_version = {MOVED}")
        self._holding.execute("COMMIT")

    def close(self) -> None:
        """Let go of it."""
        self._opened.close()


class SqliteTarget:
    """Make a ledger in a file, or go on with one that is not finished or was moved away."""

    takes_all = True

    def __init__(self, path: Path) -> None:
        """Raise LedgerError when another ledger is there, or what another has left."""
        found = _schema(path) if path.exists() else None
        if found not in (None, UNFINISHED, MOVED):
            raise LedgerError(
                f"{path}: expected no ledger, found one; name another folder, or put it elsewhere"
            )
        private_data_folder(path.parent)
        self._writer = connect(path)
        self._writer.execute(f"PRAGMA cache_size = -{ROOMY_CACHE_KIB}")
        self._writer.execute("PRAGMA synchronous = NORMAL")  # what is lost is copied again
        self.reading = FileReading(self._writer)
        self.is_begun, self.has_log = found == UNFINISHED, found is not None

    def tables(self) -> dict[str, TableShape]:
        """Describe the tables that are there."""
        return tables_in(self._writer)

    def refusal(self, column: ColumnShape, value: Any) -> str:
        """Take everything."""
        return ""

    def begin(self) -> None:
        """Mark it as not finished."""
        mark = f"PRAGMA user_version = {UNFINISHED}"
        self._writer.executescript(f"BEGIN IMMEDIATE; {mark}; {EVENT_LOG}; COMMIT")

    def make(self, table: TableShape) -> None:
        """Make a table if there is none, and the columns that it lacks; raises LedgerError."""
        if wrong := fit(self._writer, table.script):
            raise LedgerError(f"the folder: {wrong}; name another one, or put the ledger elsewhere")

    def add_log(self, page: Sequence[LogRow]) -> None:
        """Append events with their positions."""
        self._write(INSERT, page)

    def add(self, table: TableShape, rows: Sequence[Any]) -> None:
        """Add rows to a table."""
        marks = ", ".join("?" * len(table.columns))
        self._write(f'INSERT INTO "{table.name}" ({table.names}) VALUES ({marks})', rows)

    def _write(self, sql: str, rows: Sequence[Any]) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        self._writer.executemany(sql, rows)
        self._writer.execute("COMMIT")

    def empty(self, table: TableShape) -> None:
        """Take all rows out of a table."""
        self._writer.execute(f'DELETE FROM "{table.name}"')

    def settle(self) -> None:
        """Bring all of it into the file itself, on disk."""
        self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def finish(self) -> None:
        """Let it be opened."""
        self._writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def _schema(path: Path) -> int | None:
    """Read the mark of a file; None for one in which nothing was written yet."""
    with closing(connect(path, read_only=True)) as reader:
        found: int = reader.execute("PRAGMA user_version").fetchone()[0]
        return found if names_in(reader) else None


def take_back(path: Path) -> None:
    """Let a ledger that was moved be used again as it is."""
    with closing(connect(path)) as ledger:
        if refuse_newer(ledger, path, reading=True) == MOVED:
            ledger.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


TABLES = r"""
SELECT name, sql FROM sqlite_master
WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name <> 'stored_events'
ORDER BY name
"""
CHECK = re.compile(r"\bCHECK \(([^()]*)\)")


def tables_in(connection: sqlite3.Connection) -> dict[str, TableShape]:
    """Describe all tables but the log; raises LedgerError for one that no ledger has."""
    rows = connection.execute(TABLES).fetchall()
    return {name: _shape(connection, name, sql) for name, sql in rows}


def _shape(connection: sqlite3.Connection, name: str, sql: str) -> TableShape:
    rows = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
    columns = [
        ColumnShape(column, kind.upper(), bool(needed or place), default=default)
        for _, column, kind, needed, default, place in rows
    ]
    key = [row[1] for row in sorted(rows, key=lambda row: row[5]) if row[5]]
    if not key or not {each.kind for each in columns} <= KINDS.keys():
        raise LedgerError(
            f"the table {name}: expected a table of Coursebell's, with a primary key, got another; "
            "take it out of the ledger"
        )
    unique = sorted(_unique(connection, name))
    return TableShape(name, columns, key, unique=unique, checks=CHECK.findall(sql))


def _unique(connection: sqlite3.Connection, table: str) -> Iterator[list[str]]:
    """Name the columns of each UNIQUE that is part of a table."""
    for _, index, _, origin, _ in connection.execute(f'PRAGMA index_list("{table}")').fetchall():
        if origin == "u":
            yield [row[2] for row in connection.execute(f'PRAGMA index_info("{index}")')]
