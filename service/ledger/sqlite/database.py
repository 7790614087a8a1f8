"""Open SQLite so that the ledger's promises hold, and the views' speed."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from service.ledger.migration.sides import MOVED, refuse_marked
from service.ledger.private_files import private_file
from service.ledger.sql import Dialect
from service.ledger.store import LedgerError

SCHEMA_VERSION = 1
BUSY_SECONDS = 30.0
PAGES_BETWEEN_CHECKPOINTS = 16_000
CACHE_KIB = 8_192
"""Of each connection, and every thread has one or two: what it does not hold, the kernel does. Four
times as much saves 7 % of the processor's time at a million rows (measured)."""

ROOMY_CACHE_KIB = 65_536
CACHE_KIB_NAMELESS = 16_384
CACHE_KIB_OF_REBUILDS = 131_072
DAMAGES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}
"""Primary result codes (https://www.sqlite.org/rescode.html) of a file that is of no use."""

EVENT_LOG = """
CREATE TABLE IF NOT EXISTS stored_events (
    notification_id INTEGER PRIMARY KEY,
    originator_id TEXT NOT NULL,
    originator_version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    state BLOB NOT NULL,
    UNIQUE (originator_id, originator_version)
);
CREATE TRIGGER IF NOT EXISTS the_log_is_never_shortened BEFORE DELETE ON stored_events
BEGIN SELECT RAISE(ABORT, 'events are never deleted: a deleted position would be given again'); END;
CREATE TABLE IF NOT EXISTS erasable (
    stream TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (stream, field)
) WITHOUT ROWID;
"""


sqlite3.register_adapter(list, json.dumps)


class SqliteDialect:
    """Write SQL for SQLite, where JSON is text, and a list that is a parameter is JSON."""

    log = "stored_events"
    log_order = "notification_id"

    def any_of(self, column: str, values: str = "?") -> str:
        """Look each of them up, by an index of the column if there is one."""
        return f"{column} IN (SELECT value FROM json_each({values}))"

    def each(self, values: str, name: str) -> str:
        """Take the list apart."""
        return f"json_each({values}) {name}"

    def items(self, column: str, name: str) -> str:
        """Take the array apart."""
        return f"json_each({column}) {name}"

    def pairs(self, column: str, name: str) -> str:
        """Take the object apart."""
        return f"json_each({column}) {name}"

    def text_in(self, state: str, *path: str) -> str:
        """Read it where it is: what older ledgers have indexed is this very expression."""
        return f"json_extract(CAST({state} AS TEXT), '$.{'.'.join(path)}')"

    def begins(self, column: str, words: str) -> str:
        """Match by bytes: LIKE would not tell large letters from small ones."""
        return f"{column} GLOB '{words}*'"

    def has(self, column: str, signs: str) -> str:
        """Match by bytes."""
        return f"{column} GLOB '*{signs}*'"


class SqliteConnection(sqlite3.Connection):
    """Connect to SQLite, and say so."""

    __slots__ = ()
    dialect: Dialect = SqliteDialect()


class SqliteCursor(sqlite3.Cursor):
    """Write to SQLite, and say so."""

    __slots__ = ()
    dialect = SqliteConnection.dialect


def connect(path: Path, *, read_only: bool = False) -> SqliteConnection:
    """Open the ledger with what every promise rests on: WAL, and an fsync at each commit.

    In WAL mode `NORMAL` would sync at checkpoints only, and a power cut would take back commits
    that a sender has a receipt for (https://www.sqlite.org/pragma.html#pragma_synchronous).
    """
    connection = _opened(path, "ro" if read_only else "rwc")
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BETWEEN_CHECKPOINTS}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def connect_views(path: Path, *, create: bool = True) -> sqlite3.Connection:
    """Open the views without ever waiting for the disk: a lost view is rebuilt from the log.

    Their write-ahead log has no `journal_size_limit`: one that shrinks was cut by somebody.
    """
    connection = _opened(path, "rwc" if create else "rw")
    if create:
        # Of two that set it at once in a file which somebody emptied, each waits for the other.
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BETWEEN_CHECKPOINTS}")
    return connection


def put_off(connection: sqlite3.Connection) -> list[str]:
    """Make a new file quick to fill: its indexes come last, and nothing waits for the disk.

    Measured on a million rows: random inserts into ten indexes cost more than all else.
    """
    connection.execute("PRAGMA journal_mode = MEMORY")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB_OF_REBUILDS}")
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    found = connection.execute(query).fetchall()
    for name, _ in found:
        connection.execute(f'DROP INDEX "{name}"')
    return [sql for _, sql in found]


def finish(connection: sqlite3.Connection, indexes: Sequence[str]) -> None:
    """Make the indexes; the file is whole and on disk when this returns, and closed."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    for sql in indexes:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.close()


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a database for reading; where nobody uses it as if it could not change.

    Otherwise SQLite leaves files beside it, which may belong to somebody else than the service.
    """
    if path.with_name(f"{path.name}-wal").exists():
        return connect(path, read_only=True)
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def nameless_file(table: str) -> sqlite3.Connection:
    """Make a table in a file without a name, which the system takes away at the end."""
    file = sqlite3.connect("", isolation_level=None)
    for statement in ("PRAGMA journal_mode = OFF", f"PRAGMA cache_size = -{CACHE_KIB_NAMELESS}"):
        file.execute(statement)
    file.execute(table)
    file.execute("BEGIN")
    return file


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell whether an error is the file's, and not a lock or a full disk."""
    return (error.sqlite_errorcode & 0xFF) in DAMAGES


def is_whole(connection: sqlite3.Connection) -> bool:
    """Tell whether SQLite finds nothing wrong with any page of a file."""
    found: tuple[str] = connection.execute("PRAGMA quick_check(1)").fetchone()
    return found == ("ok",)


def names_in(connection: sqlite3.Connection) -> set[str]:
    """Name the tables and indexes of a file."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def _opened(path: Path, mode: str) -> SqliteConnection:
    """Open in autocommit mode: the library's own transactions would begin deferred.

    SQLite gives the files beside a database the mode of the database.
    """
    if mode == "rwc":
        private_file(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_SECONDS,
        factory=SqliteConnection,
    )
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def copy_database(file: Path, to: Path) -> None:
    """Copy a database as of one moment, also while a service writes to it.

    Nothing is left beside it: whoever opens a database in use makes files, so one that nobody
    uses is read as if it could not change, and once more if somebody has opened it meanwhile.
    """
    log = file.with_name(f"{file.name}-wal")
    if not log.exists():
        address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
        _back_up(sqlite3.connect(address, uri=True), to)
    if log.exists():
        _back_up(connect(file, read_only=True), to)


def _back_up(database: sqlite3.Connection, to: Path) -> None:
    """Write all of a database into a file, and close it."""
    private_file(to)
    with closing(database), closing(sqlite3.connect(to)) as target:
        database.backup(target)


def refuse_newer(connection: sqlite3.Connection, path: Path, *, reading: bool = False) -> int:
    """Return the schema of a ledger; raises LedgerError for one that a newer program wrote.

    So it does for a copy that is not finished, and for one that was moved, unless it is for
    `reading`.
    """
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    refuse_marked(path, found, reading=reading)
    if found > SCHEMA_VERSION and found != MOVED:
        raise LedgerError(
            f"{path}: the ledger has schema {found}, this program knows {SCHEMA_VERSION}; "
            "run the Coursebell version that wrote it, or a newer one"
        )
    return found
