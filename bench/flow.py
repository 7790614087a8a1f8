"""The whole flow: from letters on disk to notifications owed and views current."""

import gc
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec

from bench.feed import EVENTS_PER_LETTER
from bench.running import cpu_seconds_of
from bench.site import Academy, Site
from bench.table import Row
from service.cli import GARBAGE_THRESHOLDS
from service.ledger.follower import Origin
from service.ledger.sqlite.database import EVENT_LOG, connect
from service.ledger.sqlite.sqlite_store import INSERT
from service.ledger.store import END
from service.running.views_process import CORES, ViewsProcess, usable_cores

AIM_RATIO = 0.15
HERE, THERE = "in the same process", "in a process of their own"
Stored = tuple[str, int, str, bytes]


class Round(msgspec.Struct, frozen=True):
    """What one round of letters took; rates by the second, CPU in µs for each input event."""

    taking: float
    whole: float
    following: float
    cpu: float
    cpu_there: float
    floor: float
    rows_each: float


def measure(site: Site) -> list[Row]:
    """Rounds of letters through the service, each followed by the same rows written raw.

    The views follow here and, where there is a second core, in a process of their own in turn.
    """
    academy = site.academy
    raw = copy_of_the_log(academy, site.folder / "raw.db")
    like_the_service()
    rounds: dict[str, list[Round]] = {HERE: [], THERE: []}
    for turn in range(site.sizes.rounds):
        site.say(f"flow: round {turn + 1} of {site.sizes.rounds}")
        rounds[HERE].append(one_round(site, raw, lambda: academy.app.views.catch_up(), None))
        if usable_cores() >= CORES:
            with followed_beside(site) as (reach_end, pid):
                rounds[THERE].append(one_round(site, raw, reach_end, pid))
    log = f"log of {academy.app.ledger.end():,} rows"
    return [row for where, found in rounds.items() if found for row in rows(where, log, found)]


def rows(where: str, log: str, found: Sequence[Round]) -> list[Row]:
    ratios = [each.whole / each.floor for each in found]
    aimed = where == THERE or usable_cores() < CORES
    return [
        Row(
            what=f"letters on disk → owed, views current {where} ({log})", unit="input events/s",
            values=[each.whole for each in found], floor="raw sqlite3, same rows and batches:",
            floors=[each.floor for each in found], ratios=ratios,
            aim=f"{AIM_RATIO:.2f}" if aimed else "",
            reached=median(ratios) >= AIM_RATIO if aimed else None,
        ),
        Row(
            what="of which letters → owed, committed", unit="input events/s",
            values=[each.taking for each in found],
        ),
        Row(
            what="then the views are at the end" if where == THERE else "of which log → views",
            unit="log rows/s", values=[each.following for each in found],
        ),
        Row(
            what="processor's time of the process that decides", unit="µs/input event",
            values=[each.cpu for each in found],
        ),
        *(
            Row(
                what="and of the one that follows", unit="µs/input event",
                values=[each.cpu_there for each in found],
            )
            for _ in range(where == THERE)
        ),
        Row(
            what="log rows for each input event", unit="",
            values=[each.rows_each for each in found],
        ),
    ]  # fmt: skip


def one_round(
    site: Site, raw: sqlite3.Connection, reach_end: Callable[[], object], pid: int | None
) -> Round:
    """Letters until the views show what came of them, and the floor of the same rows."""
    academy = site.academy
    events = site.sizes.letters_a_round * EVENTS_PER_LETTER
    academy.keep(site.sizes.letters_a_round)
    before, used, there = academy.app.ledger.end(), time.process_time(), seconds_of(pid)
    begun = time.perf_counter()
    ends = take(academy)
    taken = time.perf_counter()
    reach_end()
    done = time.perf_counter()
    used, there = time.process_time() - used, seconds_of(pid) - there
    written = ends[-1] - before
    floor = written / insert(raw, batches(academy, before, ends))
    rows_each = written / events
    return Round(
        taking=events / (taken - begun), whole=events / (done - begun),
        following=written / (done - taken), cpu=used / events * 1e6,
        cpu_there=there / events * 1e6, floor=floor / rows_each, rows_each=rows_each,
    )  # fmt: skip


def seconds_of(pid: int | None) -> float:
    """Processor's time of another process so far, if there is one."""
    return cpu_seconds_of(pid) if pid else 0.0


@contextmanager
def followed_beside(site: Site) -> Iterator[tuple[Callable[[], object], int]]:
    """The views of the academy followed as the service does once there is much to do."""
    app, stopping = site.academy.app, threading.Event()
    here, (folder, url) = app.views.take, app.settings.ledger
    process = ViewsProcess(Origin(str(folder), url, str(app.views.path)), here, {})
    app.views.take = process.take

    def follow() -> None:
        while not stopping.is_set():
            process.tend()
            seen = app.ledger.wait(-1, 0.0)
            app.views.catch_up()
            app.ledger.wait(seen, 1.0)

    following = threading.Thread(target=follow)
    following.start()
    while process.pid is None:
        site.academy.keep(site.sizes.letters_a_round // 5)
        take(site.academy)
        time.sleep(0.1)
    app.views.reach_end(60.0)
    try:
        yield lambda: app.views.reach_end(60.0), process.pid
    finally:
        stopping.set()
        app.ledger.wake()
        following.join()
        process.end()
        app.views.take = here


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
