"""Store events: one SQLite file that is the truth, its log, and who may write to it when."""

import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    StoredEvent,
    Subscription,
)

from service.ledger.database import EVENT_LOG, SCHEMA_VERSION, connect
from service.ledger.high_water import MARK_BYTES, fit, mark_of, marked, shortfalls
from service.ledger.private_files import private_data_folder, private_file

ROWS_PER_QUERY = 5_000

COLUMNS = "originator_id, originator_version, topic, state"
INSERT = f"INSERT INTO stored_events ({COLUMNS}) VALUES (?, ?, ?, ?)"
ONCE = f"{INSERT} ON CONFLICT (originator_id, originator_version) DO NOTHING"
ERASABLE = "INSERT INTO erasable (stream, field, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

Row = tuple[str, int, str, bytes]
"""One event as stored: stream id, version, topic, state."""


class LedgerError(Exception):
    """Say where and why the ledger cannot be used as it is, and what to do."""


class Ledger(ApplicationRecorder):
    """Hold one writing connection, shared under a lock, and one reading connection per thread.

    The library's own SQLite pool is not used: it leaks its writer lock and begins deferred
    transactions (measured). The table is the library's, with a declared position so that
    rows keep theirs.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises LedgerError when it cannot be used."""
        self.path = path
        self.committed = threading.Condition()
        self.commits = self.as_others = 0
        self._writing = threading.Lock()
        self._readers = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._ends: dict[str, str] = {}
        self._marking = threading.Lock()
        self._marked = marked(path)
        try:
            private_data_folder(path.parent)
            if lost := shortfalls(path):
                # Nothing was opened for writing yet: what SQLite could not read stays as it is.
                raise LedgerError("\n".join(lost))
            private_file(mark_of(path))
            self._mark = os.open(mark_of(path), os.O_RDWR)
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
        self.remember_end("stored_events", "notification_id")

    def create(self, script: str) -> bool:
        """Run a wing's `CREATE … IF NOT EXISTS` script; twice is harmless. Tell whether it may be.

        Tables of an older version gain columns. Raises LedgerError for one that cannot be used.
        """
        with self._writing:
            if wrong := fit(self._writer, script):
                raise LedgerError(f"{self.path}: {wrong}; run the Coursebell version that made it")
        return True

    def remember_end(self, table: str, column: str) -> None:
        """Let the mark beside the file say how far a table has come, from each commit on."""
        self._ends[f"{table}.{column}"] = f"(SELECT MAX({column}) FROM {table})"
        with self._writing:
            self._mark_ends(self._writer.cursor())

    def mark(self, ends: Mapping[str, int]) -> None:
        """Write how far something has come into the mark, without waiting for the disk.

        So it may be behind what it is of, and never ahead.
        """
        with self._marking, suppress(OSError):  # what it is of is on disk all the same
            known = {**self._marked, **ends}
            if known != self._marked:
                self._marked = known
                line = msgspec.json.encode(known)
                os.pwrite(self._mark, line.ljust(MARK_BYTES - 1) + b"\n", 0)

    def marked_end(self, name: str) -> int:
        """Give how far something has come, as far as this process knows; 0 for nothing known."""
        return self._marked.get(name, 0)

    def _mark_ends(self, cursor: sqlite3.Cursor) -> None:
        with suppress(sqlite3.Error):
            found = cursor.execute(f"SELECT {', '.join(self._ends.values())}").fetchone()
            self.mark({name: end or 0 for name, end in zip(self._ends, found, strict=True)})

    @contextmanager
    def transaction(self, *, waking: bool = True) -> Iterator[sqlite3.Cursor]:
        """Begin a write transaction: all of it is on disk when the block ends, or none of it.

        It takes the file's lock at once: one that began with reading could not be made to wait
        (https://www.sqlite.org/rescode.html#busy_snapshot). Unless `waking`, who waits for a
        commit sleeps on.
        """
        with self._writing:
            cursor = self._writer.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    cursor.execute("ROLLBACK")
                cursor.close()
                raise
            self._mark_ends(cursor)
            cursor.close()
        if waking:
            self.wake()

    def wake(self) -> None:
        """Tells all who wait for a commit to look again."""
        with self.committed:
            self.commits += 1
            self.committed.notify_all()

    def wait_for_commit(self, seen: int, seconds: float) -> int:
        """Wait until `commits` is not `seen` any more, at most so long; return it."""
        with self.committed:
            self.committed.wait_for(lambda: self.commits != seen, seconds)
            return self.commits

    def reader(self) -> sqlite3.Connection:
        """Give this thread its own reading connection."""
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = connect(self.path, read_only=True)
            self._readers.connection = connection
            self._opened.append(connection)
        return connection

    def changes_of_others(self) -> int:
        """Give what grows as another process commits, or this one counts itself in `as_others`."""
        with self._writing:  # between another thread's BEGIN and its COMMIT it would be an error
            found: int = self._writer.execute("PRAGMA data_version").fetchone()[0]
        return found + self.as_others

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, as far as readers allow."""
        with self._writing:
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close every connection; the ledger is of no use afterwards. Twice is harmless."""
        for connection in (*self._opened, self._writer):
            connection.close()
        mark, self._mark = self._mark, -1  # the number may be another file's from now on
        with suppress(OSError):
            os.close(mark)

    def append(self, cursor: sqlite3.Cursor, rows: Iterable[Row]) -> None:
        """Add events inside a transaction; raises IntegrityError if a version is taken."""
        try:
            cursor.executemany(INSERT, rows)
        except sqlite3.IntegrityError as error:
            raise IntegrityError(str(error)) from error

    def append_unless_moved(
        self,
        rows: Iterable[Row],
        rests_on: Mapping[str, int] = {},
        erasable: Iterable[tuple[str, str, str]] = (),
        waking: bool = True,
    ) -> bool:
        """Append in a transaction of its own; false, and nothing is changed, on a conflict.

        A conflict is a version that somebody else has taken, or a stream of `rests_on` whose
        newest version is not the one given. What to do then only the caller knows: read again
        and decide anew, or leave it to who was quicker.
        """
        try:
            with self.transaction(waking=waking) as cursor:
                # Inside the transaction nobody else writes, so what is read here stays true.
                self.insist(rests_on)
                self.append(cursor, rows)
                self.keep_erasable(cursor, erasable)
        except IntegrityError:
            return False
        return True

    def insist(self, rests_on: Mapping[str, int]) -> None:
        """Raise IntegrityError unless each stream has just this newest version, 0 for none."""
        if rests_on and self.newest(list(rests_on)) != rests_on:
            raise IntegrityError("a stream that this rests on has moved")

    def append_once(self, cursor: sqlite3.Cursor, rows: Iterable[Row]) -> None:
        """Add events whose ids are derived from what they say: a second time changes nothing."""
        cursor.executemany(ONCE, rows)

    def keep_erasable(self, cursor: sqlite3.Cursor, rows: Iterable[tuple[str, str, str]]) -> None:
        """Keep (stream, field, value) beside the log: what an event may not hold for ever."""
        cursor.executemany(ERASABLE, rows)

    def erasable(self, stream: str) -> dict[str, str]:
        """Read what is kept beside one stream and not erased yet."""
        found = self.reader().execute(
            "SELECT field, value FROM erasable WHERE stream = ?", (stream,)
        )
        return dict(found.fetchall())

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Append as the library does: one transaction of its own; return the positions given."""
        rows = [
            (str(e.originator_id), e.originator_version, e.topic, e.state) for e in stored_events
        ]
        with self.transaction() as cursor:
            before = last_position(cursor)
            self.append(cursor, rows)
        return range(before + 1, before + 1 + len(rows))

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Read one stream, in order of version."""
        rows = self.reader().execute(
            f"SELECT {COLUMNS} FROM stored_events WHERE originator_id = ? "
            "AND originator_version > ? AND originator_version <= ? "
            f"ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT ?",
            (originator_id, gt or 0, 2**62 if lte is None else lte, -1 if limit is None else limit),
        )
        return [StoredEvent(*row) for row in rows]

    def newest(self, ids: Sequence[str]) -> dict[str, int]:
        """Read the newest version of many streams, 0 for one that is not there."""
        found = dict.fromkeys(ids, 0)
        for chunk, marks in _chunks(ids):
            rows = self.reader().execute(
                "SELECT originator_id, MAX(originator_version) FROM stored_events "
                f"WHERE originator_id IN ({marks}) GROUP BY originator_id",
                chunk,
            )
            found |= dict(rows.fetchall())
        return found

    def streams(self, ids: Sequence[str]) -> Iterator[Row]:
        """Read many streams at once, each in order of version; the library has no such query."""
        for chunk, marks in _chunks(ids):
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
        """Read a page of the whole log, in order of position."""
        first = (start or 0) + (0 if inclusive_of_start or start is None else 1)
        wanted = f" AND topic IN ({','.join('?' * len(topics))})" if topics else ""
        rows = self.reader().execute(
            f"SELECT {COLUMNS}, notification_id FROM stored_events WHERE notification_id >= ? "
            f"AND notification_id <= ?{wanted} ORDER BY notification_id LIMIT ?",
            (first, 2**62 if stop is None else stop, *topics, limit),
        )
        return [Notification(*row) for row in rows]

    def log(
        self, after: int, limit: int, topics: Collection[str] = ()
    ) -> list[tuple[int, str, int, str, bytes]]:
        """Read a page of the log as plain rows, position first: the fast way for followers."""
        wanted = f"AND topic IN ({','.join('?' * len(topics))}) " if topics else ""
        rows = self.reader().execute(
            f"SELECT notification_id, {COLUMNS} FROM stored_events WHERE notification_id > ? "
            f"{wanted}ORDER BY notification_id LIMIT ?",
            (after, *topics, limit),
        )
        return rows.fetchall()

    def stream_until(self, stream: str, position: int) -> list[tuple[int, str, int, str, bytes]]:
        """Read the rows of one stream up to a position of the log, as `log` does."""
        rows = self.reader().execute(
            f"SELECT notification_id, {COLUMNS} FROM stored_events WHERE originator_id = ? "
            "AND notification_id <= ? ORDER BY originator_version",
            (stream, position),
        )
        return rows.fetchall()

    def max_notification_id(self) -> int:
        """Read the position of the newest event; 0 for an empty log."""
        return last_position(self.reader().cursor())

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Refuse: followers page through `log` and wait on `committed`."""
        raise NotImplementedError("the ledger has no subscriptions; follow it with log()")


def _chunks(ids: Sequence[str]) -> Iterator[tuple[Sequence[str], str]]:
    """Part ids by what one query may have, each part with its question marks."""
    for start in range(0, len(ids), ROWS_PER_QUERY):
        chunk = ids[start : start + ROWS_PER_QUERY]
        yield chunk, ",".join("?" * len(chunk))


def last_position(cursor: sqlite3.Cursor) -> int:
    """Read the newest position as this cursor sees it."""
    found: tuple[int | None] = cursor.execute(
        "SELECT MAX(notification_id) FROM stored_events"
    ).fetchone()
    return found[0] or 0
