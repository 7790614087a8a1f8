"""The whole flow: from letters on disk to notifications owed and views current."""

import gc
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.feed import EVENTS_PER_LETTER
from bench.site import Academy, Site
from bench.table import Row
from service.cli import GARBAGE_THRESHOLDS
from service.ledger.sqlite.database import EVENT_LOG, connect
from service.ledger.sqlite.sqlite_store import INSERT
from service.ledger.store import END

AIM, AIM_RATIO = 30_000, 0.20
Stored = tuple[str, int, str, bytes]


def measure(site: Site) -> list[Row]:
    """Rounds of letters through the service, each followed by the same rows written raw."""
    academy, letters = site.academy, site.sizes.letters_a_round
    raw = copy_of_the_log(academy, site.folder / "raw.db")
    like_the_service()
    taking, following, whole, floors = [], [], [], []
    for turn in range(site.sizes.rounds):
        site.say(f"flow: round {turn + 1} of {site.sizes.rounds}")
        academy.keep(letters)
        before, begun = academy.app.ledger.end(), time.perf_counter()
        ends = take(academy)
        taken = time.perf_counter()
        academy.app.views.catch_up()
        done = time.perf_counter()
        taking.append(letters * EVENTS_PER_LETTER / (taken - begun))
        following.append((ends[-1] - before) / (done - taken))
        whole.append(letters * EVENTS_PER_LETTER / (done - begun))
        floors.append((ends[-1] - before) / insert(raw, batches(academy, before, ends)))
        rows_each = (ends[-1] - before) / (letters * EVENTS_PER_LETTER)
    floors = [rate / rows_each for rate in floors]
    ratios = [mine / floor for mine, floor in zip(whole, floors, strict=True)]
    log = f"log of {academy.app.ledger.end():,} rows"
    return [
        Row(
            what=f"letters on disk → owed, views current ({log})", unit="input events/s",
            values=whole, floor="raw sqlite3, same rows and batches:", floors=floors,
            ratios=ratios, aim=f"{AIM:,}/s and {AIM_RATIO:.2f}",
            reached=median(whole) >= AIM and median(ratios) >= AIM_RATIO,
        ),
        Row(what="of which letters → owed, committed", unit="input events/s", values=taking),
        Row(what="of which log → views", unit="log rows/s", values=following),
        Row(what="log rows for each input event", unit="", values=[rows_each]),
    ]  # fmt: skip


def take(academy: Academy) -> list[int]:
    """Takes what waits; returns the end of the log after each commit."""
    ends = []
    while academy.app.intake.take(academy.feed.now):
        ends.append(academy.app.ledger.end())
    return ends


def like_the_service() -> None:
    """The garbage collector as `coursebell run` sets it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def copy_of_the_log(academy: Academy, path: Path) -> sqlite3.Connection:
    """A bare event log with the same rows, opened as the ledger is."""
    raw = connect(path)
    raw.executescript(EVENT_LOG)
    raw.execute("ATTACH ? AS ledger", (str(academy.app.settings.ledger.file),))
    raw.execute("INSERT INTO stored_events SELECT * FROM ledger.stored_events")
    raw.execute("DETACH ledger")
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return raw


def batches(academy: Academy, after: int, ends: Sequence[int]) -> list[list[Stored]]:
    """The rows of each commit as they are in the log."""
    found = []
    for end in ends:
        found.append([row[1:] for row in academy.app.ledger.log(after, END, until=end)])
        after = end
    return found


def insert(raw: sqlite3.Connection, rows: Sequence[Sequence[Stored]]) -> float:
    """Seconds that sqlite3 alone takes for these rows, a transaction for each batch."""
    begun = time.perf_counter()
    for batch in rows:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(INSERT, batch)
        raw.execute("COMMIT")
    return time.perf_counter() - begun
