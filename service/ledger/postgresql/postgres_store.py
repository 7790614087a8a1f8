"""Keep the ledger in PostgreSQL, a `Store`: written in a lane, in one order, and never twice.

What was sent and not answered is looked up before anything else is written; what cannot be known
is told as `Unknown`.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

from eventsourcing.persistence import IntegrityError, PersistenceError

from service.ledger.ledger import HighWaterMark
from service.ledger.postgresql.connections import Server, Session, SessionLost, told
from service.ledger.postgresql.lane_session import NOBODY_KNOWS, LaneSession
from service.ledger.postgresql.log_reader import LogReader
from service.ledger.postgresql.portable_sql import Writing, table_of
from service.ledger.postgresql.tables import PLACES, make_log, make_tables
from service.ledger.postgresql.transactions import (
    FEW,
    ClosingPacket,
    Lane,
    NotClosed,
    close,
    size_of,
    write,
)
from service.ledger.private_files import private_data_folder
from service.ledger.sql import RunAgain, TableWriter
from service.ledger.store import Append, LedgerError, Unknown

LEASE_SECONDS = 5.0
LOOKS = (0.005, 0.25)
"""The shortest pause and the longest, of who waits for a commit of others."""

TRIES = 8
SEEN = "SELECT wakes FROM head"
TABLES = "SELECT tables FROM head"
TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")
MOVED = "a stream that this rests on has moved, or another process has written meanwhile"
NOT_ON_STANDBY = (
    "PostgreSQL: expected the standby to have the commit, but the wait was cancelled; "
    "it is kept here, and lost if this server is lost now"
)


class PostgresStore(LogReader):
    """Keep the log and the tables in a database that other processes write to as well.

    One session writes, shared under a lock, and each thread has one to read. `folder` is this
    machine's own: for views that are made of the ledger, and how far those have come.
    """

    shared = True

    def __init__(self, address: str, folder: Path, *, lease_seconds: float = LEASE_SECONDS) -> None:
        """Make what is not there; raises LedgerError, or SessionLost."""
        super().__init__(Server(address))
        self.folder = folder
        self.mark = _mark_in(folder)
        self.as_others = 0
        self._lanes = LaneSession(self._server, lease_seconds)
        self._woken = threading.Condition()
        self._wakes = self._own = 0
        self._passing = {""}
        try:
            self._lanes.asked(make_log)
        except BaseException:
            self._lanes.lose()
            self.mark.close()
            raise

    def create(self, script: str, *, remembered: bool = True) -> bool:
        """Run a wing's `CREATE … IF NOT EXISTS` script; twice is harmless.

        Unless they are `remembered`, nobody has to know that another process wrote to its tables.
        """
        if not remembered:
            self._passing.update(TABLE.findall(script))
        with self._lanes.lock:
            self._lanes.asked(lambda session: make_tables(session, script))
        return True

    def append(self, what: Append) -> int:
        """Write all of it, on disk when this returns; return the position of its last event.

        Raises IntegrityError when somebody else was quicker, LeaseLost when they have the lease,
        and nothing is kept; Unknown when nobody can tell.
        """
        with self._lanes.lock:
            found = self._kept(what, size_of(what))
        self._notify(what.waking)
        return self.end() if found is None else found

    def _kept(self, what: Append, places: int) -> int | None:
        """Write until it is kept or refused: a value means the same when it is tried again."""
        copied = len(what.rows) + len(what.once) > FEW
        for _ in range(TRIES):
            session, lane = self._lanes.ready()
            closing = self._closing(what, lane, places)
            try:
                return self._written(session, closing, partial(write, what=what, copied=copied))
            except RunAgain:
                continue
            except IntegrityError:
                if not (copied and what.once):
                    raise
                copied = False  # one of `once` is taken, and COPY cannot pass over it
        raise PersistenceError(f"PostgreSQL: expected to commit, did not in {TRIES} tries")

    def _closing(self, what: Append, lane: Lane, places: int) -> ClosingPacket:
        statements = (*what.tables, *what.in_turn)
        return ClosingPacket(
            lane=lane,
            seconds=self._lanes.seconds,
            places=places,
            events=len(what.rows),
            tables=self._told({table_of(sql) for sql, rows in statements if rows}),
        )

    def _told(self, tables: set[str]) -> int:
        """Count a commit for others who remember what was in these tables."""
        return int(not tables <= self._passing)

    @contextmanager
    def transaction(self, *, waking: bool = True) -> Iterator[TableWriter]:
        """Begin a transaction of tables: all of it is on disk when the block ends, or none of it.

        Nobody else commits until then, so what is read inside stays so.
        """
        with self._lanes.lock:
            session, lane = self._lanes.begun()
            writing = Writing(session)
            try:
                yield writing
            except BaseException:
                self._lanes.roll_back()
                raise
            told = self._told(writing.tables)
            closing = ClosingPacket(lane, self._lanes.seconds, tables=told)
            self._written(session, closing, partial(close, what=Append(waking=waking)))
        self._notify(waking)

    def _written(
        self, session: Session, closing: ClosingPacket, writing: Callable[..., int | None]
    ) -> int | None:
        """Write and commit, or know why not; what was not answered is looked up.

        Raises RunAgain when nothing is kept and it may be tried at once.
        """
        self._lanes.cancelled, lane = False, closing.lane
        try:
            with told():
                found = writing(session, closing=closing)
            self._lanes.moved(closing.places)
        except SessionLost:
            found = self._looked_up(closing)
        except NotClosed as error:
            self._refuse(lane, error)
        except PersistenceError:
            self._lanes.roll_back()
            raise
        except BaseException:  # nobody knows how far it came
            self._lanes.lose()
            raise
        self._own += closing.tables
        if self._lanes.cancelled:
            self._lanes.lose()
            raise Unknown(NOT_ON_STANDBY)
        return found

    def _refuse(self, lane: Lane, error: NotClosed) -> NoReturn:
        """Say why a closing packet was refused: the lane is another's, or something has moved."""
        self._lanes.roll_back()
        if self._lanes.is_lost(lane):
            raise RunAgain("PostgreSQL: another process had taken the lane") from error
        raise IntegrityError(MOVED) from error

    def _looked_up(self, closing: ClosingPacket) -> int | None:
        """Find out whether a commit that was not answered is kept.

        The lane is taken once more first. So what is still on its way cannot be committed after
        that look, and the look is a commit itself, which waits for the standby as the other did.
        Raises RunAgain when it is not kept, Unknown when that cannot be known.
        """
        lane = closing.lane
        again, found = self._lanes.taken_again(lane)
        if found is not None or (again and (again.head - lane.head) % PLACES):
            return found
        if again is None and not closing.events:  # it would have left no trace but in the lane
            raise Unknown(NOBODY_KNOWS)
        raise RunAgain("PostgreSQL: the connection was lost before COMMIT, and nothing is kept")

    def revision(self) -> int:
        """Give what grows as another process writes to tables that are remembered."""
        with self._lanes.lock:  # between a commit and its count the own one would be another's
            found: int = self._rows(TABLES)[0][0]
            return found - self._own + self.as_others

    def wait(self, seen: int, seconds: float) -> int:
        """Wait until something was committed since `seen`, at most so long; return the next `seen`.

        It looks, again and again and ever more seldom: nothing that wakes can be lost.
        """
        until, pause = time.monotonic() + seconds, LOOKS[0]
        while True:
            with suppress(PersistenceError):  # away, it has committed nothing
                now: int = self._rows(SEEN)[0][0] + self._wakes
                if now != seen:
                    return now
            left = until - time.monotonic()
            if left <= 0:
                return seen
            with self._woken:
                self._woken.wait(min(pause, left))
            pause = min(2 * pause, LOOKS[1])

    def give_room(self) -> None:
        """Do nothing: how much it holds at once is a setting of the server."""

    def checkpoint(self) -> None:
        """Do nothing: the server does it."""

    def wake(self) -> None:
        """Tell all who wait for a commit to look again."""
        self._wakes += 1
        self._notify(True)

    def _notify(self, waking: bool) -> None:
        if waking:
            with self._woken:
                self._woken.notify_all()

    def acquire(self) -> bool:
        """Take the lease of the one shard; false while another process has it.

        From then on this process writes in its lane, and nothing any more once it was taken over.
        """
        return self._lanes.acquire()

    def renew(self) -> None:
        """Hold on to the lease also while nothing is written, or a long transaction is.

        Raises LeaseLost when another process has it, in this thread and in whoever writes next.
        """
        self._lanes.renew()

    def release(self) -> None:
        """Leave the lease to whoever wants it."""
        self._lanes.release()

    def close(self) -> None:
        """Close every session, and leave the lane to whoever wants it. Twice is harmless."""
        super().close()
        self._lanes.close()
        self.mark.close()


def _mark_in(folder: Path) -> HighWaterMark:
    """Open the mark of a folder, which is made if there is none; raises LedgerError."""
    try:
        private_data_folder(folder)
        mark = HighWaterMark(folder / "ledger.db")
        mark.open()
    except OSError as error:
        raise LedgerError(
            f"{folder}: expected a data folder that can be written, got {error.strerror}; "
            "set COURSEBELL_DATA to another folder"
        ) from error
    return mark
