"""Store events: one SQLite file that is the truth, its log, and who may write to it when."""

import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from eventsourcing.persistence import IntegrityError

from service.ledger.data_folder import FolderLease
from service.ledger.private_files import private_data_folder, private_file
from service.ledger.sql import Cursor, TableReader, TableWriter
from service.ledger.sqlite.database import (
    EVENT_LOG,
    ROOMY_CACHE_KIB,
    SCHEMA_VERSION,
    SqliteConnection,
    SqliteCursor,
    connect,
    refuse_newer,
)
from service.ledger.sqlite.high_water import MARK_BYTES, fit, mark_of, marked, shortfalls
from service.ledger.store import END, Append, Durability, LedgerError, LogRow, Row

ROWS_PER_QUERY = 5_000
FEW = 100_000
"""So many events of the log are read through rather than looked up one by one."""

COLUMNS = "originator_id, originator_version, topic, state"
INSERT = f"INSERT INTO stored_events ({COLUMNS}) VALUES (?, ?, ?, ?)"
ONCE = f"{INSERT} ON CONFLICT (originator_id, originator_version) DO NOTHING"
END_OF_LOG = "SELECT coalesce(MAX(notification_id), 0) FROM stored_events"
ERASABLE = "INSERT INTO erasable (stream, field, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


class HighWaterMark:
    """Keep beside a ledger how far its tables and views have come."""

    def __init__(self, ledger: Path) -> None:
        self._path = mark_of(ledger)
        self._known = marked(ledger)
        self._file = -1
        self._writing = threading.Lock()

    def open(self) -> None:
        """Make the file if there is none; raises OSError."""
        private_file(self._path)
        self._file = os.open(self._path, os.O_RDWR)

    def write(self, ends: Mapping[str, int]) -> None:
        """Write how far something has come, without waiting for the disk.

        So it may be behind what it is of, and never ahead.
        """
        with self._writing, suppress(OSError):  # what it is of is on disk all the same
            known = {**self._known, **ends}
            if known != self._known:
                self._known = known
                line = msgspec.json.encode(known)
                os.pwrite(self._file, line.ljust(MARK_BYTES - 1) + b"\n", 0)

    def end(self, name: str) -> int:
        """Give how far something has come, as far as this process knows; 0 for nothing known."""
        return self._known.get(name, 0)

    def close(self) -> None:
        """Let go of the file; twice is harmless."""
        file, self._file = self._file, -1  # the number may be another file's from now on
        with suppress(OSError):
            os.close(file)


