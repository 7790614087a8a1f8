"""Share out the shards among those who work: each holds its part by the epoch of each row.

Who works has a lane of its own, which says that it lives; a shard's row says who decides for it,
and how far that has come. Whoever holds too many gives some back, between two writes.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from service.ledger.postgresql.connections import Session, told
from service.ledger.postgresql.lanes import TIMELINE, WORKING, Holder, end_session
from service.ledger.sql import Connection
from service.ledger.store import AtWork, Reached, Sharing

BOUNDS = (0, WORKING[0] - 1)
LIVES = """until > clock_timestamp() AND EXISTS (
  SELECT FROM pg_stat_activity WHERE pid = each.pid AND backend_start = each.born)"""
COUNTED = f"""
SELECT count(*) FILTER (WHERE shard BETWEEN %s AND %s),
  count(*) FILTER (WHERE shard BETWEEN %s AND %s AND {LIVES}),
  count(*) FILTER (WHERE shard > %s AND {LIVES}) FROM shards AS each
"""
"""How many shards there are, who live, and who of them came first: their lanes are above ours."""

HOLD_ON = f"""
UPDATE shards SET pid = pg_backend_pid(),
  born = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
  epoch = greatest(epoch, {TIMELINE}), until = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE shard BETWEEN %(low)s AND %(high)s AND owner = %(owner)s
RETURNING shard, epoch, upto, again
"""
FIRST_HELD = f"""
SELECT EXISTS (SELECT FROM shards AS each WHERE shard = 0 AND owner NOT IN ('', ?) AND {LIVES})
"""
GONE = f"""
SELECT pid, born FROM shards AS each
WHERE shard BETWEEN %(low)s AND %(high)s AND owner NOT IN ('', %(owner)s) AND NOT ({LIVES})
"""
TAKE = f"""
WITH free AS (
  SELECT shard, pid, born FROM shards AS each
  WHERE shard BETWEEN %(low)s AND %(high)s AND owner <> %(owner)s AND NOT ({LIVES})
  ORDER BY shard LIMIT %(wanted)s FOR UPDATE
)
UPDATE shards SET owner = %(owner)s, pid = pg_backend_pid(),
  born = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
  epoch = greatest(epoch, {TIMELINE}) + 1,
  until = clock_timestamp() + %(seconds)s * interval '1 second'
FROM free WHERE shards.shard = free.shard
RETURNING shards.shard, epoch, upto, again, free.pid, free.born
"""
GIVE_BACK = """
UPDATE shards SET owner = '', pid = NULL, born = NULL, until = '-infinity'
WHERE shard = ANY(%s) AND owner = %s
"""
RENEW = """
WITH mine AS (SELECT shard FROM shards WHERE owner = %(owner)s FOR UPDATE SKIP LOCKED)
UPDATE shards SET until = clock_timestamp() + %(seconds)s * interval '1 second'
FROM mine WHERE shards.shard = mine.shard
"""
"""A row that is locked is being renewed by a commit; to wait for it could be to wait for ever."""

STILL_HELD = "SELECT count(*) FROM shards WHERE owner = %s AND shard BETWEEN %s AND %s"
LOWEST = f"SELECT min(upto), min(again) FROM shards WHERE shard BETWEEN {BOUNDS[0]} AND {BOUNDS[1]}"
HOW_MANY = f"SELECT count(*) FROM shards WHERE shard BETWEEN {BOUNDS[0]} AND {BOUNDS[1]}"


MARKS = f"""
SELECT shard, upto, again FROM shards WHERE shard BETWEEN {BOUNDS[0]} AND {BOUNDS[1]} ORDER BY shard
"""
AT_WORK = f"""
SELECT owner, count(*) FILTER (WHERE shard BETWEEN {BOUNDS[0]} AND {BOUNDS[1]}), bool_or(shard = 0)
FROM shards AS each WHERE shard >= 0 AND owner <> '' AND {LIVES} GROUP BY owner ORDER BY owner
"""
"""Who works has a lane of its own, also while others have all the shards."""


class HeldShard(NamedTuple):
    """Hold one shard: its epoch, and how far it has come."""

    epoch: int
    marks: Reached


class Shares:
    """Hold the shards for which this process decides."""

    def __init__(self, holder: Holder) -> None:
        """Hold none yet; `changes` counts how often others were held than before."""
        self.held: dict[int, HeldShard] = {}
        self.changes = 0
        self._terms: list[tuple[int, int]] = []
        self._holder = holder
        self._in: Session | None = None

    def balance(self, session: Session, timeline: int, lane: int) -> None:
        """Take what one of so many who work is to have, or give back what is more.

        Who has none yet lives as well, by their lane: others give back what it is to have, and
        never the last one.
        """
        with told():
            values = self._values(timeline)
            self._hold(session, session.execute(HOLD_ON, values).fetchall())
            ((shards, live, before),) = session.execute(
                COUNTED, (*BOUNDS, *WORKING, lane)
            ).fetchall()
            each, over = divmod(shards, max(live, 1))
            wanted = each + (before < over)
            if len(self.held) < wanted:
                self._take(session, {**values, "wanted": wanted - len(self.held)})
            elif len(self.held) > wanted:
                self.give_back(session, [*sorted(self.held)][max(wanted, 1) :])
        terms = [(shard, share.epoch) for shard, share in self.held.items()]
        self.changes += terms != self._terms
        self._terms = terms

    def _take(self, session: Session, values: dict[str, Any]) -> None:
        for gone in session.execute(GONE, values).fetchall():
            end_session(session, gone)
        taken = session.execute(TAKE, values).fetchall()
        for gone in {row[4:] for row in taken}:  # whose time was up only since
            end_session(session, gone)
        self.held |= _shares(row[:4] for row in taken)

    def give_back(self, session: Session, shards: list[int]) -> None:
        """Leave shards to whoever wants them."""
        with told():
            session.execute(GIVE_BACK, (shards, self._holder.owner))
        for shard in shards:
            self.held.pop(shard, None)

    def hold_on(self, session: Session, timeline: int) -> bool:
        """Hold on to them in this session; false when another has taken any: then none is held."""
        if session is not self._in:
            with told():
                before, rows = self.held, session.execute(HOLD_ON, self._values(timeline))
            self._hold(session, rows.fetchall())
            if before.keys() != self.held.keys():
                self.held = {}
        return bool(self.held)

    def look_again(self) -> None:
        """Let `hold_on` ask once more."""
        self._in = None

    def passed(self, marks: Reached) -> None:
        """Note how far those held have come, now that it is on disk."""
        self.held = {
            shard: HeldShard(share.epoch, share.marks.beyond(marks))
            for shard, share in self.held.items()
        }

    def renew(self, session: Session) -> bool:
        """Hold on to them also while nothing is written; false when another has taken any."""
        owner = self._holder.owner
        with told():
            session.execute(RENEW, {"owner": owner, "seconds": self._holder.seconds})
            found = session.execute(STILL_HELD, (owner, *BOUNDS)).fetchone()
        return found is not None and found[0] == len(self.held)

    def _hold(self, session: Session, rows: list[Any]) -> None:
        self.held, self._in = _shares(rows), session

    def _values(self, timeline: int) -> dict[str, Any]:
        holder, (low, high) = self._holder, BOUNDS
        named = {"owner": holder.owner, "seconds": holder.seconds, "low": low, "high": high}
        return {**named, "timeline": timeline}


def _shares(rows: Iterable[Any]) -> dict[int, HeldShard]:
    return {shard: HeldShard(epoch, Reached(*marks)) for shard, epoch, *marks in sorted(rows)}


def sharing(reader: Connection) -> Sharing:
    """Read who has which shards, and how far each has come."""
    marks = {shard: Reached(*came) for shard, *came in reader.execute(MARKS).fetchall()}
    return Sharing(marks, [_at_work(*row) for row in reader.execute(AT_WORK).fetchall()])


def _at_work(owner: str, shards: int, first: bool) -> AtWork:
    host, pid, _ = owner.rsplit("/", 2)
    return AtWork(host, int(pid), shards, first=first)


def is_first_held(reader: Connection, but: str = "") -> bool:
    """Tell whether somebody has the first shard, `but` for one owner."""
    found = reader.execute(FIRST_HELD, (but,)).fetchone()
    return found is not None and bool(found[0])
