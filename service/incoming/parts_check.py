"""Check that parts of letters are put together, and that no shard passes over letters to come."""

from collections.abc import Iterator
from time import monotonic, sleep

from service.ledger.store import Reached, Sharing, Store

PUT_TOGETHER_SECONDS = 10.0
"""So long may whoever has the office be at other things."""
LOOK_AGAIN_SECONDS = 0.25
AT_A_TIME = 1_000

OF_NO_LETTER = """
SELECT COUNT(DISTINCT n) FROM parts
WHERE NOT EXISTS (SELECT 1 FROM letters WHERE letters.n = parts.n)
"""
OF_NONE_WAITING = """
SELECT COUNT(DISTINCT n) FROM parts
WHERE EXISTS (SELECT 1 FROM letters WHERE letters.n = parts.n)
    AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.n = parts.n)
"""
PASSED = """
SELECT n FROM waiting WHERE (turn IS NULL AND n <= ?) OR turn <= ? ORDER BY n LIMIT ?
"""
ENDS = """
SELECT coalesce((SELECT MAX(n) FROM letters), 0), coalesce((SELECT MAX(last) FROM turns), 0)
"""


def wrong_parts(ledger: Store) -> Iterator[str]:
    """Say what is wrong with parts of letters and with the marks of shards, and what to do."""
    if not ledger.columns("parts"):
        return
    if lost := _count(ledger, OF_NO_LETTER):
        yield (
            f"parts of {lost:,} letters, and no such letter: letters were lost; "
            "go back to the newest backup"
        )
    if left := _count(ledger, OF_NONE_WAITING):
        yield (
            f"parts of {left:,} letters that should wait and do not: they are of no use, "
            "and go when `coursebell work` is started again"
        )
    if sharing := ledger.sharing():
        yield from _wrong_marks(ledger, sharing)


def _wrong_marks(ledger: Store, sharing: Sharing) -> Iterator[str]:
    ends = Reached(*ledger.reader().execute(ENDS).fetchone())
    if ahead := sum(marks.beyond(ends) != ends for marks in sharing.shards.values()):
        yield (
            f"{ahead:,} shards beyond the last letter: letters to come would be passed "
            "over; stop all who work, and go back to the newest backup"
        )
    if stuck := _stuck(ledger, sharing):
        yield (
            f"{len(stuck):,} letters not put together though all shards have passed them; "
            "look at the log of who has the office (`coursebell status`), and start it again"
        )


def _stuck(ledger: Store, sharing: Sharing) -> set[int]:
    """Find letters that all shards have passed and that stay so while somebody has the office."""
    deadline = monotonic() + PUT_TOGETHER_SECONDS
    stuck = _passed(ledger, sharing)
    while stuck and any(each.first for each in sharing.at_work) and monotonic() < deadline:
        sleep(LOOK_AGAIN_SECONDS)
        sharing = ledger.sharing() or sharing
        stuck &= _passed(ledger, sharing)
    return stuck if any(each.first for each in sharing.at_work) else set()


def _passed(ledger: Store, sharing: Sharing) -> set[int]:
    values = (*sharing.lowest, AT_A_TIME)
    return {n for (n,) in ledger.reader().execute(PASSED, values)}


def _count(ledger: Store, query: str) -> int:
    return int(ledger.reader().execute(query).fetchone()[0])
