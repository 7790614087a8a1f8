"""Move a ledger out of PostgreSQL, or into it.

A log that comes from elsewhere is a lane of its own, whose numbers are the positions. A row of
`commits` for each million of them lets every query find them as it finds all others.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any

from psycopg import errors

from service.ledger.migration.copying import copy
from service.ledger.migration.sides import MOVED, UNFINISHED, TargetLedger
from service.ledger.migration.table_shape import KINDS, ColumnShape, TableShape
from service.ledger.postgresql.connections import WHAT_NUL_IS, Server, Session, told
from service.ledger.postgresql.log_reader import LogReader
from service.ledger.postgresql.tables import (
    LOG,
    PLACES,
    SCHEMA,
    SHARDS,
    log_in,
    make_tables,
    refuse_newer_schema,
)
from service.ledger.store import LedgerError, LogRow

LANE = -2
OF_THE_LOG = frozenset(re.findall(r"CREATE TABLE (\w+)", LOG)) - {"erasable"}
SENT_AS = {"INTEGER": "int8", "TEXT": "text", "BLOB": "bytea", "REAL": "float8"}
COPY_LOG = """
COPY events (lane, seq, originator_id, originator_version, topic, state) FROM STDIN (FORMAT BINARY)
"""
LOG_TYPES = ("int4", "int8", "text", "int4", "text", "bytea")
NUMBER = """
INSERT INTO commits (n, lane, epoch, first, last) VALUES (%s, %s, 0, %s, %s)
ON CONFLICT (n) DO UPDATE SET last = excluded.last
"""
EMPTY = """
SELECT count(*) = 0, to_regclass('head') IS NOT NULL FROM pg_class AS c
WHERE relnamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')
"""
WRITERS = """
SELECT count(*) FROM shards JOIN pg_stat_activity AS each
  ON each.pid = shards.pid AND backend_start = born
