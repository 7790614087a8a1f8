"""The door on PostgreSQL: letters kept, beside COPY of the same, and beside a busy worker."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from statistics import median

from msgspec.structs import replace

from bench.feed import EVENTS_PER_LETTER, Feed
from bench.latency import percentile
from bench.postgresql.crew import Member, crew
from bench.postgresql.doors import Kept, copying, door
from bench.postgresql.floors import schema_of, table_like
from bench.postgresql.spent import Found, Meter, Spent, floor_row, rate_row, rotated
from bench.postgresql.stores import store_at
from bench.site import BEGIN, Site, keep
from bench.table import Row
from service.incoming.letters import Letters
from tests.postgres import Cluster

BATCHES = (1, 64)
DOORS = (1, 2)
AIM, AIM_MS, AIMED_AT = 0.4, 50.0, 64
WAITING_A_SECOND = 4_000
"""More letters than one worker takes in a second, so that it has work all the time."""
FIRST = 2
"""The first door's letters; those of 1 are the worker's."""

KEPT, COPY, SQLITE, BESIDE = "", ", COPY", ", SQLite", ", beside a busy worker"
WORKER = "  the worker beside it: letters → owed"


class Book:
    """What was seen, by name: costs of each round, waits and tries in vain of all."""

    def __init__(self) -> None:
        self.spent: dict[str, list[Spent]] = defaultdict(list)
        self.waits: dict[str, list[list[float]]] = defaultdict(list)
        self.beaten: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, reports: Sequence[Kept], server: float) -> None:
        """Note what several did at the same time."""
        letters = sum(each.letters for each in reports)
        seconds = max(each.seconds for each in reports)
        spent = Spent(letters, seconds, sum(each.cpu for each in reports), server)
        self.spent[name].append(spent)
        self.waits[name].append(sorted(wait for each in reports for wait in each.waits))
        tries = sum(each.beaten + len(each.waits) for each in reports)
        self.beaten[name].append(sum(each.beaten for each in reports) / tries)


def measure(site: Site, cluster: Cluster) -> list[Row]:
    """Each way of keeping in turn, several times over."""
    book, meter, seconds = Book(), Meter(cluster.pid), site.sizes.seconds / 2
    with ExitStack() as opened:
        kinds = {kind: opened.enter_context(crew) for kind, crew in crews(site, cluster).items()}
        for turn in range(site.sizes.rounds):
            site.say(f"postgres: doors, round {turn + 1} of {site.sizes.rounds}")
            for doors, batch in ((doors, batch) for doors in DOORS for batch in BATCHES):
                for kind in rotated([k for k in kinds if len(kinds[k]) >= doors], turn):
                    before = meter.read()
                    reports = together(kinds[kind][:doors], batch, seconds)
                    spent = meter.since(before, 0)
                    book.add(named(kind, doors, batch), reports, spent.server)
    for turn in range(site.sizes.rounds):
        site.say(f"postgres: a door beside a worker, round {turn + 1} of {site.sizes.rounds}")
        for batch in BATCHES:
            beside_a_worker(site, cluster, batch, book)
    return rows_of(book)


def crews(site: Site, cluster: Cluster) -> dict[str, AbstractContextManager[list[Member]]]:
    """Doors on both engines, and what copies their letters alone."""
    address, file = cluster.schema(), str(site.folder / "doors.db")
    with closing(store_at(address)) as store:
        Letters(store)  # makes the tables, which the floor's is made after
    bare = table_like("letters", cluster, address)
    numbers = range(FIRST, FIRST + max(DOORS))
    return {
        KEPT: crew(door, [(address, n) for n in numbers]),
        COPY: crew(copying, [(bare, n) for n in numbers]),
        SQLITE: crew(door, [(file, FIRST)]),
    }


def together(members: Sequence[Member], batch: int, seconds: float) -> list[Kept]:
    """Let them work at the same time, and hear what each did."""
    for member in members:
        member.pipe.send((batch, seconds))
    return [member.heard() for member in members]


def named(kind: str, doors: int, batch: int) -> str:
    """One of the things that are measured."""
    return f"{batch} a commit by {doors}{kind}"


def beside_a_worker(site: Site, cluster: Cluster, batch: int, book: Book) -> None:
    """A door and a worker that has letters enough, in an installation of their own."""
    address, meter = cluster.schema(), Meter(cluster.pid)
    app = site.app(schema_of(address), COURSEBELL_DATABASE_URL=address)
    feed, seconds = Feed(1, BEGIN), site.sizes.seconds / 2
    app.start(BEGIN)
    keep(app, list(feed.letters(int(WAITING_A_SECOND * seconds))))
    with crew(door, [(address, FIRST)]) as (one,):
        before = meter.read()
        one.pipe.send((batch, seconds))
        letters = 0
        while not one.pipe.poll():
            letters += app.intake.take(feed.now)
        spent = meter.since(before, letters * EVENTS_PER_LETTER)
        book.add(named(BESIDE, 1, batch), [one.heard()], 0.0)
    # The backends' time is of both.
    book.spent[f"{WORKER} {batch}"].append(replace(spent, server=0.0))
    site.leave(app)


def rows_of(book: Book) -> list[Row]:
    """The table: each way of keeping beside its floor, then the waits beside a worker."""
    rows: list[Row] = []
    for batch in BATCHES:
        for doors in DOORS:
            rows += rows_of_doors(book, doors, batch)
        rows.append(rate_row(*line(book.spent, named(SQLITE, 1, batch)), "/s"))
    for batch in BATCHES:
        rows += rows_beside_a_worker(book, batch)
    return rows


def rows_of_doors(book: Book, doors: int, batch: int) -> list[Row]:
    """What so many doors keep, what COPY writes of the same, and how often two were in each
    other's way."""
    kept, copy = named(KEPT, doors, batch), named(COPY, doors, batch)
    aim = AIM if batch == AIMED_AT else None
    rows = [
        rate_row(*line(book.spent, kept), "/s"),
        floor_row(book.spent, kept, copy, aim, called="COPY of the same"),
        *waits(book, kept),
    ]
    if doors > 1:
        vain = [100 * share for share in book.beaten[kept]]
        rows.append(Row(what="  commits in vain, another was quicker", unit="%", values=vain))
    return rows


def line(spent: Found, name: str) -> tuple[str, Sequence[Spent]]:
    """What a row says, and its rounds."""
    return f"door: letters kept, {name}", spent[name]


def rows_beside_a_worker(book: Book, batch: int) -> list[Row]:
    """How a door fares while letters are taken, and how the worker does."""
    name, worker = named(BESIDE, 1, batch), f"{WORKER} {batch}"
    return [
        rate_row(*line(book.spent, name), "/s"),
        *waits(book, name, AIM_MS),
        rate_row(WORKER, book.spent[worker], "input events/s"),
    ]


def waits(book: Book, name: str, most: float | None = None) -> list[Row]:
    """How long one commit took, in each round."""
    p50, p99 = (
        [1000 * percentile(waits, share) for waits in book.waits[name]] for share in (0.5, 0.99)
    )
    return [
        Row(what="  a commit, p50", unit="ms", values=p50),
        Row(
            what="  a commit, p99", unit="ms", values=p99, aim=f"{most:g} ms" if most else "",
            reached=median(p99) < most if most else None,
        ),
    ]  # fmt: skip
