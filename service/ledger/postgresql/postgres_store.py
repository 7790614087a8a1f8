"""Keep the ledger in PostgreSQL, a `Store`: written in a lane, in one order, and never twice.

What was sent and not answered is looked up before anything else is written; what cannot be known
is told as `Unknown`.
"""

import re
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, suppress
from functools import cached_property
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from service.ledger.postgresql.connections import ASKED, Server, durability
from service.ledger.postgresql.lane_session import LaneSession
from service.ledger.postgresql.lane_writer import LaneWriter
from service.ledger.postgresql.log_reader import LogReader
from service.ledger.postgresql.shares import HOW_MANY, LOWEST, is_first_held, sharing
from service.ledger.postgresql.tables import (
    SHARDS,
    has_log,
    make_log,
    make_tables,
    refuse_newer_schema,
    schema_of,
)
from service.ledger.private_files import private_data_folder
from service.ledger.sql import TableWriter
from service.ledger.sqlite.sqlite_store import HighWaterMark
from service.ledger.store import Append, Durability, LedgerError, Reached, Sharing

LEASE_SECONDS = 5.0
LOOKS = (0.005, 0.25)
"""The shortest pause and the longest, of who waits for a commit of others."""

SEEN = "SELECT wakes FROM head"
TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")


class ShardLease:
    """Decide for some shards: nobody else can commit with them."""

    def __init__(self, writer: LaneWriter, store: "PostgresStore") -> None:
        self._writer = writer
        self._store = store
        self.renew_every: float | None = writer.lanes.seconds / 3

    @cached_property
    def shards(self) -> int:
        """Count the shards that the ledger was made with."""
        return self._store.shards()

    @property
    def held(self) -> Mapping[int, Reached]:
        """Give the shards that this process has, and how far each has come."""
        shares = self._writer.lanes.shares
        return {shard: share.marks for shard, share in shares.held.items()} if shares else {}

    @property
    def changes(self) -> int:
        """Count how often `acquire` left other shards held than before."""
        shares = self._writer.lanes.shares
        return shares.changes if shares else 0

    def lowest(self) -> Reached:
        """Read how far all shards have come."""
        return self._store.lowest()

    def acquire(self, *, first: bool = False) -> bool:
        """Take the share of one who works, or give back what is more; false for none at all.

        With them this process writes from then on, and nothing any more once one was taken over.
        It takes none while another has the `first`, if that is wanted.
        """
        return self._writer.lanes.acquire(first=first)

    def is_held(self) -> bool:
        """Tell whether some process has the first shard, this one or another."""
        return is_first_held(self._store.reader())

    def renew(self) -> None:
        """Hold on to the shards also while nothing is written, or a long transaction is.

        Raises LeaseLost when another has one, in this thread and in whoever writes next.
        """
        self._writer.lanes.renew()

    def append(self, what: Append) -> int:
        """Write as `PostgresStore.append`; raises LeaseLost when another process has a shard."""
        found = self._writer.append(what)
        return self._store.end() if found is None else found

    def revision(self) -> int:
        """Give what grows as others write to tables that are remembered."""
        with self._writer.lanes.lock:  # between a commit and its count it would be another's
            return self._store.told_of_tables() - self._writer.own

    def release(self) -> None:
        """Leave the shards to whoever wants them."""
        self._writer.lanes.release()

    def close(self) -> None:
        """Leave it, and close its session. Twice is harmless."""
        self._writer.lanes.close()


