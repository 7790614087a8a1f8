"""Read the log in PostgreSQL: in the order of its commits, by stream, or by how an id begins."""

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakSet

from service.ledger.postgresql.connections import Server
from service.ledger.postgresql.portable_sql import ReadingSession
from service.ledger.postgresql.shares import BOUNDS
from service.ledger.postgresql.tables import PLACES
from service.ledger.sql import TableReader, Values
from service.ledger.store import END, LogRow, Row

IDS_PER_QUERY = 5_000

COLUMNS = "originator_id, originator_version, topic, state"
LOG = f"""
SELECT n * {PLACES} + seq - first, {COLUMNS}
FROM (SELECT * FROM commits WHERE n BETWEEN %(n)s AND %(last)s ORDER BY n) AS each
CROSS JOIN LATERAL (
  SELECT * FROM events WHERE lane = each.lane
    AND seq BETWEEN greatest(each.first, each.first + %(after)s + 1 - each.n * {PLACES})
      AND least(each.last, each.first + %(until)s - each.n * {PLACES})
    AND (%(every)s OR topic = ANY(%(topics)s::text[]))
  ORDER BY seq LIMIT %(limit)s
) AS found
ORDER BY n, seq LIMIT %(limit)s
"""
"""A page costs what is in it, also in the middle of a million places: those of a log that was
moved here are all taken."""

STREAM = f"""
SELECT n * {PLACES} + seq - first, {COLUMNS}
FROM events AS found CROSS JOIN LATERAL (
  SELECT n, first FROM commits WHERE lane = found.lane AND first <= found.seq
  ORDER BY first DESC LIMIT 1
) AS numbered
WHERE originator_id = %s AND originator_version > %s::bigint AND originator_version <= %s::bigint
ORDER BY originator_version {{order}} LIMIT %s
"""
FORWARD, BACKWARD = (STREAM.format(order=order) for order in ("ASC", "DESC"))
STREAMS = f"""
SELECT {COLUMNS} FROM events WHERE originator_id = ANY(%s::text[])
ORDER BY originator_id, originator_version
"""
NEWEST = """
SELECT stream, (SELECT max(originator_version) FROM events WHERE originator_id = stream)
FROM unnest(%s::text[]) AS wanted (stream)
"""
IDS = """
SELECT DISTINCT originator_id FROM events WHERE originator_id >= %s AND originator_id < %s
ORDER BY originator_id LIMIT %s
"""
FIRSTS = f"""
SELECT {COLUMNS} FROM events WHERE originator_id >= %s AND originator_id < %s
  AND originator_version = 1 AND position(%s::bytea IN state) > 0
"""
LAST = f"SELECT n * {PLACES} + last - first FROM commits ORDER BY n DESC LIMIT 1"
NAMES = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = current_schema AND table_name = ?
"""
WRONG = {
    "commits beyond the head": "SELECT count(*) FROM commits, head WHERE commits.n > head.n",
    "commits without their last event": """
SELECT count(*) FROM commits AS each
WHERE NOT EXISTS (SELECT FROM events WHERE lane = each.lane AND seq = each.last)""",
    "events in no commit": """
SELECT count(*) FROM events AS found WHERE seq > coalesce((
  SELECT last FROM commits WHERE lane = found.lane AND first <= found.seq
  ORDER BY first DESC LIMIT 1), -1)""",
    "commits of a lane over each other": """
SELECT count(*) FROM (
  SELECT first <= lag(last) OVER own OR n <= lag(n) OVER own OR last < first AS over
  FROM commits WINDOW own AS (PARTITION BY lane ORDER BY first)) AS each WHERE over""",
    "lanes that would give a number again": """
SELECT count(*) FROM shards WHERE head < (SELECT max(seq) FROM events WHERE lane = shard)""",
    "shards missing; stop all who work, and go back to the newest backup": f"""