class SqliteStore:
    """Keep the log in one SQLite file, a `Store`.

    One connection writes, shared under a lock, and each thread has one to read. The table is the
    library's, with a declared position so that rows keep theirs.
    """

    shared = False

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises LedgerError when it cannot be used."""
        self.path, self.folder = path, path.parent
        self.committed = threading.Condition()
        self.commits = self.as_others = 0
        self._writing = threading.Lock()
        self._readers = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._ends: dict[str, str] = {}
        self.mark = HighWaterMark(path)
        self.lease = FolderLease(self.folder, self.append)
        try:
            private_data_folder(path.parent)
            if lost := shortfalls(path):
                # Nothing was opened for writing yet: what SQLite could not read stays as it is.
                raise LedgerError("\n".join(lost))
            self.mark.open()
            self._writer = connect(path)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"{path}: the ledger cannot be opened ({error}); expected a readable and writable "
                "Coursebell ledger; restore a backup or set COURSEBELL_DATA to another folder"
            ) from error

    def _prepare(self) -> None:
        if refuse_newer(self._writer, self.path) < SCHEMA_VERSION:
            with self.transaction() as cursor:
                cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self.create(EVENT_LOG)
        self.remember_end("stored_events", "notification_id")

    def create(self, script: str, *, remembered: bool = True) -> bool:
        """Run a wing's `CREATE … IF NOT EXISTS` script; twice is harmless. Tell whether it may be.

        Tables of an older version gain columns. Raises LedgerError for one that cannot be used.
        Not every store counts for others what is written to tables that are not `remembered`.
        """
        with self._writing:
            if wrong := fit(self._writer, script):
                raise LedgerError(f"{self.path}: {wrong}; run the Coursebell version that made it")
        return True

    def remember_end(self, table: str, column: str) -> None:
        """Let the mark beside the file say how far a table has come, from each commit on."""
        self._ends[f"{table}.{column}"] = f"(SELECT MAX({column}) FROM {table})"
        with self._writing:
            self._mark_ends(self._writer.cursor(SqliteCursor))

    def _mark_ends(self, cursor: Cursor) -> None:
        with suppress(sqlite3.Error):
            found = cursor.execute(f"SELECT {', '.join(self._ends.values())}").fetchone()
            self.mark.write({name: end or 0 for name, end in zip(self._ends, found, strict=True)})

    @contextmanager
    def transaction(self, *, waking: bool = True) -> Iterator[TableWriter]:
        """Begin a write transaction: all of it is on disk when the block ends, or none of it.

        It takes the file's lock at once: one that began with reading could not be made to wait
        (https://www.sqlite.org/rescode.html#busy_snapshot). Unless `waking`, who waits for a
        commit sleeps on.
        """
        with self._writing:
            cursor = self._writer.cursor(SqliteCursor)
            cursor.execute("BEGIN IMMEDIATE")
            try:
                if cursor.execute("PRAGMA user_version").fetchone()[0] > SCHEMA_VERSION:
                    refuse_newer(self._writer, self.path)  # it was moved since it was opened
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

    def wait(self, seen: int, seconds: float) -> int:
        """Wait until `commits` is not `seen` any more, at most so long; return it."""
        with self.committed:
            self.committed.wait_for(lambda: self.commits != seen, seconds)
            return self.commits

    def reader(self) -> TableReader:
        """Give this thread its own reading connection."""
        connection: SqliteConnection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = connect(self.path, read_only=True)
            self._readers.connection = connection
            self._opened.append(connection)
        return connection

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Let this thread read as of one commit: no query looks for a newer."""
        self.reader().execute("BEGIN")
        try:
            yield
        finally:
            if self._readers.connection.in_transaction:  # SQLite may have ended it itself
                self._readers.connection.execute("COMMIT")

    def columns(self, table: str) -> frozenset[str]:
        """Name the columns of a table; none where there is no such table, as in an older ledger."""
        rows = self.reader().execute(f"PRAGMA table_info({table})")
        return frozenset(name for _, name, *_ in rows)

    def sharing(self) -> None:
        """Say that nobody shares it: whoever holds the folder has it all."""

    def durability(self) -> Durability:
        """Say what is promised of a letter that was answered 202."""
        return Durability("a letter is on this machine's disk, and survives a crash, not its loss")

    def damage(self) -> list[str]:
        """List what SQLite itself finds wrong with the file."""
        rows = [row[0] for row in self.reader().execute("PRAGMA quick_check")]
        return [] if rows == ["ok"] else rows

    def revision(self) -> int:
        """Give what grows as another process commits, or this one counts itself in `as_others`."""
        with self._writing:  # between another thread's BEGIN and its COMMIT it would be an error
            found: int = self._writer.execute("PRAGMA data_version").fetchone()[0]
            return found + self.as_others

    def give_room(self) -> None:
        """Let the writer hold more pages at once: it writes in many places of large tables."""
        with self._writing:
            self._writer.execute(f"PRAGMA cache_size = -{ROOMY_CACHE_KIB}")

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, as far as readers allow."""
        with self._writing:
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close every connection; the ledger is of no use afterwards. Twice is harmless."""
        for connection in (*self._opened, self._writer):
            connection.close()
        self.mark.close()

    def append(self, what: Append) -> int:
        """Write all of it, on disk when this returns; return the position of its last event.

        Raises IntegrityError, and nothing is kept, when somebody else was quicker.
        """
        try:
            with self.transaction(waking=what.waking) as cursor:
                # Inside the transaction nobody else writes, so what is read here stays true.
                self._insist(what)
                log = [(INSERT, what.rows), (ONCE, what.once), (ERASABLE, what.erasable)]
                for sql, rows in [*log, *what.tables, *what.in_turn]:
                    cursor.executemany(sql, rows)
                found: int = cursor.execute(what.asked or END_OF_LOG).fetchone()[0]
                return found
        except sqlite3.IntegrityError as error:
            raise IntegrityError(str(error)) from error

    def _insist(self, what: Append) -> None:
        if what.rests_on and self.newest(list(what.rests_on)) != what.rests_on:
            raise IntegrityError("a stream that this rests on has moved")

    def erasable(self, stream: str) -> dict[str, str]:
        """Read what is kept beside one stream and not erased yet."""
        found = self.reader().execute(
            "SELECT field, value FROM erasable WHERE stream = ?", (stream,)
        )
        return dict(found.fetchall())

    def stream(
        self,
        id: str,
        after: int = 0,
        until: int = END,
        *,
        newest_first: bool = False,
        limit: int = END,
    ) -> list[LogRow]:
        """Read one stream in order of version, behind one and up to another."""
        rows = self.reader().execute(
            f"SELECT notification_id, {COLUMNS} FROM stored_events WHERE originator_id = ? "
            "AND originator_version > ? AND originator_version <= ? "
            f"ORDER BY originator_version {'DESC' if newest_first else 'ASC'} LIMIT ?",
            (id, after, until, limit),
        )
        return rows.fetchall()

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

    def log(
        self, after: int, limit: int, topics: Collection[str] = (), until: int = END
    ) -> list[LogRow]:
        """Read a page of the log behind a position, or only what has these topics."""
        wanted = f"AND topic IN ({','.join('?' * len(topics))}) " if topics else ""
        rows = self.reader().execute(
            f"SELECT notification_id, {COLUMNS} FROM stored_events WHERE notification_id > ? "
            f"AND notification_id <= ? {wanted}ORDER BY notification_id LIMIT ?",
            (after, until, *topics, limit),
        )
        return rows.fetchall()

    def ids(self, beginning: str, limit: int) -> list[str]:
        """Find the streams whose id begins so, at most so many."""
        rows = self.reader().execute(
            "SELECT DISTINCT originator_id FROM stored_events WHERE originator_id >= ? "
            "AND originator_id < ? ORDER BY originator_id LIMIT ?",
            (beginning, beginning + "~", limit),
        )
        return [id for (id,) in rows]

    def firsts(self, beginning: str, containing: bytes) -> Iterable[Row]:
        """Read the first events of streams whose id begins so, of those with these bytes."""
        index = "" if self.end() > FEW else "+"  # a small log is read in its own order
        return self.reader().execute(
            f"SELECT {COLUMNS} FROM stored_events WHERE {index}originator_id >= ? "
            f"AND {index}originator_id < ? AND originator_version = 1 AND instr(state, ?)",
            (beginning, beginning + "~", containing),
        )

    def end(self) -> int:
        """Read the position of the newest event; 0 for an empty log."""
        found: int = self.reader().execute(END_OF_LOG).fetchone()[0]
        return found


def _chunks(ids: Sequence[str]) -> Iterator[tuple[Sequence[str], str]]:
    """Part ids by what one query may have, each part with its question marks."""
    for start in range(0, len(ids), ROWS_PER_QUERY):
        chunk = ids[start : start + ROWS_PER_QUERY]
        yield chunk, ",".join("?" * len(chunk))
