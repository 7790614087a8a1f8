"""Make the tables of the log, and the lanes that it is written in.

Every process writes in a lane of its own, where it alone gives the numbers; which of two commits
was first says `commits`, one row each. So there is no sequence, whose numbers become visible in
another order than they were given, and no lock of a table (decision 43).
"""

import re
from collections.abc import Iterator

from eventsourcing.persistence import IntegrityError, PersistenceError

from service.ledger.migration.sides import MOVED, refuse_marked
from service.ledger.postgresql.connections import Session, told
from service.ledger.postgresql.portable_sql import Asking, script_as_here
from service.ledger.sql import Connection
from service.ledger.store import LedgerError
from service.ledger.table_shapes import Column, Columns, lacking, misfit, tables_of

SCHEMA = 1
TRIES = 5
SHARDS = 16
"""Of a new ledger: never more processes decide at once, and it cannot be changed."""

PLACES = 2**20
"""A commit has at most so many events: a position is its number times this, and the place in it."""

LOG = r"""
CREATE TABLE head (
  one int PRIMARY KEY CHECK (one = 1),
  n bigint NOT NULL,
  wakes bigint NOT NULL,
  tables bigint NOT NULL,
  schema int NOT NULL
) WITH (fillfactor = 10);
CREATE TABLE commits (
  n bigint PRIMARY KEY,
  lane int NOT NULL,
  epoch bigint NOT NULL,
  first bigint NOT NULL,
  last bigint NOT NULL,
  UNIQUE (lane, first)
);
CREATE TABLE events (
  lane int NOT NULL,
  seq bigint NOT NULL,
  originator_id text COLLATE "C" NOT NULL,
  originator_version int NOT NULL,
  topic text COLLATE "C" NOT NULL,
  state bytea NOT NULL,
  PRIMARY KEY (lane, seq),
  UNIQUE (originator_id, originator_version)
);
CREATE FUNCTION text_in(state bytea, VARIADIC path text[]) RETURNS text
  IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
  AS $$ SELECT CAST(CASE WHEN position('\x5c7530303030'::bytea IN state) = 0
    THEN convert_from(state, 'UTF8')
    ELSE regexp_replace(convert_from(state, 'UTF8'),
      '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g') END AS jsonb) #>> path $$;
CREATE VIEW stored_events AS
  SELECT n * 1048576 + seq - first AS notification_id,
    originator_id, originator_version, topic, state
  FROM events AS found CROSS JOIN LATERAL (
    SELECT n, first FROM commits WHERE lane = found.lane AND first <= found.seq
    ORDER BY first DESC LIMIT 1
  ) AS numbered;
CREATE TABLE shards (
  shard int PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  pid int,
  born timestamptz,
  epoch bigint NOT NULL,
  until timestamptz NOT NULL,
  head bigint NOT NULL,
  answer bigint NOT NULL DEFAULT 0,
  upto bigint NOT NULL DEFAULT 0,
  again bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
CREATE TABLE erasable (
  stream text COLLATE "C" NOT NULL,
  field text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (stream, field)
);
CREATE FUNCTION the_log_is_never_shortened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'events are never deleted' USING ERRCODE = '23000';
END $$;
CREATE TRIGGER the_log_is_never_shortened BEFORE DELETE OR TRUNCATE ON events
  FOR EACH STATEMENT EXECUTE FUNCTION the_log_is_never_shortened();
INSERT INTO head VALUES (1, 0, 0, 0, 1);
"""
FREE_SHARDS = """
INSERT INTO shards (shard, owner, epoch, until, head)
SELECT shard, '', 0, '-infinity', 0 FROM generate_series(0, {} - 1) AS shard;
"""


COLUMNS = """
SELECT column_name, data_type, is_nullable = 'NO' AND column_default IS NULL
FROM information_schema.columns WHERE table_schema = current_schema AND table_name = ?
"""

INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX IF NOT EXISTS (\w+)[^;]*;")
INDEXES = """
SELECT indexname FROM pg_indexes WHERE schemaname = current_schema AND indexname = ANY(?)
"""


def log_in(shards: int) -> str:
    """Give what makes the tables of a log that so many shards decide for."""
    return LOG + FREE_SHARDS.format(shards)


def make_log(session: Session, shards: int) -> None:
    """Make the tables of the log, with so many shards, where there are none.

    Raises LedgerError for a newer ledger.
    """
    for _ in range(TRIES):
        asking = Asking(session)
        if has_log(asking):
            return refuse_newer_schema(schema_of(asking))
        _run(session, log_in(shards))
    raise LedgerError("PostgreSQL: expected to make the ledger's tables, got none; start again")


def has_log(reader: Connection) -> bool:
    """Tell whether the tables of the log are there: they are made together or not at all."""
    found: bool = reader.execute("SELECT to_regclass('head') IS NOT NULL").fetchone()[0]
    return found


def schema_of(reader: Connection) -> int:
    """Read by which schema the log was made."""
    found: int = reader.execute("SELECT schema FROM head").fetchone()[0]
    return found


def refuse_newer_schema(found: int, *, reading: bool = False) -> None:
    """Raise LedgerError for a schema that a newer program made.

    So it does for a copy that is not finished, and for one that was moved, unless it is for
    `reading`.
    """
    refuse_marked("PostgreSQL", found, reading=reading)
    if found > SCHEMA and found != MOVED:
        raise LedgerError(
            f"PostgreSQL: the ledger has schema {found}, this program knows {SCHEMA}; "
            "run the Coursebell version that made it, or a newer one"
        )


def make_tables(session: Session, script: str) -> None:
    """Run a script of `CREATE … IF NOT EXISTS` written for SQLite; twice is harmless.

    Tables of an older version gain columns, and numbers that an older file had as texts become
    numbers. Raises LedgerError for one that cannot be used.
    """
    tables = [*tables_of(script)]
    for _ in range(TRIES):
        added = "".join(
            f"ALTER TABLE {table} {change};"
            for table, wanted in tables
            for change in _changes(wanted, _columns(session, table))
        )
        if _run(session, script_as_here(added + _without_indexes_there(session, script))):
            break
    else:
        raise LedgerError("PostgreSQL: expected to make tables, but others make them; start again")
    if wrong := misfit((table, wanted, _columns(session, table)) for table, wanted in tables):
        raise LedgerError(f"PostgreSQL: {wrong}; run the Coursebell version that made it")


def _changes(wanted: Columns, there: Columns) -> Iterator[str]:
    for column in lacking(wanted, there):
        yield f"ADD COLUMN IF NOT EXISTS {column} {wanted[column].declared}"
    for column in wanted.keys() & there.keys():
        if there[column].declared == "text" and wanted[column].declared.startswith("INTEGER"):
            yield f"ALTER COLUMN {column} TYPE INTEGER USING CAST({column} AS INTEGER)"


def _without_indexes_there(session: Session, script: str) -> str:
    """Leave out what is there: PostgreSQL keeps writers off the table before it looks for one."""
    found = Asking(session).execute(INDEXES, (INDEX.findall(script),))
    there = {name for (name,) in found}
    return INDEX.sub(lambda each: "" if each[1] in there else each[0], script)


def _columns(session: Session, table: str) -> Columns:
    """Read the columns of a table; none where there is no such table."""
    found = Asking(session).execute(COLUMNS, (table,))
    return {name: Column(type, bool(needed)) for name, type, needed in found}


def _run(session: Session, script: str) -> bool:
    """Run a script whole or not at all; false when another process was making the same."""
    try:
        with told():
            session.execute(f"BEGIN; {script}; COMMIT", prepare=False)
    except (IntegrityError, PersistenceError) as error:
        with told():
            session.execute("ROLLBACK")
        if getattr(error.__cause__, "sqlstate", "") not in ("23505", "42P07", "42710", "42723"):
            raise
        return False
    return True
