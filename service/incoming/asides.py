"""Asides: the letters of which something could not be used, for the rules that tell of them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from service.learners.aside import Aside
from service.learners.ledger import Ledger

NAME = re.compile(r"[A-Za-z][\w.:-]*")
"""What an event may be called. A sender can write anything there, and rules record it for good."""
FOUND = (
    "SELECT l.n, l.source, l.received_at, i.n IS NOT NULL, COALESCE(t.state = 'taken', 0), "
    "s.name, s.reason FROM letters l LEFT JOIN imported i ON i.n = l.n "
    "LEFT JOIN taken t ON t.n = l.n LEFT JOIN set_aside s ON s.n = l.n "
    "AND s.item = (SELECT MIN(item) FROM set_aside WHERE n = l.n)"
)
AFTER = (
    f"{FOUND} WHERE l.n IN (SELECT DISTINCT n FROM set_aside WHERE n > :after AND n < "
    "COALESCE((SELECT MIN(n) FROM waiting WHERE n > :after), 1 << 62) ORDER BY n LIMIT :limit) "
    "ORDER BY l.n"
)
NUMBERS_PER_QUERY = 5_000


class Asides:
    """What the tables of the letters say of those that were set aside; changes nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def newest(self) -> int:
        """The number of the newest letter, whatever became of it; 0 before the first."""
        found = self._ledger.reader().execute("SELECT MAX(n) FROM letters").fetchone()
        return found[0] or 0

    def after(self, letter: int, limit: int) -> list[Aside]:
        """Letters set aside beyond this number, in order, up to the first that waits.

        So none is passed over which is tried again just now, or not taken yet.
        """
        found = self._ledger.reader().execute(AFTER, {"after": letter, "limit": limit})
        return [_aside(row) for row in found]

    def of(self, letters: Sequence[int]) -> Iterable[Aside]:
        """These letters as they stand now, set aside or not."""
        for start in range(0, len(letters), NUMBERS_PER_QUERY):
            chunk = letters[start : start + NUMBERS_PER_QUERY]
            marks = ",".join("?" * len(chunk))
            rows = self._ledger.reader().execute(f"{FOUND} WHERE l.n IN ({marks})", chunk)
            yield from map(_aside, rows)


def _aside(row: tuple[Any, ...]) -> Aside:
    letter, source, at, imported, used, name, reason = row
    fit = name if name and NAME.fullmatch(name) else None
    return Aside(letter, source, at, bool(imported), bool(used), fit, reason)
