"""Run SQL on PostgreSQL that both engines take: its placeholders, its types, its dialect."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import msgspec
from eventsourcing.persistence import PersistenceError

from service.ledger.postgresql.connections import Session, SessionLost, told
from service.ledger.sql import Dialect, Values

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode

STATEMENTS_KEPT = 2_000
PIECES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|::|:([A-Za-z_]\w*)|\?|%")
"""Literals, quoted names, comments and casts, which are left alone; placeholders; percent signs."""

TYPES = re.compile(r"(?<!AS )\b(INTEGER|BLOB|REAL|TEXT)\b|\)\s*WITHOUT ROWID\b")
WRITTEN = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")
PLAIN_INSERT = re.compile(r"INSERT INTO (\w+) \(([\w, ]+)\) VALUES \([?, ]+\)")
PLAIN: frozenset[type] = frozenset({int, str, type(None)})
NUL = "\\u0000"
AS_HERE = {"INTEGER": "bigint", "BLOB": "bytea", "REAL": "float8", "TEXT": 'text COLLATE "C"'}


@lru_cache(STATEMENTS_KEPT)
def as_here(sql: str) -> str:
    """Rename the placeholders of a statement, `?` to `%s` and `:name` to `%(name)s`."""

    def renamed(found: re.Match[str]) -> str:
        if found[0] == "?":
            return "%s"
        return f"%({found[1]})s" if found[1] else found[0].replace("%", "%%")

    return PIECES.sub(renamed, sql)


def script_as_here(script: str) -> str:
    """Rename the types of a script of tables; texts compare by bytes, as they do on SQLite."""
    return TYPES.sub(lambda found: AS_HERE.get(found[0], ")"), script)


@lru_cache(STATEMENTS_KEPT)
def inserting_all(sql: str) -> tuple[str, list[str]] | None:
    """Write a plain INSERT of one row as one of many in a JSON array, and name their columns.

    None for any other statement.
    """
    found = PLAIN_INSERT.fullmatch(sql)
    if found is None:
        return None
    table, columns = found.groups()
    rows = f"json_populate_recordset(CAST(NULL AS {table}), %s)"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {rows}", columns.split(", ")


def run_each(session: Session, sql: str, rows: Sequence[Any]) -> None:
    """Run a statement for each of the rows, if it can be done at once: a quarter of the work."""
    whole = inserting_all(sql)
    values = _as_json(whole[1], rows) if whole else None
    with session.cursor() as cursor:
        if whole and values:
            cursor.execute(whole[0], (values,), prepare=True)
        else:
            cursor.executemany(as_here(sql), rows)


def _as_json(columns: Sequence[str], rows: Sequence[Any]) -> str | None:
    """Write rows as objects; None where there is more than PostgreSQL reads from JSON as it was."""
    if not {*map(type, chain.from_iterable(rows))} <= PLAIN:
        return None
    text = _encode([dict(zip(columns, row, strict=True)) for row in rows]).decode()
    return None if NUL in text else text


class Found:
    """Hold the rows that a statement has found."""

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._left = iter(rows)
        self.rowcount = rowcount

    def fetchone(self) -> Any:
        """Give the next row, or None."""
        return next(self._left, None)

    def fetchall(self) -> list[Any]:
        """Give all that are left."""
        return list(self._left)

    def __iter__(self) -> Iterator[Any]:
        return self._left


class PostgresqlDialect:
    """Write SQL for PostgreSQL, where a list is an array; texts compare by bytes there too."""

    log = "events"
    log_order = "lane, seq"

    def any_of(self, column: str, values: str = "?") -> str:
        """Look each of them up, by an index of the column if there is one."""
        return f"{column} = ANY({values})"

    def each(self, values: str, name: str) -> str:
        """Take the list apart."""
        return _by_bytes(f"unnest(CAST({values} AS text[]))", name)

    def items(self, column: str, name: str) -> str:
        """Take the array apart."""
        return f"LATERAL {_by_bytes(f'json_array_elements_text(CAST({column} AS json))', name)}"

    def pairs(self, column: str, name: str) -> str:
        """Take the object apart."""
        return f"json_each_text(CAST({column} AS json)) AS {name} (key, value)"

    def text_in(self, state: str, *path: str) -> str:
        """Read it by a function of the ledger's own: in an index there may be no other."""
        keys = ", ".join(f"'{name}'" for name in path)
        return f"text_in({state}, {keys})"

    def begins(self, column: str, words: str) -> str:
        """Match the beginning."""
        return f"starts_with({column}, '{words}')"

    def has(self, column: str, signs: str) -> str:
        """Match by bytes, as the column compares."""
        return f"{column} ~ '{signs}'"


