"""Count how each source has been talking: how much, how late, in which order, when last."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from operator import itemgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from service.learners.feed_subjects import SilentSource
from service.ledger.sql import Statement, upsert
from service.ledger.store import Store

FEEDS = """
CREATE TABLE IF NOT EXISTS feed_lanes (
    source TEXT NOT NULL,
    lane TEXT NOT NULL,
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
    lateness TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (source, lane)
) WITHOUT ROWID;
"""
DOOR, INTAKE = "door", "intake"
"""Who counts: each in a row of its own, so that neither waits for the other to commit."""
BEFORE_LANES = "feeds"
"""Where older versions counted, all in one row of each source: it is one more lane."""
STATES = ("recorded", "superseded", "duplicate", "ignored", "set_aside")
COUNTED = (*STATES, "out_of_order")
COLUMNS = ("source", "letters", "skipped", "last_letter", "last_seen_at", *COUNTED, "lateness")


LANE = ("source", "lane")
KEPT = upsert(
    "feed_lanes",
    LANE,
    ("last_letter", "last_seen_at"),
    counted=("letters",),
    found="SELECT source, ?, COUNT(*), MAX(n), MAX(received_at) FROM letters "
    "WHERE n > (SELECT MAX(n) FROM letters) - ? GROUP BY source",
)
SKIPPED = upsert("feed_lanes", LANE, (), counted=("skipped",))
TAKEN = upsert("feed_lanes", LANE, ("newest_at", "lateness"), counted=COUNTED)
OWN = "SELECT source, lateness FROM feed_lanes WHERE lane = ?"
BOUNDS_MS = (
    1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000,
)  # fmt: skip
"""How late an event came after it happened, at most; there is one more for all that is later."""


_decode = msgspec.json.Decoder(list[int]).decode


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

    def beside(self, other: "FeedStatistics") -> "FeedStatistics":
        """Add what somebody else has counted of the same source."""
        last = max((self, other), key=lambda each: each.last_letter or 0)
        pairs = zip_longest(self.lateness, other.lateness, fillvalue=0)
        counted = ("letters", "skipped", *COUNTED)
        return replace(
            last,
            lateness=tuple(map(sum, pairs)),
            **{name: getattr(self, name) + getattr(other, name) for name in counted},
        )

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

    def place(self, newest: int, late: list[int]) -> tuple[int, int]:
        """Add to how often events were so `late`; return how many were older than one before
        them, and when the newest happened (ms UTC) after the `newest` until now.
        """
        out_of_order = 0
        for occurred_at, lateness in self.moments:
            late[bisect_left(BOUNDS_MS, lateness)] += 1
            out_of_order += occurred_at < newest
            newest = max(newest, min(occurred_at, occurred_at + lateness))
        return out_of_order, newest


class Feeds:
    """Keep the feeds of one ledger: what is said of them is written with the letters."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        ledger.create(FEEDS, remembered=False)
        self._tables = [name for name in ("feed_lanes", BEFORE_LANES) if ledger.columns(name)]

    def kept(self, count: int) -> Statement:
        """Give what counts the newest letters, so many."""
        return KEPT, [(DOOR, count)]

    def skipped(self, counts: Mapping[str, int]) -> Statement:
        """Give what counts messages of queues that were not for us, by source."""
        return SKIPPED, [(source, DOOR, count) for source, count in sorted(counts.items())]

    def taken(self, tallies: Mapping[str, FeedTally], shard: int = 0) -> Statement:
        """Give what counts what became of the events of letters that were taken.

        Each process that takes some counts in the lane of the first shard that it holds.
        """
        newest, lane = self._newest(), f"{INTAKE}/{shard}" if shard else INTAKE
        own = self._ledger.reader().execute(OWN, (lane,))
        late = {source: _decode(text) for source, text in own}
        rows = []
        for source, tally in sorted(tallies.items(), key=itemgetter(0)):
            lateness = late.get(source) or [0] * (len(BOUNDS_MS) + 1)
            out_of_order, at = tally.place(newest.get(source, 0), lateness)
            counts = [tally.states[state] for state in STATES]
            encoded = msgspec.json.encode(lateness).decode()
            rows.append((source, lane, *counts, out_of_order, at, encoded))
        return TAKEN, rows

    def all(self, sources: Iterable[str] = ()) -> list[FeedStatistics]:
        """Read every feed in order of its source; those of `sources` also when they never spoke."""
        found: dict[str, FeedStatistics] = {}
        for row in self._rows(*COLUMNS):
            values: list[Any] = [*row[:-1], tuple(_decode(row[-1]))]
            lane = FeedStatistics(*values)
            found[lane.source] = found.get(lane.source, FeedStatistics(lane.source)).beside(lane)
        return [found.get(name) or FeedStatistics(name) for name in sorted({*found, *sources})]

    def heard(self) -> dict[str, SilentSource]:
        """Read the last letter of each source that has ever sent one."""
        rows = self._rows("last_letter", "source", "last_seen_at")
        heard = sorted(row for row in rows if row[0] is not None)
        return {source: SilentSource(source, letter, at) for letter, source, at in heard}

    def _newest(self) -> dict[str, int]:
        """Read when the newest event of each source happened (ms UTC)."""
        return dict(sorted(self._rows("source", "newest_at")))

    def _rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """Read these columns of every lane."""
        selects = [f"SELECT {', '.join(columns)} FROM {table}" for table in self._tables]
        query = " UNION ALL ".join(selects)
        return self._ledger.reader().execute(query).fetchall() if selects else []
