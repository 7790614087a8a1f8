"""Keep the ledger in PostgreSQL, a `Store`: written in a lane, in one order, and never twice.

What was sent and not answered is looked up before anything else is written; what cannot be known
is told as `Unknown`.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import NoReturn, TypeVar

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError

from service.ledger.postgresql import lanes
from service.ledger.postgresql.connections import RunAgain, Server, Session, SessionLost, told
from service.ledger.postgresql.log_reader import LogReader
from service.ledger.postgresql.portable_sql import Asking
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
from service.ledger.sql import TableWriter
from service.ledger.store import Append, LeaseLost, Unknown

T = TypeVar("T")

LEASE_SECONDS = 5.0
PATIENCE_SECONDS = 10.0
"""So long a server may be away until whoever was at a COMMIT is told that nobody knows."""

PAUSES = (0.05, 1.0)
LOOKS = (0.005, 0.25)
"""The shortest pause and the longest, of who waits for the server and for a commit of others."""

TRIES = 8
WARNING = "01000"
SEEN = "SELECT wakes FROM head"
TABLES = "SELECT tables FROM head"
MOVED = "a stream that this rests on has moved, or another process has written meanwhile"
TAKEN_OVER = "another process has taken over the lease of the ledger; take it again to go on"
NOBODY_KNOWS = "PostgreSQL: expected an answer to COMMIT, got none; it may be kept or not"
NOT_ON_STANDBY = (
    "PostgreSQL: expected the standby to have the commit, but the wait was cancelled; "
    "it is kept here, and lost if this server is lost now"
)


class PostgresStore(LogReader):
    """Keep the log and the tables in a database that other processes write to as well.

    One session writes, shared under a lock, and each thread has one to read.
    """

    def __init__(self, address: str, *, lease_seconds: float = LEASE_SECONDS) -> None:
        """Make what is not there; raises LedgerError, or SessionLost."""
        super().__init__(Server(address))
        self.as_others = 0
        owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._holder = lanes.Holder(owner, lease_seconds)
        self._writing, self._keeping = threading.Lock(), threading.Lock()
        self._woken = threading.Condition()
        self._wakes = self._own = 0
        self._session: Session | None = None
        self._lane: Lane | None = None
        self._taken_in: Session | None = None
        self._keeper: Session | None = None
        self._leased = self._cancelled = False
        try:
            make_log(self._connected())
        except BaseException:
            self._lose()
            raise

    def create(self, script: str) -> bool:
        """Run a wing's `CREATE … IF NOT EXISTS` script; twice is harmless."""
        with self._writing:
            self._asked(lambda session: make_tables(session, script))
        return True

    def append(self, what: Append) -> int:
        """Write all of it, on disk when this returns; return the position of its last event.

        Raises IntegrityError when somebody else was quicker, LeaseLost when they have the lease,
        and nothing is kept; Unknown when nobody can tell.
        """
        with self._writing:
            found = self._kept(what, size_of(what))
        self._notify(what.waking)
        return self.end() if found is None else found

    def _kept(self, what: Append, places: int) -> int | None:
        """Write until it is kept or refused: a value means the same when it is tried again."""
        copied = len(what.rows) + len(what.once) > FEW
        for _ in range(TRIES):
            session, lane = self._ready()
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
        revision = None if what.revision is None else what.revision + self._own - self.as_others
        return ClosingPacket(
            lane=lane,
            seconds=self._holder.seconds,
            places=places,
            events=len(what.rows),
            tables=int(bool(what.tables)),
            revision=revision,
        )

    @contextmanager
    def transaction(self, *, waking: bool = True) -> Iterator[TableWriter]:
        """Begin a transaction of tables: all of it is on disk when the block ends, or none of it.

        What is read inside others may change until it ends.
        """
        with self._writing:
            session, lane = self._begun()
            try:
                yield Asking(session)
            except BaseException:
                self._roll_back()
                raise
            closing = ClosingPacket(lane, self._holder.seconds, tables=1)
            self._written(session, closing, partial(close, what=Append(waking=waking)))
        self._notify(waking)

    def _written(
        self, session: Session, closing: ClosingPacket, writing: Callable[..., int | None]
    ) -> int | None:
        """Write and commit, or know why not; what was not answered is looked up.

        Raises RunAgain when nothing is kept and it may be tried at once.
        """
        self._cancelled, lane = False, closing.lane
        try:
            with told():
                found = writing(session, closing=closing)
            self._lane = lane._replace(head=lane.head + closing.places)
        except SessionLost:
            found = self._looked_up(closing)
        except NotClosed as error:
            self._refuse(lane, error)
        except PersistenceError:
            self._roll_back()
            raise
        except BaseException:  # nobody knows how far it came
            self._lose()
            raise
        self._own += closing.tables
        if self._cancelled:
            self._lose()
            raise Unknown(NOT_ON_STANDBY)
        return found

    def _refuse(self, lane: Lane, error: NotClosed) -> NoReturn:
        """Say why a closing packet was refused: the lane is another's, or something has moved."""
        self._roll_back()
        session, again = self._ready()
        if again.epoch == lane.epoch and lanes.is_held(session, lane):
            raise IntegrityError(MOVED) from error
        self._lane = None
        self._ready()
        raise RunAgain("PostgreSQL: another process had taken the lane") from error

    def _looked_up(self, closing: ClosingPacket) -> int | None:
        """Find out whether a commit that was not answered is kept.

        The lane is taken once more first. So what is still on its way cannot be committed after
        that look, and the look is a commit itself, which waits for the standby as the other did.
        Raises RunAgain when it is not kept, Unknown when that cannot be known.
        """
        lane = closing.lane
        again, found = self._taken_again(lane)
        if found is not None or (again and (again.head - lane.head) % PLACES):
            return found
        if again is None and not closing.events:  # it would have left no trace but in the lane
            raise Unknown(NOBODY_KNOWS)
        raise RunAgain("PostgreSQL: the connection was lost before COMMIT, and nothing is kept")

    def _taken_again(self, lane: Lane) -> tuple[Lane | None, int | None]:
        """Take a lane once more in a new session; find there the position it was written to.

        It waits for a server that is away.
        """
        until, pause = time.monotonic() + PATIENCE_SECONDS, PAUSES[0]
        while True:
            self._lose()
            try:
                session = self._connected()
                self._hold(session, self._holder.take_again(session, self._server.timeline, lane))
                return self._lane, lanes.committed_in(session, lane)
            except PersistenceError as error:
                if time.monotonic() > until:
                    raise Unknown(NOBODY_KNOWS) from error
            time.sleep(pause)
            pause = min(2 * pause, PAUSES[1])

    def _begun(self) -> tuple[Session, Lane]:
        """Begin a transaction; once more in a new session, if this one was lost since."""
        self._ready()
        self._asked(lambda session: Asking(session).execute("BEGIN"))
        return self._ready()

    def _ready(self) -> tuple[Session, Lane]:
        """Give the session that writes, with its lane; raises LeaseLost for one that was taken."""
        session, timeline = self._connected(), self._server.timeline
        if self._lane and session is not self._taken_in:
            self._hold(session, self._holder.take_again(session, timeline, self._lane))
        if self._lane is None and self._leased:
            raise LeaseLost(TAKEN_OVER)
        if self._lane is None:
            self._hold(session, self._holder.take_any(session, timeline))
        assert self._lane
        return session, self._lane

    def _asked(self, ask: Callable[[Session], T]) -> T:
        """Ask what may be asked twice; once more in a new session, if this one was lost since."""
        try:
            return ask(self._connected())
        except SessionLost:
            self._lose()
        return ask(self._connected())

    def _hold(self, session: Session, lane: Lane | None) -> None:
        self._lane, self._taken_in = lane, session

    def _connected(self) -> Session:
        if self._session is None or self._session.closed:
            self._session = self._server.connect()
            self._session.add_notice_handler(self._hear)
        return self._session

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        """Note a wait for a standby that was cancelled, which otherwise looks like success."""
        self._cancelled = self._cancelled or notice.sqlstate == WARNING

    def _roll_back(self) -> None:
        """End what was begun; a session in which that fails is given up."""
        try:
            with told():
                if self._session:
                    self._session.execute("ROLLBACK", prepare=False)
        except PersistenceError:
            self._lose()

    def _lose(self) -> None:
        """Give up the session: another one is opened when it is needed."""
        session, self._session = self._session, None
        if session:
            with suppress(psycopg.Error):
                session.close()

    def acquire(self) -> bool:
        """Take the lease of the one shard; false while another process has it.

        From then on this process writes in its lane, and nothing any more once it was taken over.
        """
        with self._writing:
            taken = self._asked(
                lambda session: self._holder.take_shard(session, self._server.timeline)
            )
            if taken:
                if self._lane and self._lane.shard != taken.shard:
                    self._let_go()
                self._hold(self._connected(), taken)
                self._leased = True
        return taken is not None

    def renew(self) -> None:
        """Hold on to the lease also while nothing is written, or a long transaction is.

        Raises LeaseLost when another process has it, in this thread and in whoever writes next.
        """
        with self._keeping:
            lane = self._lane
            if lane and self._renewed(lane):
                return
        with self._writing:
            _, lane = self._ready()
            if not self._asked(lambda session: lanes.is_held(session, lane)):
                self._lane = None
            self._ready()

    def _renewed(self, lane: Lane) -> bool:
        """Renew in a session of its own: the one that writes may be busy."""
        if self._keeper is None or self._keeper.closed:
            self._keeper = self._server.connect()
        try:
            return lanes.renew(self._keeper, lane, self._holder.seconds)
        except SessionLost:
            return False

    def release(self) -> None:
        """Leave the lane to whoever wants it."""
        with self._writing:
            self._let_go()
            self._leased = False

    def _let_go(self) -> None:
        lane, self._lane = self._lane, None
        if lane:
            lanes.let_go(self._connected(), lane)

    def revision(self) -> int:
        """Give what grows as another process writes to tables."""
        with self._writing:  # between a commit and its count the own one would be another's
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
        with suppress(PersistenceError):
            self.release()
        self._lose()
        if self._keeper:
            self._keeper.close()
