"""Letters to owed by one, two and four who share the work, beside COPY by as many processes.

Each team has a ledger of its own, and stays: what its workers remember is as in a service.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

import psycopg
from msgspec.structs import replace

from bench.feed import EVENTS_PER_LETTER, Feed
from bench.flow import Stored
from bench.postgresql.crew import Member, crew
from bench.postgresql.floors import copier, filled_table, schema_of
from bench.postgresql.spent import Found, Meter, Spent, floor_row, rate_row, rates, rotated
from bench.postgresql.workers import worker
from bench.site import BEGIN, LETTERS_PER_COMMIT, Site, keep
from bench.table import Row
from service.ledger.postgresql.tables import SHARDS
from tests.postgres import Cluster

TEAMS = ALONE, TWO, FOUR = (1, 2, 4)
SMALLER = 10
"""Their logs are so much smaller than the one of `flow`, as there is one for each team."""

AIM_COPY, NEXT_COPY, AIM_WALL, AIM_PYTHON, AIM_SERVER = 0.15, 0.20, 1.5, 1.2, 20.0
TRIES = 10
WRITTEN = """
SELECT c.lane, c.n, e.originator_id, e.originator_version, e.topic, e.state
FROM commits AS c JOIN events AS e ON e.lane = c.lane AND e.seq BETWEEN c.first AND c.last
WHERE c.n > %s ORDER BY c.n, e.seq
"""
NEWEST = "SELECT n FROM head"
ROWS = "SELECT count(*) FROM events"


class Team:
    """So many who share the work on a ledger of their own, and as many who copy its rows."""

    def __init__(self, site: Site, cluster: Cluster, count: int, opened: ExitStack) -> None:
        """Let them work until the log has some rows."""
        self.count = count
        address = cluster.schema()
        folder, self._site = schema_of(address), site
        self._app = site.app(folder, COURSEBELL_DATABASE_URL=address)
        self._feed = Feed(1, BEGIN)
        self._session = opened.enter_context(psycopg.connect(address, autocommit=True))
        environs = [
            site.environment(f"{folder}-{n}", COURSEBELL_DATABASE_URL=address) for n in range(count)
        ]
        about = [(environ, n == 0) for n, environ in enumerate(environs)]
        self._workers = opened.enter_context(crew(worker, about))
        self._share_out()
        while self.rows() < site.sizes.log_rows // SMALLER:
            self._keep(LETTERS_PER_COMMIT)
            self._take()
        table = filled_table(cluster, address)
        self._copiers = opened.enter_context(crew(copier, [(table, n) for n in range(count)]))

    def _share_out(self) -> None:
        """Let each have its part: what one gives back another takes the next time."""
        parts: list[int] = []
        for _ in range(TRIES):
            parts = told(self._workers, [None] * self.count)
            if all(parts) and sum(parts) == SHARDS:
                return
        raise TimeoutError(f"not each of {self.count} workers has a part of the work: {parts}")

    def rows(self) -> int:
        """How many rows its log has."""
        return self._number(ROWS)

    def _number(self, sql: str) -> int:
        return int(self._session.execute(sql).fetchall()[0][0])

    def _keep(self, letters: int) -> None:
        keep(self._app, list(self._feed.letters(letters)))

    def _take(self) -> float:
        """Let all take until none waits; returns their processors' seconds."""
        return float(sum(told(self._workers, [self._feed.now] * self.count)))

    def take(self, meter: Meter) -> tuple[Spent, Spent]:
        """One round, and the same rows in the same batches by as many who copy."""
        letters = self._site.sizes.letters_a_round
        events = letters * EVENTS_PER_LETTER
        self._keep(letters)
        newest, before = self._number(NEWEST), meter.read()
        cpu = self._take()
        taken = replace(meter.since(before, events), client=cpu)
        told(self._copiers, self._written_since(newest))
        before = meter.read()
        cpu = sum(told(self._copiers, [None] * self.count))
        return taken, replace(meter.since(before, events), client=cpu)

    def _written_since(self, newest: int) -> list[list[list[Stored]]]:
        """The rows of each commit, by whose it is."""
        lanes: dict[int, dict[int, list[Stored]]] = defaultdict(lambda: defaultdict(list))
        for lane, n, *row in self._session.execute(WRITTEN, (newest,)):
            lanes[lane][n].append(tuple(row))
        found = [[*commits.values()] for commits in lanes.values()]
        return [*found, *([[]] * (self.count - len(found)))]

    def leave(self) -> None:
        """Close what keeps letters."""
        self._site.leave(self._app)


def told(members: Sequence[Member], what: Sequence[Any]) -> list[Any]:
    """Tell each something at the same time, and hear what it says."""
    for member, about in zip(members, what, strict=True):
        member.pipe.send(about)
    return [member.heard() for member in members]


def measure(site: Site, cluster: Cluster) -> list[Row]:
    """Rounds of letters for each team in turn."""
    meter = Meter(cluster.pid)
    found: dict[str, list[Spent]] = defaultdict(list)
    with ExitStack() as opened:
        site.say(f"postgres: ledgers for {', '.join(map(str, TEAMS))} workers")
        teams = [Team(site, cluster, count, opened) for count in TEAMS]
        rows = min(team.rows() for team in teams)
        for turn in range(site.sizes.rounds):
            site.say(f"postgres: sharing, round {turn + 1} of {site.sizes.rounds}")
            for team in rotated(teams, turn):
                taken, copied = team.take(meter)
                found[working(team.count)].append(taken)
                found[copying(team.count)].append(copied)
        for team in teams:
            team.leave()
    return rows_of(found, rows)


def working(count: int) -> str:
    """What it is called that so many work."""
    return f"{count} sharing the work" if count > 1 else "1 as a process of its own"


def copying(count: int) -> str:
    """What their floor is called."""
    return f"COPY by {count}"


def rows_of(found: Found, rows: int) -> list[Row]:
    """The table: each team beside its floor, then one team beside another."""
    table: list[Row] = []
    for count in TEAMS:
        mine, floor = working(count), copying(count)
        what = f"letters → owed, {mine}, log of {rows:,} rows"
        copy = floor_row(found, mine, floor, AIM_COPY if count == TWO else None)
        aim = f"{copy.aim} ({NEXT_COPY:.2f} is next)" if copy.aim else ""
        table += [rate_row(what, found[mine], "input events/s"), replace(copy, aim=aim)]
    one, two, four = (found[working(count)] for count in TEAMS)
    wall = [b / a for a, b in zip(rates(one), rates(two), strict=True)]
    python = [b.client / a.client for a, b in zip(one, four, strict=True)]
    server = [1e6 * each.server / each.count for each in two]
    return [
        *table,
        Row(
            what=f"{TWO} workers to {ALONE}, events/s", unit="", values=wall,
            aim=f"{AIM_WALL:g} at rest", reached=median(wall) >= AIM_WALL,
        ),
        Row(
            what=f"Python's CPU of an event, {FOUR} workers to {ALONE}", unit="", values=python,
            aim=f"≤ {AIM_PYTHON:g}", reached=median(python) <= AIM_PYTHON,
        ),
        Row(
            what=f"PostgreSQL's CPU of an event, {TWO} workers", unit="µs", values=server,
            aim=f"≤ {AIM_SERVER:g} µs", reached=median(server) <= AIM_SERVER,
        ),
    ]  # fmt: skip