class PostgresStore(LogReader):
    """Keep the log and the tables in a database that other processes write to as well.

    A session writes by hand, shared under a lock, another one with the lease, and each thread has
    one to read. `folder` is this machine's own: for views that are made of the ledger, and how far
    those have come.
    """

    shared = True

    def __init__(
        self,
        address: str,
        folder: Path,
        *,
        lease_seconds: float = LEASE_SECONDS,
        shards: int = SHARDS,
    ) -> None:
        """Make what is not there, in so many shards; raises LedgerError, or SessionLost."""
        self._seen = _mark_in(folder, "server")
        super().__init__(Server(address, self._seen))
        self.folder = folder
        self.mark = _mark_in(folder, "ledger")
        self.as_others = 0
        self._woken = threading.Condition()
        self._wakes = 0
        self._passing = {""}
        lanes = LaneSession(self._server, lease_seconds)
        self._by_hand = LaneWriter(lanes, self._notify, self._passing)
        leased = LaneSession(self._server, lease_seconds, decides=True)
        self.lease = ShardLease(LaneWriter(leased, self._notify, self._passing), self)
        try:
            lanes.asked(lambda session: make_log(session, shards))
        except BaseException:
            lanes.lose()
            self._close_marks()
            raise

    def create(self, script: str, *, remembered: bool = True) -> bool:
        """Run a wing's `CREATE … IF NOT EXISTS` script; twice is harmless.

        Unless they are `remembered`, nobody has to know that another process wrote to its tables.
        """
        if not remembered:
            self._passing.update(TABLE.findall(script))
        lanes = self._by_hand.lanes
        with lanes.lock:
            lanes.asked(lambda session: make_tables(session, script))
        return True

    def append(self, what: Append) -> int:
        """Write all of it, on disk when this returns; return the position of its last event.

        Raises IntegrityError when somebody else was quicker, and nothing is kept; Unknown when
        nobody can tell.
        """
        found = self._by_hand.append(what)
        return self.end() if found is None else found

    def transaction(self, *, waking: bool = True) -> AbstractContextManager[TableWriter]:
        """Begin a transaction of tables: all of it is on disk when the block ends, or none of it.

        Nobody else commits until then, so what is read inside stays so.
        """
        return self._by_hand.transaction(waking=waking)

    def revision(self) -> int:
        """Give what grows as others than the holder of this lease write to tables remembered."""
        return self.lease.revision() + self.as_others

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

    def shards(self) -> int:
        """Count the shards that the ledger was made with."""
        return int(self._rows(HOW_MANY)[0][0])

    def lowest(self) -> Reached:
        """Read how far all shards have come."""
        return Reached(*self._rows(LOWEST)[0])

    def sharing(self) -> Sharing:
        """Say who has which shards, as of one moment."""
        with self.one_moment():
            return sharing(self.reader())

    def durability(self) -> Durability:
        """Ask the server what is promised of a letter that was answered 202."""
        return durability(*self._rows(ASKED)[0])

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

    def close(self) -> None:
        """Close every session, and leave the lane to whoever wants it. Twice is harmless."""
        super().close()
        self.lease.close()
        self._by_hand.lanes.close()
        self._close_marks()

    def _close_marks(self) -> None:
        self.mark.close()
        self._seen.close()


class ReadOnlyPostgresStore(PostgresStore):
    """Open a ledger only to be read; what would write has no session to do it in."""

    def __init__(self, address: str, folder: Path) -> None:
        """Raise LedgerError when a newer program made it, PersistenceError when it is away."""
        LogReader.__init__(self, Server(address))
        self.folder = folder
        refuse_newer_schema(schema_of(self.reader()), reading=True)

    def create(self, script: str, *, remembered: bool = True) -> bool:
        """Make nothing: the tables are there, or this is no ledger."""
        return False

    def is_out_of_date(self) -> bool:
        """Tell that what was read is as it was: each query reads the server."""
        return False

    def close(self) -> None:
        """Close every session. Twice is harmless."""
        LogReader.close(self)


def has_ledger(address: str) -> bool:
    """Tell whether a ledger is there; raises LedgerError or PersistenceError."""
    with closing(LogReader(Server(address))) as found:
        return has_log(found.reader())


def _mark_in(folder: Path, of: str) -> HighWaterMark:
    """Open a mark in a folder, which is made if there is none; raises LedgerError."""
    try:
        private_data_folder(folder)
        mark = HighWaterMark(folder / of)
        mark.open()
    except OSError as error:
        raise LedgerError(
            f"{folder}: expected a data folder that can be written, got {error.strerror}; "
            "set COURSEBELL_DATA to another folder"
        ) from error
    return mark
