"""Keep the session that writes, with the lane it writes in: opened again, and taken again."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import psycopg
from eventsourcing.persistence import PersistenceError

from service.ledger.postgresql import lanes
from service.ledger.postgresql.connections import Server, Session, SessionLost, told
from service.ledger.postgresql.portable_sql import Asking
from service.ledger.postgresql.shares import Shares, is_first_held
from service.ledger.postgresql.transactions import BEGIN_ALONE, Lane
from service.ledger.store import LeaseLost, Unknown

T = TypeVar("T")

PATIENCE_SECONDS = 10.0
"""So long a server may be away until whoever was at a COMMIT is told that nobody knows."""

PAUSES = (0.05, 1.0)
"""The shortest pause and the longest, of who waits for the server."""

WARNING = "01000"
NO_SUCH_SESSION = "pg_signal_backend"
"""What warns so, too: a session that was to be ended has ended by itself meanwhile."""

TAKEN_OVER = "another process has taken over the lease of the ledger; take it again to go on"
NOBODY_KNOWS = "PostgreSQL: expected an answer to COMMIT, got none; it may be kept or not"


class LaneSession:
    """Write in one lane, by one session; `lock` is for whoever uses either.

    Where there are `shares`, nothing is written unless all that are held still are.
    """

    def __init__(self, server: Server, lease_seconds: float, *, decides: bool = False) -> None:
        """Open nothing yet; who `decides` has a share of the shards, or writes nothing."""
        self.lock = threading.Lock()
        self.cancelled = False
        self.seconds = lease_seconds
        owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._holder = lanes.Holder(owner, lease_seconds)
        self._server = server
        self._session: Session | None = None
        self._lane: Lane | None = None
        self._taken_in: Session | None = None
        self.shares = Shares(self._holder) if decides else None
        self._keeping = threading.Lock()
        self._keeper: Session | None = None

    def ready(self) -> tuple[Session, Lane]:
        """Give the session with its lane; raises LeaseLost when a shard was taken, or none held."""
        session, timeline = self._connected(), self._server.timeline
        if self.shares and not self.shares.hold_on(session, timeline):
            raise LeaseLost(TAKEN_OVER)
        return session, self._lane_in(session, timeline)

    def _lane_in(self, session: Session, timeline: int) -> Lane:
        if self._lane and session is not self._taken_in:
            self._hold(session, self._holder.take_again(session, timeline, self._lane))
        if self._lane is None:
            take = self._holder.take_to_work if self.shares else self._holder.take_by_hand
            self._hold(session, take(session, timeline))
        assert self._lane
        return self._lane

    def begun(self) -> tuple[Session, Lane]:
        """Begin a transaction during which nobody else commits.

        Once more in a new session, if this one was lost since.
        """
        try:
            return self._begin()
        except SessionLost:
            self.lose()
        return self._begin()

    def _begin(self) -> tuple[Session, Lane]:
        session, lane = self.ready()
        try:
            with told():
                session.execute(BEGIN_ALONE, prepare=False)
        except BaseException:
            self.roll_back()
            raise
        return session, lane

    def asked(self, ask: Callable[[Session], T]) -> T:
        """Ask what may be asked twice; once more in a new session, if this one was lost since."""
        try:
            return ask(self._connected())
        except SessionLost:
            self.lose()
        return ask(self._connected())

    def moved(self, places: int) -> None:
        """Note that numbers of the lane are used up."""
        assert self._lane
        self._lane = self._lane._replace(head=self._lane.head + places)

    def taken_again(self, lane: Lane) -> tuple[Lane | None, int | None]:
        """Take a lane once more in a new session; find there the position it was written to.

        It waits for a server that is away; raises Unknown when that takes too long.
        """
        until, pause = time.monotonic() + PATIENCE_SECONDS, PAUSES[0]
        while True:
            self.lose()
            try:
                session = self._connected()
                self._hold(session, self._holder.take_again(session, self._server.timeline, lane))
                return self._lane, lanes.committed_in(session, lane)
            except PersistenceError as error:
                if time.monotonic() > until:
                    raise Unknown(NOBODY_KNOWS) from error
            time.sleep(pause)
            pause = min(2 * pause, PAUSES[1])

    def is_lost(self, lane: Lane) -> bool:
        """Tell whether the lane is not what it was; raises LeaseLost if a shard is another's."""
        if self.shares:
            self.asked(self._insist)
        session, again = self.ready()
        if again.epoch == lane.epoch:
            if lanes.is_held(session, lane):
                return False
            self._lane = None
            self.ready()
        return True

    def roll_back(self) -> None:
        """End what was begun; a session in which that fails is given up."""
        try:
            with told():
                if self._session:
                    self._session.execute("ROLLBACK", prepare=False)
        except PersistenceError:
            self.lose()

    def lose(self) -> None:
        """Give up the session: another one is opened when it is needed."""
        session, self._session = self._session, None
        if session:
            with suppress(psycopg.Error):
                session.close()

    def acquire(self, *, first: bool = False) -> bool:
        """Take the shards of one who works, or give back what is more; false for none at all."""
        assert self.shares
        with self.lock:
            self.asked(partial(self._balance, first))
            return bool(self.shares.held)

    def _balance(self, first: bool, session: Session) -> None:
        assert self.shares
        if first and is_first_held(Asking(session), but=self._holder.owner):
            return
        timeline = self._server.timeline
        if not lanes.hold_on(session, self._lane_in(session, timeline), self.seconds):
            self._lane = None
            self._lane_in(session, timeline)
        self.shares.balance(session, timeline)

    def renew(self) -> None:
        """Hold on to the shards also while nothing is written, or a long transaction is."""
        assert self.shares
        with self._keeping:
            if self.shares.held and self._renewed(self.shares):
                return
        with self.lock:
            self.asked(self._insist)

    def _insist(self, session: Session) -> None:
        """Look whether all shards are held as before; raises LeaseLost."""
        assert self.shares
        self.shares.look_again()
        if not self.shares.hold_on(session, self._server.timeline):
            raise LeaseLost(TAKEN_OVER)
        self._lane_in(session, self._server.timeline)

    def _renewed(self, shares: Shares) -> bool:
        """Renew in a session of its own: the one that writes may be busy."""
        if self._keeper is None or self._keeper.closed:
            self._keeper = self._server.connect()
        try:
            return shares.renew(self._keeper)
        except SessionLost:
            self._keeper.close()
            return False

    def release(self) -> None:
        """Leave the lane and the shards to whoever wants them."""
        with self.lock:
            self._let_go()

    def close(self) -> None:
        """Leave the lane and close every session. Twice is harmless."""
        with suppress(PersistenceError):
            self.release()
        self.lose()
        if self._keeper:
            self._keeper.close()

    def _let_go(self) -> None:
        lane, self._lane = self._lane, None
        if self.shares and self.shares.held:
            self.shares.give_back(self._connected(), [*self.shares.held])
        if lane:
            lanes.let_go(self._connected(), lane)

    def _connected(self) -> Session:
        if self._session is None or self._session.closed:
            self._session = self._server.connect()
            self._session.add_notice_handler(self._hear)
        return self._session

    def _hold(self, session: Session, lane: Lane | None) -> None:
        self._lane, self._taken_in = lane, session

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        """Note a wait for a standby that was cancelled, which otherwise looks like success."""
        if notice.source_function != NO_SUCH_SESSION:
            self.cancelled = self.cancelled or notice.sqlstate == WARNING
