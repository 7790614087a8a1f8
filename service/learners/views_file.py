"""The file of the views: opened so that it never waits for the disk, filled, deleted."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

CACHE_KIB = 32_768
CACHE_KIB_OF_REBUILDS = 131_072
PAGES_BETWEEN_CHECKPOINTS = 16_000


def connect(path: Path, *, create: bool = True) -> sqlite3.Connection:
    """A connection that never waits for the disk: a lost view is rebuilt from the log."""
    address = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(
        address, uri=True, isolation_level=None, check_same_thread=False, timeout=30
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BETWEEN_CHECKPOINTS}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def put_off(connection: sqlite3.Connection) -> list[str]:
    """Makes a new file quick to fill: its indexes come last, and nothing waits for the disk.

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
    """Makes the indexes; the file is whole and on disk when this returns, and closed."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    for sql in indexes:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.close()


def position_of(connection: sqlite3.Connection) -> int:
    """How far a views file has followed the log."""
    found: int = connection.execute("SELECT position FROM following").fetchone()[0]
    return found


def remove(path: Path) -> None:
    """Deletes a views file with its side files."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
