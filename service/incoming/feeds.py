"""Count how each source has been talking: how much, how late, in which order, when last."""

import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from service.incoming.letter import Arrival
from service.learners.feed_subjects import SilentSource
from service.ledger.ledger import Ledger

FEEDS = """
CREATE TABLE IF NOT EXISTS feeds (
    source TEXT PRIMARY KEY,
    letters INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    last_letter INTEGER,
    last_seen_at INTEGER,
    recorded INTEGER NOT NULL DEFAULT 0,
    superseded INTEGER NOT NULL DEFAULT 0,
    duplicate INTEGER NOT NULL DEFAULT 0,
    ignored INTEGER NOT NULL DEFAULT 0,
    set_aside INTEGER NOT NULL DEFAULT 0,
    out_of_order INTEGER NOT NULL DEFAULT 0,
    newest_at INTEGER NOT NULL DEFAULT 0,
    lateness TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
"""
STATES = ("recorded", "superseded", "duplicate", "ignored", "set_aside")
COUNTED = (*STATES, "out_of_order")
COLUMNS = ("source", "letters", "skipped", "last_letter", "last_seen_at", *COUNTED, "lateness")
KEPT = (
    "INSERT INTO feeds (source, letters, last_letter, last_seen_at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (source) DO UPDATE SET letters = letters + excluded.letters, "
    "last_letter = excluded.last_letter, last_seen_at = excluded.last_seen_at"
)
SKIPPED = (
    "INSERT INTO feeds (source, skipped) VALUES (?, ?) "
    "ON CONFLICT (source) DO UPDATE SET skipped = skipped + excluded.skipped"
)
TAKEN = (
    f"UPDATE feeds SET {', '.join(f'{name} = {name} + ?' for name in COUNTED)}, "
    "newest_at = MAX(newest_at, ?), lateness = ? WHERE source = ?"
)
BOUNDS_MS = (
    1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000,
)  # fmt: skip
"""How late an event came after it happened, at most; there is one more for all that is later."""


class FeedStatistics(msgspec.Struct, frozen=True):
    """Sum up what one source has sent since its beginning, imports left out.

    `letters` were kept, `skipped` messages of a queue were not ours; then what became of their
    events, `set_aside` also those that a later try could use; `out_of_order` of them happened
    before one that was taken earlier. `lateness` counts
    the recorded and superseded ones by BOUNDS_MS. `last_seen_at` is in ms UTC.
    """

    source: str
    letters: int = 0
    skipped: int = 0
    last_letter: int | None = None
    last_seen_at: int | None = None
    recorded: int = 0
    superseded: int = 0
    duplicate: int = 0
    ignored: int = 0
    set_aside: int = 0
    out_of_order: int = 0
    lateness: tuple[int, ...] = ()

    def late_by(self, share: float) -> int | None:
        """Read the bound (ms) within which this share of the events came; None beyond the last one.

        0 when no event has come.
        """
        wanted, seen = share * sum(self.lateness), 0
        for bound, count in zip(BOUNDS_MS, self.lateness, strict=False):
            seen += count
            if seen >= wanted:
                return bound if seen else 0
        return 0 if not self.lateness else None


class FeedTally:
    """Count what became of the events of one source in one transaction."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.moments: list[tuple[int, int]] = []
        """Of each recorded or superseded event: when it happened, and how late it came (ms)."""

    def count(self, state: str, occurred_at: int | None, received_at: int) -> None:
        """Add one event; `occurred_at` is None for what was no fact."""
        self.states[state] += 1
        if occurred_at is not None and state != "duplicate":
            self.moments.append((occurred_at, received_at - occurred_at))


class Feeds:
    """Keep the feeds of one ledger, inside the transactions that keep and take letters."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.create(FEEDS)

    def kept(
        self, cursor: sqlite3.Cursor, arrivals: Sequence[Arrival], receipts: Sequence[int]
    ) -> None:
        """Count letters that have come, with these receipts."""
        counts = Counter(arrival.source for arrival in arrivals)
        last = {a.source: (n, a.received_at) for n, a in zip(receipts, arrivals, strict=True)}
        cursor.executemany(KEPT, [(source, counts[source], *last[source]) for source in counts])

    def skipped(self, cursor: sqlite3.Cursor, source: str, count: int) -> None:
        """Count messages of a queue that were not for us."""
        cursor.execute(SKIPPED, (source, count))

    def taken(self, cursor: sqlite3.Cursor, tallies: Mapping[str, FeedTally]) -> None:
        """Count what became of the events of letters that were taken."""
        for source, tally in tallies.items():
            row = cursor.execute(
                "SELECT newest_at, lateness FROM feeds WHERE source = ?", (source,)
            ).fetchone()
            newest, late = (row[0], msgspec.json.decode(row[1])) if row else (0, [])
            late = late or [0] * (len(BOUNDS_MS) + 1)
            out_of_order = 0
            for occurred_at, lateness in tally.moments:
                late[bisect_left(BOUNDS_MS, lateness)] += 1
                out_of_order += occurred_at < newest
                newest = max(newest, min(occurred_at, occurred_at + lateness))
            counts = [tally.states[state] for state in STATES]
            encoded = msgspec.json.encode(late).decode()
            cursor.execute(TAKEN, (*counts, out_of_order, newest, encoded, source))

    def all(self, sources: Iterable[str] = ()) -> list[FeedStatistics]:
        """Read every feed in order of its source; those of `sources` also when they never spoke."""
        rows = self._ledger.reader().execute(f"SELECT {', '.join(COLUMNS)} FROM feeds")
        found = {row[0]: _feed(row) for row in rows}
        return [found.get(name) or FeedStatistics(name) for name in sorted({*found, *sources})]

    def heard(self) -> dict[str, SilentSource]:
        """Read the last letter of each source that has ever sent one."""
        rows = self._ledger.reader().execute(
            "SELECT source, last_letter, last_seen_at FROM feeds WHERE last_letter IS NOT NULL"
        )
        return {row[0]: SilentSource(*row) for row in rows}


def _feed(row: tuple[Any, ...]) -> FeedStatistics:
    values: list[Any] = [*row[:-1], tuple(msgspec.json.decode(row[-1]))]
    return FeedStatistics(*values)
