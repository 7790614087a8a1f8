"""Say what may be asked of a database by SQL, and how it fails, whatever the engine."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from eventsourcing.persistence import IntegrityError, PersistenceError

FILE_ERRORS: tuple[type[Exception], ...] = (sqlite3.Error,)
STORE_ERRORS: tuple[type[Exception], ...] = (sqlite3.Error, PersistenceError)
"""Whatever a database cannot do, now or at all: nothing of the transaction is kept."""


class RunAgain(PersistenceError):
    """Say that nothing was kept, and that the same may be tried again at once."""


CONFLICTS: tuple[type[Exception], ...] = (sqlite3.IntegrityError, IntegrityError, RunAgain)
"""Somebody else was quicker: read again, and decide anew."""


TRIES = 20

V = TypeVar("V")


def unless_beaten(work: Callable[[], V]) -> V:
    """Run a transaction; from its beginning again, each time that somebody else was quicker.

    Raises the conflict after many times.
    """
    for _ in range(TRIES - 1):
        with suppress(*CONFLICTS):
            return work()
    return work()


def words_of(error: BaseException) -> str:
    """Give what an engine says of an error if a log may say it: no store quotes a value."""
    return str(error) if isinstance(error, STORE_ERRORS) else ""


Values = Sequence[Any] | Mapping[str, Any]
Statement = tuple[str, Sequence[Any]]
"""What is written to tables: SQL, and the values of each time it is run."""


class Rows(Protocol):
    """Hold what a statement has found, or how many rows it has changed."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """Ask for rows, as of the last commit."""

    def execute(self, sql: str, values: Values = ..., /) -> Rows: ...


class Cursor(Connection, Protocol):
    """Ask and write inside a transaction."""

    def executemany(self, sql: str, rows: Iterable[Any], /) -> Any: ...


class Dialect(Protocol):
    """Write for one engine what engines say in different words; all other SQL is the same for each.

    `values` is the mark of a parameter that is a list, `?` or `:name`. What is the same:
    `ON CONFLICT`, `coalesce`, `CASE WHEN`, columns by name, numbers that are made here
    (`tests/test_portable_sql.py` has the words that are not).
    """

    log: str
    """The table of events, for indexes; `log_order` are its columns that tell their order."""
    log_order: str

    def any_of(self, column: str, values: str = "?") -> str:
        """Tell whether a column has one of the values of a list."""
        ...

    def each(self, values: str, name: str) -> str:
        """Make a table, called so, of the texts of a list: its column is `value`."""
        ...

    def items(self, column: str, name: str) -> str:
        """Make a table, called so, of the texts in a JSON array: its column is `value`."""
        ...

    def pairs(self, column: str, name: str) -> str:
        """Make a table, called so, of a JSON object of texts: its columns are `key`, `value`."""
        ...

    def text_in(self, state: str, *path: str) -> str:
        """Read a text, or a number as one, in the JSON of an event; an index may be made of it."""
        ...

    def begins(self, column: str, words: str) -> str:
        """Tell whether a column begins with these letters and dots."""
        ...

    def has(self, column: str, signs: str) -> str:
        """Tell whether a column has these signs in a row, or one of those in `[brackets]`."""
        ...


class TableReader(Connection, Protocol):
    """Ask the ledger for rows, in its engine's `dialect`."""

    @property
    def dialect(self) -> Dialect: ...


class TableWriter(TableReader, Cursor, Protocol):
    """Ask and write inside a transaction of the ledger."""


def upsert(
    table: str,
    key: Sequence[str],
    said: Sequence[str],
    counted: Sequence[str] = (),
    *,
    found: str = "",
) -> str:
    """Write what adds a row, or else brings the one of its key up to what is `said` now.

    What is `counted` is added up. The values stand in the order of key, counted, said; they are
    those `found` by a query with a WHERE, if there is one.
    """
    columns = [*key, *counted, *said]
    changes = [f"{name} = {table}.{name} + excluded.{name}" for name in counted]
    changes += [f"{name} = excluded.{name}" for name in said]
    values = found or f"VALUES ({', '.join('?' * len(columns))})"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) {values} "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(changes)}"
    )


def filled_in(*columns: str) -> str:
    """Write how many of these columns have a text in them: not everywhere a truth is a number."""
    counted = [f"CASE WHEN {each} <> '' THEN 1 ELSE 0 END" for each in columns]
    return f"({' + '.join(counted)})"


def counts(reader: Connection, query: str, *values: str) -> Counter[str]:
    """Read how often there is what, by a query for pairs of a value and its number; in order."""
    found = reader.execute(query, values).fetchall()
    return Counter(dict(sorted(found, key=lambda row: str(row[0]))))
