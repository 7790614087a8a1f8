"""Keep what became of parts of letters until all shards have passed them: then they are taken."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from typing import NamedTuple

import msgspec

from service.incoming.letter import EventOutcome, encode
from service.ledger.sql import Connection, Statement, upsert
from service.ledger.store import Reached, Store

PARTS = """
CREATE TABLE IF NOT EXISTS parts (
    n INTEGER, shard INTEGER, events TEXT NOT NULL, again_at INTEGER, PRIMARY KEY (n, shard)
) WITHOUT ROWID;
"""
KEPT = upsert("parts", ("n", "shard"), ("events", "again_at"))
"""A ledger that was moved has parts of letters that each of its shards is yet to pass."""

FORGOTTEN = "DELETE FROM parts WHERE n BETWEEN ? AND ?"
PASSED = """
SELECT w.n, p.events, p.again_at FROM (
    SELECT n FROM waiting WHERE (turn IS NULL AND n <= ?) OR turn <= ? ORDER BY n LIMIT ?
) AS w LEFT JOIN parts p ON p.n = w.n ORDER BY w.n, p.shard
"""
ARE_THERE = "SELECT 1 FROM parts LIMIT 1"
LEFT_OVER = """
DELETE FROM parts
WHERE ? = 1 OR NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.n = parts.n)
"""
BEYOND = "SELECT COUNT(*) FROM waiting WHERE (turn IS NULL AND n > ?) OR turn > ?"
UNTAKEN = EventOutcome("set_aside", "", "the programs at work read it differently; try it again")

Outcomes = Sequence[EventOutcome | None]
"""What became of each event; None for what another process takes."""

_decode = msgspec.json.Decoder(list[EventOutcome | None]).decode


class LetterPart(NamedTuple):
    """Hold what became of part of a letter, and when an event of it is no more from the future.

    `shard` is the first of those that passed it together.
    """

    n: int
    shard: int
    outcomes: Outcomes
    again_at: int | None = None


class WholeLetter(NamedTuple):
    """Hold what became of a letter that all shards have passed."""

    n: int
    outcomes: list[EventOutcome]
    again_at: int | None


class Parts:
    """Keep the parts of one ledger; there are none where one process takes whole letters."""

    def __init__(self, ledger: Store) -> None:
        """Make the table if it is missing."""
        self._ledger = ledger
        ledger.create(PARTS, remembered=False)

    def kept(self, parts: Iterable[LetterPart]) -> Statement:
        """Give what keeps parts; those of which nothing was this process's need no row."""
        return KEPT, [
            (part.n, part.shard, encode(part.outcomes).decode(), part.again_at)
            for part in parts
            if any(part.outcomes)
        ]

    def passed(self, marks: Reached, limit: int) -> Iterator[WholeLetter]:
        """Put together the letters up to these marks."""
        rows = self._ledger.reader().execute(PASSED, (*marks, limit)).fetchall()
        for n, of_one in groupby(rows, key=lambda row: row[0]):
            found = [(_decode(events), at) for _, events, at in of_one if events is not None]
            moments = [at for _, at in found if at is not None]
            outcomes = put_together([part for part, _ in found])
            yield WholeLetter(n, outcomes, min(moments, default=None))

    def left_over(self, shards: int) -> list[Statement]:
        """Give what forgets parts that nobody puts together; of one shard alone that is all."""
        found = self._ledger.reader().execute("SELECT EXISTS (SELECT 1 FROM parts)").fetchone()
        return [(LEFT_OVER, [(shards,)])] if found[0] else []

    def beyond(self, marks: Reached) -> int:
        """Count the letters that wait beyond these marks."""
        return int(self._ledger.reader().execute(BEYOND, marks).fetchone()[0])

    def forgotten(self, runs: Sequence[tuple[int, int]]) -> Statement:
        """Give what forgets the parts of letters, by unbroken runs of their numbers."""
        return FORGOTTEN, runs


def are_in(reader: Connection) -> bool:
    """Tell whether a letter was taken in part by some, and waits for the others."""
    return reader.execute(ARE_THERE).fetchone() is not None


def put_together(parts: Sequence[Outcomes]) -> list[EventOutcome]:
    """Put together what became of each event of a letter: set aside by one is set aside."""
    return [_of_one([each for each in said if each]) for said in zip_longest(*parts)]


def _of_one(said: Sequence[EventOutcome]) -> EventOutcome:
    aside = [each for each in said if each.state == "set_aside"]
    return next(iter([*aside, *said]), UNTAKEN)
