"""Write in one lane until it is kept or refused; what was not answered is looked up."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

from eventsourcing.persistence import IntegrityError, PersistenceError

from service.ledger.postgresql.connections import Session, SessionLost, told
from service.ledger.postgresql.lane_session import NOBODY_KNOWS, LaneSession
from service.ledger.postgresql.portable_sql import Writing, table_of
from service.ledger.postgresql.tables import PLACES
from service.ledger.postgresql.transactions import (
    FEW,
    ClosingPacket,
    Lane,
    NotClosed,
    close,
    size_of,
    write,
)
from service.ledger.sql import RunAgain, TableWriter
from service.ledger.store import Append, Unknown

TRIES = 8
MOVED = "a stream that this rests on has moved, or another process has written meanwhile"
NOT_ON_STANDBY = (
    "PostgreSQL: expected the standby to have the commit, but the wait was cancelled; "
    "it is kept here, and lost if this server is lost now"
)


class LaneWriter:
    """Write in one lane, a thread at a time; `own` counts what others are told of its tables.

    Of `passing` tables nobody has to know that they were written to.
    """

    def __init__(
        self, lanes: LaneSession, notify: Callable[[bool], None], passing: set[str]
    ) -> None:
        """Take the session, and what tells the threads of this process of a commit."""
        self.lanes = lanes
        self.own = 0
        self._notify = notify
        self._passing = passing

    def append(self, what: Append) -> int | None:
        """Write all of it, on disk when this returns; return the position of its last event.

        Or what was asked; None for no events, or for some that were there.

        Raises IntegrityError when somebody else was quicker, LeaseLost when they have the lease,
        and nothing is kept; Unknown when nobody can tell.
        """
        with self.lanes.lock:
            found = self._kept(what, size_of(what))
            if self.lanes.shares:
                self.lanes.shares.passed(what.passed)
        self._notify(what.waking)
        return found

    def _kept(self, what: Append, places: int) -> int | None:
        """Write until it is kept or refused: a value means the same when it is tried again."""
        copied = len(what.rows) + len(what.once) > FEW
        for _ in range(TRIES):
            session, lane = self.lanes.ready()
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
        statements, shares = (*what.tables, *what.in_turn), self.lanes.shares
        return ClosingPacket(
            lane=lane,
            seconds=self.lanes.seconds,
            places=places,
            events=len(what.rows),
            asks=bool(what.asked),
            tables=self._told({table_of(sql) for sql, rows in statements if rows}),
            epochs={shard: share.epoch for shard, share in shares.held.items()} if shares else {},
        )

    def _told(self, tables: set[str]) -> int:
        """Count a commit for others who remember what was in these tables."""
        return int(not tables <= self._passing)

    @contextmanager
    def transaction(self, *, waking: bool = True) -> Iterator[TableWriter]:
        """Begin a transaction of tables: all of it is on disk when the block ends, or none of it.

        Nobody else commits until then, so what is read inside stays so.
        """
        with self.lanes.lock:
            session, lane = self.lanes.begun()
            writing = Writing(session)
            try:
                yield writing
            except BaseException:
                self.lanes.roll_back()
                raise
            told = self._told(writing.tables)
            closing = ClosingPacket(lane, self.lanes.seconds, tables=told)
            self._written(session, closing, partial(close, what=Append(waking=waking)))
        self._notify(waking)

    def _written(
        self, session: Session, closing: ClosingPacket, writing: Callable[..., int | None]
    ) -> int | None:
        """Write and commit, or know why not; what was not answered is looked up.

        Raises RunAgain when nothing is kept and it may be tried at once.
        """
        self.lanes.cancelled, lane = False, closing.lane
        try:
            with told():
                found = writing(session, closing=closing)
            self.lanes.moved(closing.places)
        except SessionLost:
            found = self._looked_up(closing)
        except NotClosed as error:
            self._refuse(lane, error)
        except PersistenceError:
            self.lanes.roll_back()
            raise
        except BaseException:  # nobody knows how far it came
            self.lanes.lose()
            raise
        self.own += closing.tables
        if self.lanes.cancelled:
            self.lanes.lose()
            raise Unknown(NOT_ON_STANDBY)
        return found

    def _refuse(self, lane: Lane, error: NotClosed) -> NoReturn:
        """Say why a closing packet was refused: the lane is another's, or something has moved."""
        self.lanes.roll_back()
        if self.lanes.is_lost(lane):
            raise RunAgain("PostgreSQL: another process had taken the lane") from error
        raise IntegrityError(MOVED) from error

    def _looked_up(self, closing: ClosingPacket) -> int | None:
        """Find out whether a commit that was not answered is kept.

        The lane is taken once more first. So what is still on its way cannot be committed after
        that look, and the look is a commit itself, which waits for the standby as the other did.
        Raises RunAgain when it is not kept, Unknown when that cannot be known.
        """
        lane = closing.lane
        again, found = self.lanes.taken_again(lane)
        if again is None and (closing.asks or not closing.events):
            raise Unknown(NOBODY_KNOWS)  # all that tells of it was in the lane
        if again and (again.head - lane.head) % PLACES:
            return again.answer if closing.asks else found
        if found is not None:
            return found
        raise RunAgain("PostgreSQL: the connection was lost before COMMIT, and nothing is kept")
