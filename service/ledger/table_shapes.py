"""Compare the tables of a script with those that are there: older versions had fewer columns."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

TABLE = re.compile(r'CREATE TABLE IF NOT EXISTS "?(\w+)"?[^;]*(?:;|\Z)')


class Column(NamedTuple):
    """Hold how a column is declared, and whether an INSERT has to give it a value."""

    declared: str
    needed: bool


Columns = Mapping[str, Column]


def tables_of(script: str) -> Iterator[tuple[str, Columns]]:
    """Name the tables that a script makes, with the columns of each."""
    with closing(sqlite3.connect(":memory:")) as meant:
        for statement in TABLE.finditer(script):
            meant.execute(statement[0])
            yield statement[1], columns_in(meant, statement[1])


def columns_in(connection: sqlite3.Connection, table: str) -> Columns:
    """Read the columns of a table in SQLite; none where there is no such table."""
    rows = connection.execute(f"PRAGMA table_info({table})")
    return {
        name: Column(
            type if default is None else f"{type} DEFAULT {default}",
            needed=bool(needed) and default is None,
        )
        for _, name, type, needed, default, _ in rows
    }


def lacking(wanted: Columns, there: Columns) -> list[str]:
    """List the columns that a table of an older version lacks, if they may be empty.

    A table that has other columns in their place is of no older version.
    """
    older = there and not there.keys() - wanted.keys()
    lacks = wanted.keys() - there.keys() if older else ()
    return sorted(column for column in lacks if not wanted[column].needed)


def misfit(tables: Iterable[tuple[str, Columns, Columns]]) -> str:
    """Say which column keeps tables, as wanted and as there, from being used; or nothing.

    A column that this program does not know is left alone, unless it has to have a value.
    """
    for table, wanted, there in tables:
        for column in wanted.keys() - there.keys():
            return f"the table {table} has no column {column}, which this program expects"
        for column in there.keys() - wanted.keys():
            if there[column].needed:
                return f"the table {table} has a column {column}, which must not be empty"
    return ""
