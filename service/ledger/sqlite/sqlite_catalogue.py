"""Find out from SQLite which tables a ledger has beside its log."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing

from service.ledger.migration.table_shape import KINDS, Column, TableShape
from service.ledger.store import LedgerError

TABLES = r"""
SELECT name, sql FROM sqlite_master
WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name <> 'stored_events'
ORDER BY name
"""
CREATE_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS \w+[^;]*;")
CHECK = re.compile(r"\bCHECK \(([^()]*)\)")


def tables_in(connection: sqlite3.Connection) -> dict[str, TableShape]:
    """Describe all tables but the log; raises LedgerError for one that no ledger has."""
    rows = connection.execute(TABLES).fetchall()
    return {name: _shape(connection, name, sql) for name, sql in rows}


def tables_meant(script: str) -> Mapping[str, TableShape]:
    """Describe the tables that a script makes."""
    with closing(sqlite3.connect(":memory:")) as meant:
        for statement in CREATE_TABLE.finditer(script):
            meant.execute(statement[0])
        return tables_in(meant)


def _shape(connection: sqlite3.Connection, name: str, sql: str) -> TableShape:
    rows = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
    columns = [
        Column(column, kind.upper(), bool(needed or place), default=default)
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