"""
HOLD = "SELECT schema FROM head FOR UPDATE"
END = "SELECT coalesce(max(seq), 0) FROM events WHERE lane = %s"
MARK = "UPDATE head SET schema = %s"
FINISH = "UPDATE head SET schema = %s, n = greatest(n, %s)"
WHAT_TO_DO = (
    "; nothing was written. Correct it where it comes from (import it again without that), or in "
    "the file, then start again"
)


def is_moved(table: str) -> bool:
    """Tell whether a table is one that each engine has."""
    return table not in OF_THE_LOG


class PostgresSource:
    """Hold a ledger that is moved out of PostgreSQL: nobody commits meanwhile."""

    def __init__(self, address: str) -> None:
        """Raise LedgerError while a service writes to it."""
        server = Server(address)
        self.reading = LogReader(server)
        with ExitStack() as opened:
            self._session = opened.enter_context(closing(server.connect(reading=True)))
            if _is_empty(self._session):
                raise LedgerError("COURSEBELL_DATABASE_URL: expected a ledger there, found none")
            self._holding = opened.enter_context(closing(held(server)))
            found = _schema(self._holding)
            self.is_moved = found == MOVED
            refuse_newer_schema(found, reading=True)
            _refuse_writers(self._holding)
            self._opened = opened.pop_all()

    def tables(self) -> dict[str, TableShape]:
        """Describe its tables."""
        return tables_of(self._session, is_moved)

    def leave(self) -> None:
        """Mark it as moved, in the transaction that has kept others out."""
        with told():
            self._holding.execute(MARK, (MOVED,))
            self._holding.execute("COMMIT")

    def close(self) -> None:
        """Let go of it."""
        self.reading.close()
        self._opened.close()


def _refuse_writers(holding: Session) -> None:
    with told():
        (count,) = holding.execute(WRITERS).fetchone() or (0,)
    if count:
        raise LedgerError(
            f"PostgreSQL: expected nobody to write to the ledger, found {count} who may; stop the "
            "service and other commands first"
        )


def held(server: Server) -> Session:
    """Begin a transaction without an end in time, in which nobody else commits to the ledger."""
    session = server.connect()
    with told():
        session.execute("SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 2000")
        session.execute("BEGIN")
    return session


def _schema(holding: Session) -> int:
    """Read which schema a ledger has, and keep others from committing from now on."""
    with told():
        try:
            found = holding.execute(HOLD).fetchone()
        except errors.LockNotAvailable:
            raise LedgerError(
                "PostgreSQL: expected nobody to write to the ledger or to move it, found somebody "
                "who does; let them finish, or stop them"
            ) from None
    return found[0] if found else 0


class PostgresTarget:
    """Make a ledger in an empty schema of PostgreSQL, or go on with one that is not finished."""

    takes_all = False

    def __init__(self, address: str) -> None:
        """Raise LedgerError when something else is there."""
        self._server = Server(address)
        self.reading = LogReader(self._server)
        self._holding: Session | None = None
        with ExitStack() as opened:
            self._writer = opened.enter_context(closing(self._server.connect()))
            self.is_begun = self.has_log = not _is_empty(self._writer)
            if self.is_begun:
                self._hold(opened)
            self._opened = opened.pop_all()

    def _hold(self, opened: ExitStack) -> None:
        self._holding = opened.enter_context(closing(held(self._server)))
        if _schema(self._holding) != UNFINISHED:
            raise LedgerError(
                "PostgreSQL: expected an empty schema, got one with a ledger in it; name another "
                "one, or look what it is and drop it"
            )

    def tables(self) -> dict[str, TableShape]:
        """Describe the tables that are there."""
        return tables_of(self._writer, is_moved)

    def refusal(self, column: ColumnShape, value: Any) -> str:
        """Say why PostgreSQL does not keep a value; nothing when it does."""
        if value is not None and type(value) is not KINDS[column.kind]:
            return f"expected {column.kind}, got something else{WHAT_TO_DO}"
        if column.kind == "TEXT" and not _is_kept(str(value or "")):
            return f"{WHAT_NUL_IS}{WHAT_TO_DO}"
        return ""

    def begin(self) -> None:
        """Make the tables of the log, marked as not finished in one commit."""
        if self._holding is None:
            with told():
                mark = MARK % UNFINISHED
                self._writer.execute(f"BEGIN; {log_in(SHARDS)}; {mark}; COMMIT", prepare=False)
            self._hold(self._opened)

    def make(self, table: TableShape) -> None:
        """Make a table if there is none, and the columns that it lacks."""
        make_tables(self._writer, table.script)

    def add_log(self, page: Sequence[LogRow]) -> None:
        """Append events with their positions, which are their numbers in the lane."""
        with told(), self._writer.transaction():
            rows = [(LANE, *row) for row in page]
            _copy(self._writer, COPY_LOG, LOG_TYPES, rows=rows)
            ends = {position // PLACES: position for position, *_ in page}
            with self._writer.cursor() as cursor:
                cursor.executemany(NUMBER, [(n, LANE, n * PLACES, end) for n, end in ends.items()])

    def add(self, table: TableShape, rows: Sequence[Any]) -> None:
        """Add rows to a table."""
        sql = f'COPY "{table.name}" ({table.names}) FROM STDIN (FORMAT BINARY)'
        with told():
            types = [SENT_AS[each.kind] for each in table.columns]
            _copy(self._writer, sql, types, rows=rows)

    def empty(self, table: TableShape) -> None:
        """Take all rows out of a table."""
        with told():
            self._writer.execute(f'TRUNCATE "{table.name}"')

    def settle(self) -> None:
        """Let the server count what there is: it plans by that."""
        with told():
            for table in ("events", "commits", *self.tables()):
                self._writer.execute(f'ANALYZE "{table}"')

    def finish(self) -> None:
        """Let it be opened; what is written then has larger positions."""
        assert self._holding
        with told():
            end = self._holding.execute(END, (LANE,)).fetchone()
            beginning = -(-((end[0] if end else 0) + 1) // PLACES)
            self._holding.execute(FINISH, (SCHEMA, beginning))
            self._holding.execute("COMMIT")

    def close(self) -> None:
        """Close every session."""
        self.reading.close()
        self._opened.close()


def _is_empty(session: Session) -> bool:
    """Tell whether there is nothing; raises LedgerError when what there is is no ledger."""
    with told():
        empty, ledger = session.execute(EMPTY).fetchone() or (True, False)
    if not empty and not ledger:
        raise LedgerError(
            "PostgreSQL: expected an empty schema, got one with other things in it; name another "
            "database or schema"
        )
    return bool(empty)


def _copy(session: Session, sql: str, types: Sequence[str], rows: Sequence[Any]) -> None:
    with session.cursor() as cursor, cursor.copy(sql) as copying:
        copying.set_types(types)
        for row in rows:
            copying.write_row(row)


def _is_kept(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


def take_back(address: str) -> bool:
    """Let a ledger that was moved be used again as it is; false for one that was not."""
    session = held(Server(address))
    try:
        was_moved = _schema(session) == MOVED
        if was_moved:
            with told():
                session.execute(MARK, (SCHEMA,))
                session.execute("COMMIT")
        return was_moved
    finally:
        session.close()


def copy_to(address: str, target: TargetLedger) -> None:
    """Copy a ledger as of one moment, also while a service writes to it; it is only read."""
    server = Server(address)
    reading, session = LogReader(server), server.connect(reading=True)
    try:
        target.begin()
        with reading.one_moment():
            copy(reading, tables_of(session, is_moved).values(), target)
        target.finish()
    finally:
        target.close()
        reading.close()
        session.close()


HERE = "relnamespace = current_schema()::regnamespace AND relkind = 'r'"
COLUMNS = f"""
SELECT relname, attname, format_type(atttypid, NULL), attnotnull, pg_get_expr(adbin, adrelid)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE {HERE} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY relname, attnum
"""
CONSTRAINTS = f"""
SELECT relname, contype::text, pg_get_expr(conbin, conrelid), array(
  SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS part (n, place)
  JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = part.n ORDER BY place)