def _by_bytes(values: str, name: str) -> str:
    return f'(SELECT v.value COLLATE "C" AS value FROM {values} AS v (value)) {name}'


class Asking:
    """Run statements in a session: a `TableWriter`."""

    dialect: Dialect = PostgresqlDialect()

    def __init__(self, session: Session) -> None:
        self._session = session

    def execute(self, sql: str, values: Values = (), /) -> Found:
        """Run one; raises what `told` does."""
        with told(), self._session.cursor() as cursor:
            cursor.execute(as_here(sql), values)
            return Found(cursor.fetchall() if cursor.description else [], cursor.rowcount)

    def executemany(self, sql: str, rows: Iterable[Any], /) -> Found:
        """Run one for each of the rows, in as few packets as they fit in."""
        values = list(rows)
        if not values:
            return Found([], 0)
        with told(), self._session.cursor() as cursor:
            cursor.executemany(as_here(sql), values)
            return Found([], cursor.rowcount)


@lru_cache(STATEMENTS_KEPT)
def table_of(sql: str) -> str:
    """Name the table that a statement writes to; nothing for one that only reads."""
    found = WRITTEN.search(sql)
    return found[1] if found else ""


class Writing(Asking):
    """Run statements in a transaction, and know which tables they have written to."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.tables: set[str] = set()

    def execute(self, sql: str, values: Values = (), /) -> Found:
        """Run one; raises what `told` does."""
        self.tables.add(table_of(sql))
        return super().execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Any], /) -> Found:
        """Run one for each of the rows, in as few packets as they fit in."""
        values = list(rows)
        if values:
            self.tables.add(table_of(sql))
        return super().executemany(sql, values)


class ReadingSession:
    """Read in a session that is opened when it is needed, and again when it was lost."""

    dialect = Asking.dialect

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._session: Session | None = None
        self._in_one_moment = False

    def execute(self, sql: str, values: Values = (), /) -> Found:
        """Read by one statement; one that was lost on the way is asked once more."""
        return self._read(lambda session: Asking(session).execute(sql, values))

    def rows(self, sql: str, values: Values) -> list[Any]:
        """Read the log's own rows, whose bytes come as they are."""

        def read(session: Session) -> list[Any]:
            with told(), session.cursor(binary=True) as cursor:
                return cursor.execute(sql, values, prepare=True).fetchall()

        return self._read(read)

    def _read(self, ask: Callable[[Session], T]) -> T:
        try:
            return ask(self._opened())
        except SessionLost:
            self.close()
            if self._in_one_moment:
                raise
        return ask(self._opened())

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Read as of one commit inside; raises SessionLost when that moment is lost."""
        with told():
            self._opened().execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._in_one_moment = True
        try:
            yield
        finally:
            self._in_one_moment = False
            with suppress(PersistenceError), told():
                self._opened().execute("ROLLBACK")

    def _opened(self) -> Session:
        if self._session is None or self._session.closed:
            self._session = self._connect()
        return self._session

    def close(self) -> None:
        """Close the session; another one is opened when it is needed."""
        if self._session:
            self._session.close()

    def __del__(self) -> None:
        self.close()
