"""Read which letters were set aside, and say of each what rules may ask."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from service.learners.feed_subjects import LetterSetAside
from service.ledger.store import END, Store

NAME = re.compile(r"[A-Za-z][\w.:-]*")
"""What an event may be called. A sender can write anything there, and rules record it for good."""
FOUND = (
    "SELECT l.n, l.source, l.received_at, i.n IS NOT NULL, coalesce(t.state, '') = 'taken', "
    "s.name, s.reason FROM letters l LEFT JOIN imported i ON i.n = l.n "
    "LEFT JOIN taken t ON t.n = l.n LEFT JOIN set_aside s ON s.n = l.n "
    "AND s.item = (SELECT MIN(item) FROM set_aside WHERE n = l.n)"
)
AFTER = (
    f"{FOUND} WHERE l.n IN (SELECT DISTINCT n FROM set_aside WHERE n > :after AND n < "
    f"coalesce((SELECT MIN(n) FROM waiting WHERE n > :after), {END}) ORDER BY n LIMIT :limit) "
    "ORDER BY l.n"
)


class SetAsideQuery:
    """Read which letters were set aside; change nothing."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger

    def newest(self) -> int:
        """Read the number of the newest letter, whatever became of it; 0 before the first."""
        found = self._ledger.reader().execute("SELECT MAX(n) FROM letters").fetchone()
        return found[0] or 0

    def after(self, letter: int, limit: int) -> list[LetterSetAside]:
        """Read letters set aside beyond this number, in order, up to the first that waits.

        So none is passed over which is tried again just now, or not taken yet.
        """
        found = self._ledger.reader().execute(AFTER, {"after": letter, "limit": limit})
        return [_aside(row) for row in found]

    def reasons(self, limit: int) -> list[dict[str, Any]]:
        """Count why events are set aside now, by name and reason, the most frequent first."""
        rows = self._ledger.reader().execute(
            "SELECT name, reason, COUNT(*), MIN(n), MAX(n) FROM set_aside "
            "GROUP BY name, reason ORDER BY 3 DESC, 5 DESC LIMIT ?",
            (limit,),
        )
        keys = ("name", "reason", "events", "first", "last")
        return [dict(zip(keys, row, strict=True)) for row in rows]

    def of(self, letters: Sequence[int]) -> Iterable[LetterSetAside]:
        """Read these letters as they stand now, set aside or not."""
        reader = self._ledger.reader()
        query = f"{FOUND} WHERE {reader.dialect.any_of('l.n')}"
        return map(_aside, reader.execute(query, (list(letters),)))


def _aside(row: tuple[Any, ...]) -> LetterSetAside:
    letter, source, at, imported, used, name, reason = row
    fit = name if name and NAME.fullmatch(name) else None
    return LetterSetAside(letter, source, at, bool(imported), bool(used), fit, reason)
