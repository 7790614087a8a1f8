"""Letters to owed and the views on PostgreSQL, beside SQLite and beside the floors.

One worker, which follows the log itself; two and four are measured in `sharing`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial

from msgspec.structs import replace

from bench.feed import EVENTS_PER_LETTER
from bench.flow import Stored, batches, copy_of_the_log, insert, like_the_service, take
from bench.postgresql.floors import WAYS, Floor, filled_table
from bench.postgresql.spent import Found, Meter, Spent, floor_row, rate_row, rotated
from bench.site import Academy, Site
from bench.table import Row
from tests.postgres import Cluster

POSTGRESQL, SQLITE, RAW = "PostgreSQL", "SQLite", "raw sqlite3"
AIM_EXECUTEMANY, AIM_COPY, NEXT_COPY, AIM_SQLITE = 0.30, 0.15, 0.20, 0.90
VIEWS = "log → views"
UNIT = "input events/s"
Batches = list[list[Stored]]


def measure(site: Site, cluster: Cluster) -> list[Row]:
    """Rounds of letters through both engines in turn, each followed by the same rows alone."""
    address, meter = cluster.schema(), Meter(cluster.pid)
    there = site.app("pg", COURSEBELL_DATABASE_URL=address)
    academies = {SQLITE: site.academy, POSTGRESQL: Academy(site, there)}
    found: dict[str, list[Spent]] = defaultdict(list)
    with floors(site, cluster, address) as ways:
        like_the_service()
        for turn in range(site.sizes.rounds):
            site.say(f"postgres: flow, round {turn + 1} of {site.sizes.rounds}")
            order = rotated(list(academies), turn)
            written = {name: turned(academies[name], name, meter, found) for name in order}
            for name in rotated(list(ways), turn):
                rows = written[SQLITE if name == RAW else POSTGRESQL]
                before = meter.read()
                ways[name](rows)
                found[name].append(meter.since(before, found[POSTGRESQL][-1].count))
    table = rows_of(found, academies[POSTGRESQL].rows())
    site.leave(academies[POSTGRESQL].app)
    return table


@contextmanager
def floors(
    site: Site, cluster: Cluster, address: str
) -> Iterator[Mapping[str, Callable[[Batches], object]]]:
    """What writes rows and does nothing else; its tables have as many rows before."""
    site.say("postgres: the floors' tables")
    with ExitStack() as opened:
        raw = opened.enter_context(
            closing(copy_of_the_log(site.academy, site.folder / "raw-pg.db"))
        )
        ways = {
            name: opened.enter_context(closing(Floor(filled_table(cluster, address), way))).write
            for name, way in WAYS.items()
        }
        yield {**ways, RAW: partial(insert, raw)}


def turned(academy: Academy, name: str, meter: Meter, found: dict[str, list[Spent]]) -> Batches:
    """One round on one engine; returns the rows of each of its commits."""
    letters, ledger = academy.site.sizes.letters_a_round, academy.app.ledger
    academy.keep(letters)
    end, before = ledger.end(), meter.read()
    ends = take(academy)
    found[name].append(meter.since(before, letters * EVENTS_PER_LETTER))
    written = batches(academy, end, ends)
    before = meter.read()
    academy.app.views.catch_up()
    found[views(name)].append(meter.since(before, sum(map(len, written))))
    return written


def views(name: str) -> str:
    """What the following of an engine's log is called."""
    return VIEWS if name == POSTGRESQL else f"{VIEWS}, {name}"


def rows_of(found: Found, rows: int) -> list[Row]:
    """The table: the service on each engine beside its floors."""
    copy = floor_row(found, POSTGRESQL, "COPY", AIM_COPY)
    return [
        rate_row(f"letters → owed, one worker, log of {rows:,} rows", found[POSTGRESQL], UNIT),
        floor_row(found, POSTGRESQL, "executemany", AIM_EXECUTEMANY),
        floor_row(found, POSTGRESQL, "unnest"),
        replace(copy, aim=f"{AIM_COPY:.2f} ({NEXT_COPY:.2f} is next)"),
        floor_row(found, POSTGRESQL, SQLITE, AIM_SQLITE),
        rate_row(f"the same, {SQLITE}", found[SQLITE], UNIT),
        floor_row(found, SQLITE, RAW),
        rate_row(VIEWS, found[VIEWS], "log rows/s"),
        floor_row(found, VIEWS, views(SQLITE), called=SQLITE),
    ]
