"""The ledger: one SQLite file that is the truth, its event log, and who may write to it when."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    StoredEvent,
    Subscription,
)

from service.ledger.database import EVENT_LOG, SCHEMA_VERSION, connect

ROWS_PER_QUERY = 5_000

COLUMNS = "originator_id, originator_version, topic, state"
INSERT = f"INSERT INTO stored_events ({COLUMNS}) VALUES (?, ?, ?, ?)"
ONCE = f"{INSERT} ON CONFLICT (originator_id, originator_version) DO NOTHING"
ERASABLE = "INSERT INTO erasable (stream, field, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

Row = tuple[str, int, str, bytes]
"""One event as stored: stream id, version, topic, state."""


class LedgerError(Exception):
    """The ledger cannot be used as it is; the message says where, why and what to do."""


class Ledger(ApplicationRecorder):
    """One writing connection shared under a lock, one reading connection per thread.

    The library's own SQLite pool is not used: it leaks its writer lock and begins deferred
    transactions (measured). The table is the library's, with a declared position so that
    rows keep theirs.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates the file; raises LedgerError when it cannot be used."""
        self.path = path
        self.committed = threading.Condition()
        self.commits = 0
        self._writing = threading.Lock()
        self._readers = threading.local()
        self._opened: list[sqlite3.Connection] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = connect(path)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"{path}: the ledger cannot be opened ({error}); expected a readable and writable "
                "Coursebell ledger; restore a backup or set COURSEBELL_DATA to another folder"
            ) from error

    def _prepare(self) -> None:
        found = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA_VERSION:
            raise LedgerError(
                f"{self.path}: the ledger has schema {found}, this program knows {SCHEMA_VERSION}; "
                "run the Coursebell version that wrote it, or a newer one"
            )
        if found < SCHEMA_VERSION:
            with self.transaction() as cursor:
                cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self.create(EVENT_LOG)

    def create(self, script: str) -> None:
        """Runs a wing's `CREATE … IF NOT EXISTS` script; twice is harmless."""
        with self._writing:
            self._writer.executescript(script)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Cursor]:
        """One write transaction: all of it is on disk when the block ends, or none of it."""
        with self._writing:
            cursor = self._writer.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    cursor.execute("ROLLBACK")
                raise
            finally:
                cursor.close()
        with self.committed:
            self.commits += 1
            self.committed.notify_all()

    def wait_for_commit(self, seen: int, seconds: float) -> int:
        """Waits until `commits` is not `seen` any more, at most so long; returns it."""
        with self.committed:
            self.committed.wait_for(lambda: self.commits != seen, seconds)
            return self.commits

    def reader(self) -> sqlite3.Connection:
        """This thread's own reading connection."""
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = connect(self.path, read_only=True)
            self._readers.connection = connection
            self._opened.append(connection)
        return connection

    def changes_of_others(self) -> int:
        """A number that changes when another process committed to the file."""
        with self._writing:  # between another thread's BEGIN and its COMMIT it would be an error
            found: int = self._writer.execute("PRAGMA data_version").fetchone()[0]
        return found

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the file, as far as readers allow."""
        with self._writing:
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Closes every connection; the ledger is of no use afterwards."""
        for connection in self._opened:
            connection.close()
        self._writer.close()

    def append(self, cursor: sqlite3.Cursor, rows: Iterable[Row]) -> None:
        """Adds events inside a transaction; raises IntegrityError if a version is taken."""
        try:
            cursor.executemany(INSERT, rows)
        except sqlite3.IntegrityError as error:
            raise IntegrityError(str(error)) from error

    def append_once(self, cursor: sqlite3.Cursor, rows: Iterable[Row]) -> None:
        """Adds events whose ids are derived from what they say: a second time changes nothing."""
        cursor.executemany(ONCE, rows)

    def keep_erasable(self, cursor: sqlite3.Cursor, rows: Iterable[tuple[str, str, str]]) -> None:
        """Keeps (stream, field, value) beside the log: what an event may not hold for ever."""
        cursor.executemany(ERASABLE, rows)

    def erasable(self, stream: str) -> dict[str, str]:
        """What is kept beside one stream and not erased yet."""
        found = self.reader().execute(
            "SELECT field, value FROM erasable WHERE stream = ?", (stream,)
        )
        return dict(found.fetchall())

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """The library's way in: one transaction of its own; returns the positions given."""
        with self.transaction() as cursor:
            before = last_position(cursor)
            self.append(
                cursor,
                (
                    (str(event.originator_id), event.originator_version, event.topic, event.state)
                    for event in stored_events
                ),
            )
        return range(before + 1, before + 1 + len(stored_events))

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """One stream, in order of version."""
        rows = self.reader().execute(
            f"SELECT {COLUMNS} FROM stored_events WHERE originator_id = ? "
            "AND originator_version > ? AND originator_version <= ? "
            f"ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT ?",
            (originator_id, gt or 0, 2**62 if lte is None else lte, -1 if limit is None else limit),
        )
        return [StoredEvent(*row) for row in rows]

    def streams(self, ids: Sequence[str]) -> Iterator[Row]:
        """Many streams at once, each in order of version; the library has no such query."""
        for start in range(0, len(ids), ROWS_PER_QUERY):
            chunk = ids[start : start + ROWS_PER_QUERY]
            marks = ",".join("?" * len(chunk))
            yield from self.reader().execute(
                f"SELECT {COLUMNS} FROM stored_events WHERE originator_id IN ({marks}) "
                "ORDER BY originator_id, originator_version",
                chunk,
            )

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """A page of the whole log in order of position."""
        first = (start or 0) + (0 if inclusive_of_start or start is None else 1)
        wanted = f" AND topic IN ({','.join('?' * len(topics))})" if topics else ""
        rows = self.reader().execute(
            f"SELECT {COLUMNS}, notification_id FROM stored_events WHERE notification_id >= ? "
            f"AND notification_id <= ?{wanted} ORDER BY notification_id LIMIT ?",
            (first, 2**62 if stop is None else stop, *topics, limit),
        )
        return [Notification(*row) for row in rows]

    def log(self, after: int, limit: int) -> list[tuple[int, str, int, str, bytes]]:
        """A page of the log as plain rows, position first: the fast way for followers."""
        return (
            self.reader()
            .execute(
                f"SELECT notification_id, {COLUMNS} FROM stored_events WHERE notification_id > ? "
                "ORDER BY notification_id LIMIT ?",
                (after, limit),
            )
            .fetchall()
        )

    def max_notification_id(self) -> int:
        """The position of the newest event; 0 for an empty log."""
        return last_position(self.reader().cursor())

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Not offered: followers page through `log` and wait on `committed`."""
        raise NotImplementedError("the ledger has no subscriptions; follow it with log()")


def last_position(cursor: sqlite3.Cursor) -> int:
    """The newest position as this cursor sees it."""
    found: tuple[int | None] = cursor.execute(
        "SELECT MAX(notification_id) FROM stored_events"
    ).fetchone()
    return found[0] or 0


@contextmanager
def sole(data: Path) -> Iterator[None]:
    """Holds the data folder for one service; raises LedgerError when another one has it."""
    path = data / "coursebell.lock"
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise LedgerError(
            f"{path}: expected a data folder that can be written, got {error.strerror}; "
            "set COURSEBELL_DATA to another folder"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise LedgerError(
                f"{data}: expected to be the only service on this ledger, but process "
                f"{file.read().strip() or 'unknown'} runs on it; stop that one first"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
