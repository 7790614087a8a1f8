"""Imports: how long 500,000 people take, what memory, and whether look-ups stay as they were.

Each import is the command in a process of its own, so that its memory is its own.
"""

import csv
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from statistics import median

from bench.site import ROOT, Site
from bench.table import Row
from service.learners.directory.managers import Managers
from service.learners.directory.people import People
from service.ledger.sqlite.sqlite_store import SqliteStore

AIM_SECONDS = 60.0
MEMORY_GROWTH = 160.0
"""MiB that a long file may take more than a short one: the cache of the ledger (64), those of the
nameless databases (16 each), remembered texts, and the allocator's slack. They are full at some
100,000 people: 115 MiB more than at 10,000, 142 at 250,000, and 148 at 500,000 (measured)."""
LOOKUP_GROWTH = 1.5
LOOKUPS = 2_000
GONE = 100
"""One of so many is missing from the last file."""
AN_HOUR = 3_600
HEADER = (
    *("internalUserID", "userEmail", "name", "managerEmail", "userType", "state", "uiLocale"),
    *("timeZoneCode", "group", "AF_Region", "AF_Cost Center"),
)


def measure(site: Site) -> list[Row]:
    """Imports a short file and a long one, the long one again, and again with some missing."""
    short, long = site.sizes.people_before, site.sizes.people
    few = Academy(site, short)
    few.run()
    before = few.lookups()
    many = Academy(site, long)
    first, memory = many.run()
    worked = many.worked
    after = many.lookups()
    again, _ = many.run()
    full, _ = many.run("--full", gone=True)
    floor = many.floor()
    grown = memory - few.memory
    return [
        timed(f"import {long:,} people", first, floor),
        Row(what="of that the processor's time", unit="s", values=[worked]),
        timed("the same once more, unchanged", again, floor),
        timed(f"--full, one in {GONE} missing", full, floor),
        Row(
            what=f"peak memory, {long:,} people", unit="MiB", values=[memory],
            floor=f"{short:,} people:", floors=[few.memory], ratios=[memory / few.memory],
            aim=f"{MEMORY_GROWTH:g} MiB more", reached=grown <= MEMORY_GROWTH,
        ),
        *[
            Row(
                what=f"{name}, of {long:,}", unit="µs", values=[after[name]],
                floor=f"of {short:,}:", floors=[before[name]], ratios=[after[name] / before[name]],
                aim=f"{LOOKUP_GROWTH:g} times", reached=after[name] <= LOOKUP_GROWTH * before[name],
            )
            for name in before
        ],
    ]  # fmt: skip


def timed(what: str, seconds: float, floor: float) -> Row:
    """Seconds beside those that the csv module and a bare table take in the same run."""
    return Row(
        what=what, unit="s", values=[seconds], floor="csv into a bare table:", floors=[floor],
        ratios=[seconds / floor], aim=f"{AIM_SECONDS:g} s", reached=seconds <= AIM_SECONDS,
    )  # fmt: skip


class Academy:
    """A data folder of its own, and the report of its people."""

    def __init__(self, site: Site, people: int) -> None:
        self._site = site
        self._people = people
        self._data = site.folder / f"people-{people}"
        self._file = site.folder / f"people-{people}.csv"
        self.memory = self.worked = 0.0

    def run(self, *options: str, gone: bool = False) -> tuple[float, float]:
        """Imports the report; gives the seconds it took and the most memory it had, in MiB."""
        self._write(gone=gone)
        self._site.say(f"import {self._people:,} people {' '.join(options)}")
        words = ("people", "import", str(self._file), "--new", *options)
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "service", *words], cwd=ROOT, stdout=subprocess.DEVNULL,
            env={**os.environ, "COURSEBELL_DATA": str(self._data)},
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"the import ended with {process.returncode}")
        self.memory, self.worked = used.ru_maxrss / 1024, used.ru_utime + used.ru_stime
        return time.perf_counter() - begun, self.memory

    def _write(self, *, gone: bool) -> None:
        with self._file.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(
                row for n, row in enumerate(rows(self._people)) if not gone or n % GONE
            )
        old = time.time() - AN_HOUR  # it has stood still
        os.utime(self._file, (old, old))

    def floor(self) -> float:
        """Seconds to read the file and keep its cells in a bare table, as many in a commit."""
        begun = time.perf_counter()
        with (
            closing(sqlite3.connect(self._site.folder / "bare.db", isolation_level=None)) as bare,
            self._file.open(newline="") as file,
        ):
            bare.execute("PRAGMA journal_mode = WAL")
            bare.execute("PRAGMA synchronous = FULL")
            bare.execute(f"CREATE TABLE people ({', '.join(map(repr, HEADER))})")
            reader = csv.reader(file)
            next(reader)
            while batch := list(islice(reader, 1_000)):
                bare.execute("BEGIN")
                marks = ",".join("?" * len(HEADER))
                bare.executemany(f"INSERT INTO people VALUES ({marks})", batch)
                bare.execute("COMMIT")
        return time.perf_counter() - begun

    def lookups(self) -> dict[str, float]:
        """How long the look-ups that sending and rules make take, in µs."""
        ledger = SqliteStore(self._data / "ledger.db")
        people = People(ledger)
        managers = Managers(people)
        step = max(1, self._people // LOOKUPS)
        keys = [("adobe", "", lms_id(n)) for n in range(0, self._people, step)][:LOOKUPS]
        found = [person for key in keys if (person := people.find(key))]
        ways: dict[str, Callable[[int], object]] = {
            "People.find": lambda n: people.find(keys[n]),
            "People.get": lambda n: people.get(found[n].id),
            "Managers.of": lambda n: managers.of(found[n]),
        }
        try:
            return {name: microseconds(way, len(found)) for name, way in ways.items()}
        finally:
            ledger.close()


def microseconds(way: Callable[[int], object], count: int) -> float:
    """The median of what it takes for each number below the count."""
    taken = []
    for n in range(count):
        begun = time.perf_counter()
        way(n)
        taken.append(time.perf_counter() - begun)
    return median(taken) * 1e6


def lms_id(number: int) -> str:
    """The id of a made-up person."""
    return str(10_000_000 + 7 * number)


def rows(people: int) -> Iterator[tuple[str, ...]]:
    """A report of made-up people: ten for each manager, two groups each."""
    for n in range(people):
        yield (
            lms_id(n), f"person{n}@example.org", f"First{n % 9973} Last{n % 7919}",
            f"person{n // 10}@example.org", "Internal", "ACTIVE", "en_US", "Europe/Berlin",
            f"Team {n % 500}, All", f"Region {n % 40}", str(n % 900),
        )  # fmt: skip