SELECT coalesce(max(shard), 0) + 1 - count(*) FROM shards
WHERE shard BETWEEN {BOUNDS[0]} AND {BOUNDS[1]}""",
}
"""What must not be: of each it reads how many there are."""

TABLES = "SELECT tables FROM head"
TEXTS = "SELECT field, value FROM erasable WHERE stream = %s"


class LogReader:
    """Read the log, in a session of each thread, which ends with it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._readers = threading.local()
        self._opened: WeakSet[ReadingSession] = WeakSet()

    def _reading(self) -> ReadingSession:
        reading: ReadingSession | None = getattr(self._readers, "reading", None)
        if reading is None:
            reading = ReadingSession(lambda: self._server.connect(reading=True))
            self._readers.reading = reading
            self._opened.add(reading)
        return reading

    def _rows(self, sql: str, values: Values = ()) -> list[Any]:
        return self._reading().rows(sql, values)

    def reader(self) -> TableReader:
        """Give this thread its own connection for reading tables."""
        return self._reading()

    def columns(self, table: str) -> frozenset[str]:
        """Name the columns of a table; none where there is no such table."""
        return frozenset(name for (name,) in self.reader().execute(NAMES, (table,)))

    def remember_end(self, table: str, column: str) -> None:
        """Remember nothing: whether a server lost commits only its standby can say."""

    def damage(self) -> list[str]:
        """List what is wrong with the order of the log; of its pages only the server knows."""
        found = {what: self._rows(sql)[0][0] for what, sql in WRONG.items()}
        return [f"PostgreSQL: {count} {what}" for what, count in found.items() if count]

    def one_moment(self) -> AbstractContextManager[None]:
        """Let this thread read as of one commit."""
        return self._reading().one_moment()

    def end(self) -> int:
        """Read the position of the newest event; 0 for an empty log."""
        rows = self._rows(LAST)
        return rows[0][0] if rows else 0

    def told_of_tables(self) -> int:
        """Read how often somebody has written to tables that others remember."""
        found: int = self._rows(TABLES)[0][0]
        return found

    def log(
        self, after: int, limit: int, topics: Collection[str] = (), until: int = END
    ) -> list[LogRow]:
        """Read a page of the log behind a position, or only what has these topics."""
        values = {
            "n": after // PLACES,
            "last": until // PLACES,
            "after": after,
            "until": until,
            "every": not topics,
            "topics": list(topics),
            "limit": limit,
        }
        return self._rows(LOG, values)

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
        return self._rows(BACKWARD if newest_first else FORWARD, (id, after, until, limit))

    def streams(self, ids: Sequence[str]) -> Iterator[Row]:
        """Read many streams at once, each in order of version."""
        for some in _parts(ids):
            yield from self._rows(STREAMS, (some,))

    def newest(self, ids: Sequence[str]) -> dict[str, int]:
        """Read the newest version of many streams, 0 for one that is not there."""
        found = dict(row for some in _parts(ids) for row in self._rows(NEWEST, (some,)))
        return {id: found.get(id) or 0 for id in ids}

    def ids(self, beginning: str, limit: int) -> list[str]:
        """Find the streams whose id begins so, at most so many."""
        return [id for (id,) in self._rows(IDS, (beginning, beginning + "~", limit))]

    def firsts(self, beginning: str, containing: bytes) -> Iterable[Row]:
        """Read the first events of streams whose id begins so, of those with these bytes."""
        return self._rows(FIRSTS, (beginning, beginning + "~", containing))

    def erasable(self, stream: str) -> dict[str, str]:
        """Read what is kept beside one stream and not erased yet."""
        return dict(self._rows(TEXTS, (stream,)))

    def close(self) -> None:
        """Close what reads."""
        for reading in [*self._opened]:
            reading.close()


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    """Part ids by what one query asks for."""
    for start in range(0, len(ids), IDS_PER_QUERY):
        yield list(ids[start : start + IDS_PER_QUERY])
