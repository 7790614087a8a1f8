"""Hold a lane of the log: only its holder writes in it, and whoever lost it cannot commit.

Some are handed out to those who work and decide, others to whoever writes by hand, and again when
nobody holds them. Times are the database's clock, and make it quick only: what keeps an
old holder out is the epoch, which every taking raises and every closing packet insists on.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from psycopg import errors

from service.ledger.postgresql.connections import Session, told
from service.ledger.postgresql.tables import PLACES
from service.ledger.postgresql.transactions import Lane, position

BY_HAND = (-(2**31), -10)
"""Lanes from -1 to -9 are for what else may be a lane one day, as an older log that was moved."""
WORKING = (2**16, 2**31 - 1)
"""Numbers in between are shards, in which nothing is written (`shares.py`)."""

TIMELINE = "%(timeline)s * 4294967296::bigint"

TAKE = f"""
WITH free AS (
  SELECT shard, pid, born FROM shards AS each
  WHERE shard BETWEEN %(low)s AND %(high)s AND (
    owner = %(owner)s OR (%(expired)s AND until < clock_timestamp())
    OR (%(gone)s AND NOT EXISTS (
      SELECT FROM pg_stat_activity WHERE pid = each.pid AND backend_start = each.born)))
  ORDER BY shard DESC LIMIT 1 FOR UPDATE
)
UPDATE shards SET owner = %(owner)s, pid = pg_backend_pid(),
  born = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
  epoch = greatest(shards.epoch, {TIMELINE}) + 1, head = head + %(places)s,
  until = clock_timestamp() + %(seconds)s * interval '1 second'
FROM free WHERE shards.shard = free.shard
RETURNING shards.shard, shards.epoch, shards.head, free.pid, free.born
"""
"""Takes over with numbers that whoever had the lane cannot have used, not even for rows that stand
there uncommitted; and with an epoch above all those of a primary of the past."""

TAKE_ANY = TAKE.replace("FOR UPDATE", "FOR UPDATE SKIP LOCKED")
NEW = """
INSERT INTO shards (shard, owner, epoch, until, head)
SELECT coalesce(min(shard), %(high)s::bigint + 1) - 1, '', 0, '-infinity', 0
FROM shards WHERE shard BETWEEN %(low)s AND %(high)s
"""
HOLDER = """
SELECT pid, born FROM shards WHERE shard = %(low)s AND owner = %(owner)s
"""
END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = %s AND backend_start = %s AND pid <> pg_backend_pid()
"""
"""Ends the session of whoever had a lane: one that froze keeps locked what it has written, and a
closing packet that came in half keeps the lane and the head."""

LET_GO = """
UPDATE shards SET owner = '', pid = NULL, born = NULL, until = '-infinity'
WHERE shard = %s AND epoch = %s
"""
HOLD_ON = """
UPDATE shards SET until = clock_timestamp() + %s * interval '1 second'
WHERE shard = %s AND epoch = %s RETURNING 1
"""
EPOCH = "SELECT epoch FROM shards WHERE shard = %s"
COMMITTED = "SELECT n, last FROM commits WHERE lane = %s AND epoch = %s AND first = %s"


class Holder:
    """Take lanes in one name."""

    def __init__(self, owner: str, seconds: float) -> None:
        """Keep the name, which no other process has, and how long a lane is held for."""
        self.owner = owner
        self.seconds = seconds

    def take_again(self, session: Session, timeline: int, lane: Lane) -> Lane | None:
        """Take a lane that was ours, from another session; None when somebody else took it."""
        values = self._values(timeline, lane.shard, lane.shard)
        with told():
            for holder in session.execute(HOLDER, values).fetchall():
                end_session(session, holder)
        return _taken(session, TAKE, values)

    def take_to_work(self, session: Session, timeline: int) -> Lane:
        """Take a lane for one who decides; whose time is not up gets theirs back."""
        return self._take_any(session, self._values(timeline, *WORKING, expired=True))

    def take_by_hand(self, session: Session, timeline: int) -> Lane:
        """Take a lane to write by hand in, that nobody is connected for."""
        return self._take_any(session, self._values(timeline, *BY_HAND, gone=True))

    def _take_any(self, session: Session, values: dict[str, Any]) -> Lane:
        while (lane := _taken(session, TAKE_ANY, values)) is None:
            with told(), suppress(errors.UniqueViolation):  # somebody else has made the same one
                session.execute(NEW, values)
        return lane

    def _values(
        self, timeline: int, low: int, high: int, *, expired: bool = False, gone: bool = False
    ) -> dict[str, Any]:
        mine = {"owner": self.owner, "seconds": self.seconds, "timeline": timeline}
        among = {"low": low, "high": high, "expired": expired, "gone": gone}
        return {**mine, **among, "places": PLACES}


def _taken(session: Session, sql: str, values: dict[str, Any]) -> Lane | None:
    with told():
        row = session.execute(sql, values).fetchone()
        if row is None:
            return None
        end_session(session, row[3:])
    return Lane(*row[:3])


def end_session(session: Session, holder: Sequence[Any]) -> None:
    """End the session of whoever had it: its process id, and when it began."""
    with suppress(errors.InsufficientPrivilege):  # another role's: it cannot commit anyway
        session.execute(END, holder)


def let_go(session: Session, lane: Lane) -> None:
    """Leave a lane to whoever wants it."""
    with told():
        session.execute(LET_GO, (lane.shard, lane.epoch))


def hold_on(session: Session, lane: Lane, seconds: float) -> bool:
    """Hold a lane on for so long; false when somebody else has taken it."""
    with told():
        found = session.execute(HOLD_ON, (seconds, lane.shard, lane.epoch)).fetchone()
    return found is not None


def is_held(session: Session, lane: Lane) -> bool:
    """Tell whether nobody else has taken a lane."""
    with told():
        row = session.execute(EPOCH, (lane.shard,)).fetchone()
    return row is not None and row[0] == lane.epoch


def committed_in(session: Session, lane: Lane) -> int | None:
    """Look for the commit whose rows begin behind a lane's last number; give its last position."""
    with told():
        row = session.execute(COMMITTED, (lane.shard, lane.epoch, lane.head + 1)).fetchone()
    return None if row is None else position(row[0], row[1] - lane.head - 1)