FROM pg_constraint JOIN pg_class AS c ON c.oid = conrelid WHERE {HERE} ORDER BY 1, 2, 4
"""
KINDS_HERE = {
    "bigint": "INTEGER",
    "integer": "INTEGER",
    "text": "TEXT",
    "bytea": "BLOB",
    "double precision": "REAL",
}
QUOTED = re.compile(r"^'(-?\d+)'$")
CAST = re.compile(r"::[\w ]+$")
BRACKETS = re.compile(r"^\((.*)\)$")


def tables_of(session: Session, wanted: Callable[[str], bool]) -> dict[str, TableShape]:
    """Describe the tables with wanted names; raises LedgerError for one that no ledger has."""
    with told():
        columns = session.execute(COLUMNS).fetchall()
        constraints = session.execute(CONSTRAINTS).fetchall()
    found: dict[str, list[ColumnShape]] = defaultdict(list)
    for table, name, kind, needed, default in columns:
        if wanted(table):
            sql, known = _default(kind, default), KINDS_HERE.get(kind) or str(kind)
            found[table].append(ColumnShape(name, known, needed, default=sql))
    return {
        table: _shape(table, columns, [row for row in constraints if row[0] == table])
        for table, columns in found.items()
    }


def _default(kind: str, default: str | None) -> str | None:
    """Write a default as scripts do; PostgreSQL adds its type, and quotes a number below 0."""
    plain = None if default is None else CAST.sub("", default)
    return QUOTED.sub(r"\1", plain) if plain and KINDS_HERE.get(kind) != "TEXT" else plain


def _shape(table: str, columns: list[ColumnShape], constraints: list[Any]) -> TableShape:
    key: list[str] = next((names for _, kind, _, names in constraints if kind == "p"), [])
    if not key or not {each.kind for each in columns} <= set(KINDS_HERE.values()):
        raise LedgerError(
            f"PostgreSQL: the table {table}: expected a table of Coursebell's, with a primary key, "
            "got another; take it out of the schema"
        )
    unique = [names for _, kind, _, names in constraints if kind == "u"]
    checks = [BRACKETS.sub(r"\1", said) for _, kind, said, _ in constraints if kind == "c"]
    return TableShape(table, columns, key, unique=unique, checks=checks)
