"""The database: the ledger's tables, and a connection opened so that its promises hold."""

import sqlite3
from pathlib import Path

SCHEMA_VERSION = 1
BUSY_SECONDS = 30.0
PAGES_BETWEEN_CHECKPOINTS = 16_000
CACHE_KIB = 32_768

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


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings every promise rests on: WAL, and an fsync at each commit."""
    address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(
        address, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
    )
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BETWEEN_CHECKPOINTS}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection
