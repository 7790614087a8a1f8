"""Write one transaction: rows first, and everything that others wait for in one closing packet.

Rows stand in a lane whose numbers only its owner gives, so nobody waits while they are written. The
closing packet then holds the fence of the lane, the number of the commit, what it rests on, and
COMMIT: a client that freezes anywhere else holds no row that others need. What must hold and does
not is a division by zero, which nothing outlives.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from eventsourcing.persistence import PersistenceError
from psycopg import Cursor, errors

from service.ledger.postgresql.connections import Session
from service.ledger.postgresql.portable_sql import as_here, run_each
from service.ledger.postgresql.tables import PLACES, SCHEMA
from service.ledger.sql import Statement
from service.ledger.store import Append, Row

FEW = 500
"""So many rows go with their COMMIT in one packet; more are copied ahead of it (measured)."""

BEGINNING = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END_OF_ROWS = b"\xff\xff"
TO_STREAM = struct.Struct("!hiiiqi")
TO_TOPIC = struct.Struct("!iii")
SIZE = struct.Struct("!i")

COPY = """COPY events (lane, seq, originator_id, originator_version, topic, state)
FROM STDIN (FORMAT BINARY)"""
INSERT = """
INSERT INTO events (lane, seq, originator_id, originator_version, topic, state)
SELECT %s, %s + place, stream, version, topic, state
FROM unnest(%b::text[], %b::int[], %b::text[], %b::bytea[])
  WITH ORDINALITY AS rows (stream, version, topic, state, place)
"""
ONCE = INSERT + "ON CONFLICT (originator_id, originator_version) DO NOTHING"
ERASABLE = """
INSERT INTO erasable (stream, field, value)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING
"""
CLOSE = f"""
WITH written AS (
  SELECT max(seq) AS last FROM events WHERE lane = %(lane)s AND seq > %(head)s
), fence AS (
  UPDATE shards SET head = head + CASE WHEN shard = %(lane)s THEN %(places)s ELSE 0 END,
    upto = greatest(upto, %(upto)s), again = greatest(again, %(again)s),
    until = clock_timestamp() + %(seconds)s * interval '1 second'
  FROM unnest(%(fenced)s::int[], %(epochs)s::bigint[]) AS mine (fenced, of)
  WHERE shard = fenced AND epoch = of RETURNING 1
), turn AS (
  UPDATE head SET n = n + 1, wakes = wakes + %(waking)s, tables = tables + %(tables)s
  WHERE one = 1 AND schema = {SCHEMA}
    AND (SELECT count(*) FROM fence) = cardinality(%(fenced)s::int[])
  RETURNING n
), numbered AS (
  INSERT INTO commits (n, lane, epoch, first, last)
  SELECT n, %(lane)s, %(epoch)s, %(head)s + 1, last FROM turn, written WHERE last IS NOT NULL
)
SELECT 1 / count(*), max(n), max(last) FROM turn, written
"""
STILL = """
SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END)
FROM unnest(%(streams)s::text[], %(versions)s::bigint[]) AS wanted (stream, version)
WHERE version <> coalesce((
  SELECT max(originator_version) FROM events
  WHERE originator_id = stream AND NOT (lane = %(lane)s AND seq > %(head)s)
), 0)
"""
"""Is a statement of its own, behind the one that waits for the head: only then does it see what
whoever had the head before has written. So are those which a write wants `in_turn`."""

BEGIN_ALONE = """
BEGIN; SET LOCAL idle_in_transaction_session_timeout = 3000; SELECT FROM head FOR UPDATE
"""
"""Lets nobody else commit until this has, so that what it reads stays so. Who freezes inside is
ended before those who wait give up."""

PATIENCE = "SET LOCAL lock_timeout = 500"
"""Who has written to tables waits no longer, in milliseconds, for whoever is alone: that one may
need the same rows. It tries again, as it is a value, and PostgreSQL finds no deadlock, which takes
it a second, and which it could end on either side."""


ANSWER = "UPDATE shards SET answer = ({}) WHERE shard = %s RETURNING answer"
"""What was asked stands in the lane as well: a lost answer is looked up there."""


class Lane(NamedTuple):
    """Hold the lane that a process writes in, its epoch, its last number, and its last answer."""

    shard: int
    epoch: int
    head: int
    answer: int = 0


class NotClosed(Exception):
    """Say that the lane is another's, or that what it rests on has moved: nothing is kept."""


class ClosingPacket(NamedTuple):
    """Say how a transaction is to be closed."""

    lane: Lane
    seconds: float
    places: int = 1
    events: int = 0
    tables: int = 0
    asks: bool = False
    epochs: Mapping[int, int] = {}
    """Of the shards that are decided for."""


def size_of(what: Append) -> int:
    """Count the places that a write takes; raises PersistenceError for more than there are."""
    rows = len(what.rows) + len(what.once)
    if rows >= PLACES:
        raise PersistenceError(
            f"a commit: expected less than {PLACES} events, got {rows}; write them in parts"
        )
    return max(rows, 1)


def write(session: Session, what: Append, closing: ClosingPacket, *, copied: bool) -> int | None:
    """Write all of it; return the position of its last event, or the answer; None for neither.

    Raises NotClosed or psycopg's own; the transaction is then to be rolled back.
    """
    if copied:
        session.execute("BEGIN", prepare=False)
        _copy(session, closing.lane, [*what.rows, *what.once])
    return close(session, what, closing, begun=copied)


def close(
    session: Session, what: Append, closing: ClosingPacket, *, begun: bool = True
) -> int | None:
    """Send what is left of a write with its fence, its number and COMMIT in one packet."""
    lane = closing.lane
    values = {
        **closing._asdict(),
        "lane": lane.shard,
        "epoch": lane.epoch,
        "fenced": [lane.shard, *closing.epochs],
        "epochs": [lane.epoch, *closing.epochs.values()],
        **what.passed._asdict(),
        "head": lane.head,
        "waking": int(what.waking),
        "streams": list(what.rests_on),
        "versions": list(what.rests_on.values()),
    }
    try:
        with session.pipeline():
            if not begun:
                session.execute("BEGIN", prepare=False)
                _insert(session, INSERT, lane, rows=what.rows)
                behind = lane._replace(head=lane.head + len(what.rows))
                _insert(session, ONCE, behind, rows=what.once)
            if what.tables:
                session.execute(PATIENCE, prepare=False)
            _write_beside(session, what)
            turn = session.execute(CLOSE, values, prepare=True)
            if what.rests_on:
                session.execute(STILL, values, prepare=True)
            _run(session, what.in_turn)
            if what.asked:
                answer = session.execute(
                    ANSWER.format(as_here(what.asked)), [lane.shard], prepare=True
                )
            session.execute("COMMIT", prepare=False)
        if what.asked:
            return _one(answer)
        _, n, last = turn.fetchone() or (0, 0, None)
    except errors.DivisionByZero as error:
        raise NotClosed from error
    return None if last is None else position(n, last - lane.head - 1)


def _one(found: Cursor[Any]) -> int:
    ((number,),) = found.fetchall()
    return int(number)


def _write_beside(session: Session, what: Append) -> None:
    if what.erasable:
        session.execute(ERASABLE, [list(each) for each in zip(*what.erasable, strict=True)])
    _run(session, what.tables)


def _run(session: Session, statements: Iterable[Statement]) -> None:
    for sql, rows in statements:
        if rows:
            run_each(session, sql, rows)


def _insert(session: Session, sql: str, lane: Lane, rows: Sequence[Row]) -> None:
    """Insert rows into a lane, from behind its last number."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        session.execute(sql, (lane.shard, lane.head, *columns), prepare=True)


def _copy(session: Session, lane: Lane, rows: Sequence[Row]) -> None:
    """Copy rows into a lane, from behind its last number."""
    data = packed(lane, rows)  # whole before the server waits for it
    with session.cursor() as cursor, cursor.copy(COPY) as copying:
        copying.write(data)


def packed(lane: Lane, rows: Sequence[Row]) -> bytes:
    """Pack rows as COPY's binary format has them.

    https://www.postgresql.org/docs/current/sql-copy.html: a 16-bit number of fields, and each
    field behind its 32-bit length.
    """
    pieces = [BEGINNING]
    add = pieces.append
    for at, (stream, version, topic, state) in enumerate(rows, start=lane.head + 1):
        id, name = stream.encode(), topic.encode()
        add(TO_STREAM.pack(6, 4, lane.shard, 8, at, len(id)))
        add(id)
        add(TO_TOPIC.pack(4, version, len(name)))
        add(name)
        add(SIZE.pack(len(state)))
        add(state)
    add(END_OF_ROWS)
    return b"".join(pieces)


def position(n: int, place: int) -> int:
    """Give the position of an event: one number, in the order of commits and then of places."""
    return n * PLACES + place
