"""Follow the log into a disposable file of read models, which decide nothing."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

import msgspec
from sqlite_utils import Database

from service.ledger.events import EVENTS_PER_PAGE, EventStore, LogEvent
from service.ledger.sqlite.database import (
    connect_views,
    finish,
    is_damage,
    is_whole,
    names_in,
    put_off,
)
from service.ledger.sqlite.high_water import LETTERS
from service.ledger.store import LedgerError, LogRow

FOLLOWED = "UPDATE following SET position = ?, letters = ? WHERE position = ?"

log = logging.getLogger(__name__)


class Projection(Protocol):
    """Keep one wing's tables in the views; a new `version` rebuilds the file."""

    name: str
    version: int
    topics: frozenset[str]

    def create(self, database: Database) -> None:
        """Make the tables and indexes in an empty file."""
        ...

    def project(self, connection: sqlite3.Connection, events: Sequence[LogEvent]) -> None:
        """Write what these events change; the same events again lead to the same rows."""
        ...


class PageWanted(msgspec.Struct, frozen=True, array_like=True):
    """Ask for the page of the log behind a position to be taken into the views.

    `letters`: how far these had come; `generation` tells a file from the next one in its place.
    """

    position: int
    letters: int
    generation: int = 0


class PageTaken(msgspec.Struct, frozen=True, array_like=True):
    """Say how many events a page held, and where the views are now."""

    events: int
    position: int


TakePage = Callable[[PageWanted], PageTaken]


class PageTaker:
    """Take the log into the tables of the projections, page by page."""

    def __init__(self, store: EventStore, projections: Sequence[Projection]) -> None:
        self._log = store.ledger.log
        self._decode = store.mapper.decode
        self._projections = projections

    def take(self, connection: sqlite3.Connection, wanted: PageWanted) -> PageTaken:
        """Commit a page with its end; nothing is changed when another process followed it first."""
        page = self._log(wanted.position, EVENTS_PER_PAGE)
        if not page:
            return PageTaken(0, wanted.position)
        parts = self._parted(page)
        connection.execute("BEGIN IMMEDIATE")
        try:
            for projection, events in zip(self._projections, parts, strict=True):
                if events:
                    projection.project(connection, events)
            ends = (page[-1][0], wanted.letters)
            moved = connection.execute(FOLLOWED, (*ends, wanted.position)).rowcount == 1
            connection.execute("COMMIT" if moved else "ROLLBACK")
        except BaseException:
            if connection.in_transaction:  # SQLite has ended it itself, if the disk is full
                connection.execute("ROLLBACK")
            raise
        return PageTaken(len(page), page[-1][0] if moved else position_of(connection))

    def _parted(self, page: Sequence[LogRow]) -> list[list[LogEvent]]:
        """Give each projection the events that it has tables for."""
        parts: list[list[LogEvent]] = [[] for _ in self._projections]
        places: dict[str, list[int]] = {}
        for position, stream, version, topic, state in page:
            targets = places.get(topic)
            if targets is None:
                targets = [i for i, p in enumerate(self._projections) if topic in p.topics]
                places[topic] = targets
            if targets:
                event = LogEvent(position, stream, version, self._decode(topic, state))
                for target in targets:
                    parts[target].append(event)
        return parts


