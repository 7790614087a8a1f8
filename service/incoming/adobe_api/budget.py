"""Count requests to Adobe's API in the ledger, so that no restart and no second process forgets."""

import msgspec

from service.ledger.sql import unless_beaten
from service.ledger.store import Store

REQUESTS_AN_HOUR = 500
"""What Adobe allows an administrator ("Webhooks usage guide", GET /users and /learningObjects)."""
WINDOW_MS = 61 * 60_000
"""An hour, and what a request may take from its claim until Adobe counts it."""

KEPT_MS = 48 * WINDOW_MS
"""So long, as one process with a clock that is ahead must not forget what the others claimed."""

TABLE = """
CREATE TABLE IF NOT EXISTS adobe_requests (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS adobe_requests_by_time ON adobe_requests (at);
"""
USED = """
SELECT COUNT(*), MIN(at), (SELECT coalesce(MAX(id), 0) + 1 FROM adobe_requests)
FROM adobe_requests WHERE at > ?
"""
"""The next number is read with the count: of two who see the same one, one finds it taken."""


class BudgetUse(msgspec.Struct, frozen=True):
    """Say how many requests were made within the hour, and when the oldest no longer counts."""

    used: int
    limit: int
    frees_at: int | None

    @property
    def left(self) -> int:
        """Give how many requests may be made now."""
        return max(0, self.limit - self.used)


class RequestBudget:
    """Let no more than `limit` requests leave in any hour, whichever process makes them."""

    def __init__(self, ledger: Store, limit: int = REQUESTS_AN_HOUR) -> None:
        self._ledger = ledger
        self._limit = limit
        ledger.create(TABLE, remembered=False)

    def claim(self, now: int) -> int | None:
        """Take one request, on disk before it leaves; or else give when (ms UTC) one is free.

        What a clock that was ahead has claimed counts as claimed now: never too little.
        """
        return unless_beaten(lambda: self._claimed(now))

    def _claimed(self, now: int) -> int | None:
        with self._ledger.transaction() as cursor:
            cursor.execute("DELETE FROM adobe_requests WHERE at <= ?", (now - KEPT_MS,))
            cursor.execute("UPDATE adobe_requests SET at = :now WHERE at > :now", {"now": now})
            used, oldest, n = cursor.execute(USED, (now - WINDOW_MS,)).fetchone()
            if used >= self._limit:
                return int(oldest) + WINDOW_MS
            cursor.execute("INSERT INTO adobe_requests (id, at) VALUES (?, ?)", (n, now))
        return None

    def use(self, now: int) -> BudgetUse:
        """Tell how much of it is used."""
        used, oldest, _ = self._ledger.reader().execute(USED, (now - WINDOW_MS,)).fetchone()
        return BudgetUse(used, self._limit, None if oldest is None else oldest + WINDOW_MS)
