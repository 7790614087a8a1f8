"""Describe a table whatever the engine, and read it in the order of its key."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from msgspec import msgpack

from service.ledger.sql import TableReader

ROWS_PER_PAGE = 5_000
LARGE_ROWS_PER_PAGE = 500
"""Of a table that has bytes: a letter may be large."""

KINDS: Mapping[str, type] = {"INTEGER": int, "TEXT": str, "BLOB": bytes, "REAL": float}
"""What scripts call the types of columns, and what is in them."""

Key = tuple[Any, ...]


class ColumnShape(NamedTuple):
    """Describe a column; `default` is SQL. One of the key is always `needed`."""

    name: str
    kind: str
    needed: bool
    default: str | None = None


class TableShape(NamedTuple):
    """Describe a table with what keeps its rows apart; `checks` are SQL.

    Its other indexes are made by whoever uses it next.
    """

    name: str
    columns: Sequence[ColumnShape]
    key: Sequence[str]
    unique: Sequence[Sequence[str]] = ()
    checks: Sequence[str] = ()

    @property
    def script(self) -> str:
        """Write what makes it, as scripts of tables are written."""
        lines = [*map(_line, self.columns), f"PRIMARY KEY ({_listed(self.key)})"]
        lines += [f"UNIQUE ({_listed(each)})" for each in self.unique]
        lines += [f"CHECK ({each})" for each in self.checks]
        kinds = {each.name: each.kind for each in self.columns}
        is_number = [kinds[name] for name in self.key] == ["INTEGER"]
        ending = ")" if is_number else ") WITHOUT ROWID"
        inside = ",\n    ".join(lines)
        return f'CREATE TABLE IF NOT EXISTS "{self.name}" (\n    {inside}\n{ending}'

    @property
    def rows_per_page(self) -> int:
        """Say how many rows are read at once."""
        has_bytes = any(each.kind == "BLOB" for each in self.columns)
        return LARGE_ROWS_PER_PAGE if has_bytes else ROWS_PER_PAGE

    @property
    def names(self) -> str:
        """List its columns, for a statement."""
        return _listed([each.name for each in self.columns])

    def key_of(self, row: Sequence[Any]) -> Key:
        """Give the key of a row."""
        places = [each.name for each in self.columns]
        return tuple(row[places.index(name)] for name in self.key)


def _line(column: ColumnShape) -> str:
    needed = " NOT NULL" if column.needed else ""
    default = "" if column.default is None else f" DEFAULT {column.default}"
    return f'"{column.name}" {column.kind}{needed}{default}'


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def pages(reader: TableReader, table: TableShape, after: Key = ()) -> Iterator[list[Any]]:
    """Read a table in the order of its key, or what is behind one."""
    key = _listed(table.key)
    marks = ", ".join("?" * len(table.key))
    while True:
        behind = f"WHERE ({key}) > ({marks})" if after else ""
        found = reader.execute(
            f'SELECT {table.names} FROM "{table.name}" {behind} ORDER BY {key} LIMIT ?',
            (*after, table.rows_per_page),
        ).fetchall()
        if not found:
            return
        yield found
        after = table.key_of(found[-1])


def rows_in(reader: TableReader, table: str) -> int:
    """Count the rows of a table."""
    found: int = reader.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
    return found


class Sum(NamedTuple):
    """Say of rows how many they are, and what of them no change leaves as it was."""

    rows: int
    digest: bytes


def sum_of(rows: Iterator[Sequence[Any]]) -> Sum:
    """Add up rows, in the order they come."""
    count, hashed = 0, blake2b(digest_size=16)
    for row in rows:
        hashed.update(msgpack.encode(tuple(row)))
        count += 1
    return Sum(count, hashed.digest())