class Views:
    """Follow the log page by page; rows and position are committed together.

    Pages are taken by `take`, which may have another process do it.
    """

    def __init__(
        self,
        path: Path,
        store: EventStore,
        projections: Sequence[Projection],
        *,
        owner: bool = True,
    ) -> None:
        """Open the file; only its `owner` makes it, or makes it anew when it is of no use.

        Raises LedgerError for anybody else.
        """
        self.path = path
        self._owner = owner
        self.moved = threading.Condition()
        self._awaited = True
        self._ledger = store.ledger
        self._projections = projections
        self._pages = PageTaker(store, projections)
        self.take: TakePage = lambda wanted: self._pages.take(self._connection, wanted)
        self._following = threading.Lock()
        self._readers = threading.local()
        self._generation = 0
        self._doubted = False
        self._lost = False
        self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        if self.path.is_dir():
            raise LedgerError(f"{self.path}: expected a file, found a folder; take it away")
        connection = self._usable() if self.path.exists() else None
        if connection is None and not self._owner:
            raise LedgerError(
                f"{self.path}: expected the views of this ledger, found none that can be used; "
                "start the service, or run `coursebell rebuild`"
            )
        if connection is None:
            remove(self.path)
            connection = connect_views(self.path)
            self._create(connection)
        self._inode = self.path.stat().st_ino
        self._written = 0
        self.position = position_of(connection)
        self._ledger.mark.write({self.path.name: self.position})
        return connection

    def _usable(self) -> sqlite3.Connection | None:
        """Connect if the file is whole, has our tables, and is where it was; else give None.

        It may not be ahead of the log, nor behind where it was once: then its last pages are
        lost. The position is read before the log's end: both may be moving.
        """
        connection = None
        try:
            connection = connect_views(self.path, create=False)
            if self._is_where_it_was(connection) and self._has_all(connection):
                return connection
        except sqlite3.DatabaseError as error:
            if not (is_damage(error) or error.sqlite_errorcode == sqlite3.SQLITE_ERROR):
                raise  # locked or not allowed: there is nothing wrong with the file
        if connection is not None:
            connection.close()
        return None

    def _is_where_it_was(self, connection: sqlite3.Connection) -> bool:
        query = "SELECT position, letters FROM following WHERE shape = ?"
        row = connection.execute(query, (self.shape,)).fetchone()
        end, before = self._ledger.end(), self._ledger.mark.end(self.path.name)
        return row is not None and before <= row[0] <= end

    def _has_all(self, connection: sqlite3.Connection) -> bool:
        """Tell whether no page is damaged and nothing is missing that a new file has."""
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as meant:
            self._create(meant)
            return is_whole(connection) and names_in(meant) <= names_in(connection)

    @property
    def shape(self) -> str:
        """Join the versions of all projections: a file of another shape is rebuilt."""
        return " ".join(f"{each.name}@{each.version}" for each in self._projections)

    def _create(self, connection: sqlite3.Connection) -> None:
        database = Database(connection)
        connection.execute("BEGIN IMMEDIATE")
        for projection in self._projections:
            projection.create(database)
        following = database.table("following")
        following.insert({"id": 1, "position": 0, "letters": 0, "shape": self.shape}, pk="id")
        connection.execute("COMMIT")

    def follow(self) -> int:
        """Take in one page of the log; return how many events it held. Any thread may.

        A file that turns out to be damaged, by whatever way, is made anew.
        """
        with self._following:
            try:
                if self._lost or (self._doubted and not self._is_good()):
                    return self._begin_again(damaged=True)
                return self._follow()
            except sqlite3.DatabaseError as error:
                if not (self._owner and is_damage(error)):
                    raise
                return self._begin_again(damaged=True)

    def _follow(self) -> int:
        if self._ledger.end() <= self.position:
            replaced, cut = self._is_replaced(), self._is_cut()
            return self._begin_again(damaged=cut) if replaced or cut else 0
        taken = self.take(self._behind(self.position))
        self._ledger.mark.write({self.path.name: taken.position})
        with self.moved:
            self.position = taken.position
            self.moved.notify_all()
        return taken.events

    def _behind(self, position: int) -> PageWanted:
        return PageWanted(position, self._ledger.mark.end(LETTERS), self._generation)

    def doubt(self) -> None:
        """Have the file looked at whole before anything is written again: a reader met an error."""
        self._doubted = True

    def _is_good(self) -> bool:
        self._doubted = False
        fresh = self._usable() if self.path.is_file() else None
        if fresh is not None:
            fresh.close()
        return fresh is not None

    def _is_replaced(self) -> bool:
        """Tell whether there is no such file any more, or another one, as after a rebuild."""
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _is_cut(self) -> bool:
        """Tell whether somebody shortened the write-ahead log, which only grows while it is open.

        https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files
        """
        log = self.path.with_name(f"{self.path.name}-wal")
        before, self._written = self._written, log.stat().st_size if log.exists() else 0
        return self._written < before

    def _begin_again(self, *, damaged: bool) -> int:
        """Make the file anew from the log: somebody deleted or damaged it meanwhile.

        What cannot be made now, as on a disk that is full, is `_lost` until it can.
        """
        if not self._lost:
            about = {"event": "views.made_anew", "damaged": damaged}
            log.warning("%s: the views are gone or damaged, made anew", self.path, extra=about)
        self._lost = True
        with suppress(sqlite3.Error):
            self._connection.close()
        if damaged:
            remove(self.path)
        self._connection = self._open()
        self._lost = False
        self._generation += 1
        return 1

    def catch_up(self) -> None:
        """Follow until nothing is left."""
        while self.follow():
            pass

    def wait_for(self, position: int, seconds: float) -> bool:
        """Wait until the views have reached a position; false when they did not in time."""
        with self.moved:
            self.moved.wait_for(lambda: self.position >= position or not self._awaited, seconds)
            return self.position >= position

    def reach_end(self, seconds: float) -> int:
        """Have the log followed to its end now; return how many events are left out in time."""
        end = self._ledger.end()
        if self.position < end:
            self._ledger.wake()
        return 0 if self.wait_for(end, seconds) else end - self.position

    def wake(self) -> None:
        """Tells all who wait for a position, now and later, to wait no more: all ends."""
        with self.moved:
            self._awaited = False
            self.moved.notify_all()

    def rebuild(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """Build a new file from the whole log and swap it in; return the events read.

        No rule is called and nothing is sent. `progress` is told the position reached.
        """
        fresh = self.path.with_name(f"{self.path.name}.new")
        remove(fresh)
        connection = connect_views(fresh)
        self._create(connection)
        indexes = put_off(connection)
        position = total = 0
        while (taken := self._pages.take(connection, self._behind(position))).events:
            position, total = taken.position, total + taken.events
            progress(position)
        finish(connection, indexes)
        self._connection.close()
        remove(self.path)
        fresh.rename(self.path)
        self._generation += 1
        self._connection = self._open()
        return total

    def reader(self) -> Database:
        """Give this thread its own reading database."""
        known: tuple[int, Database] | None = getattr(self._readers, "known", None)
        if known is None or known[0] != self._generation:
            known = (self._generation, Database(connect_views(self.path, create=False)))
            self._readers.known = known
        return known[1]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def position_of(connection: sqlite3.Connection) -> int:
    """Read how far a views file has followed the log."""
    found: int = connection.execute("SELECT position FROM following").fetchone()[0]
    return found


def remove(path: Path) -> None:
    """Delete a views file with its side files."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
