"""Say what may be asked of a database by SQL, and how it fails, whatever the engine."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from eventsourcing.persistence import IntegrityError, PersistenceError

STORE_ERRORS: tuple[type[Exception], ...] = (sqlite3.Error, PersistenceError)
"""Whatever a database cannot do, now or at all: nothing of the transaction is kept."""
CONFLICTS: tuple[type[Exception], ...] = (sqlite3.IntegrityError, IntegrityError)
"""Somebody else was quicker: read again, and decide anew."""


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


def counts(reader: Connection, query: str, *values: str) -> Counter[str]:
    """Read how often there is what, by a query for pairs of a value and its number."""
    return Counter(dict(reader.execute(query, values).fetchall()))
