"""A holder of the lease is killed: how long until another one has it, and has committed."""

import time
from itertools import count
from multiprocessing.connection import Connection

from bench.latency import percentile
from bench.postgresql.crew import READY, Member
from bench.postgresql.installations import store_at
from bench.site import Site
from bench.table import Row
from service.ledger.events import random_id
from service.ledger.store import Append
from tests.postgres import Cluster

ROWS, TOPIC, STATE = 100, "bench.written", b"{}" * 240
ASKS_EVERY_SECONDS = 0.05
AIM_SECONDS = 1.0


def heir(pipe: Connection, address: str, held: bool) -> None:
    """Ask for the lease until it is had, then write without end.

    Says READY when the lease was refused once (another one is `held`) or is had, and by the
    monotonic clock, the same in every process, when the first commit was on disk.
    """
    store = store_at(address)
    if held:
        assert not store.acquire()
        pipe.send(READY)
    while not store.acquire():
        time.sleep(ASKS_EVERY_SECONDS)
    had = time.monotonic()
    for n in count():
        store.append(Append(rows=[(random_id(0), 1, TOPIC, STATE) for _ in range(ROWS)]))
        if n == 0:
            pipe.send((had, time.monotonic()))
        if n == 10:
            pipe.send(READY)


def measure(site: Site, cluster: Cluster) -> list[Row]:
    """One holder after the other is killed while it writes, and the next one waits already."""
    address, times = cluster.schema(), site.sizes.take_overs
    had: list[float] = []
    committed: list[float] = []
    holder = Member(heir, address, False)
    holder.heard()
    try:
        for turn in range(times):
            site.say(f"postgres: take-over {turn + 1} of {times}")
            assert holder.heard() == READY  # it is writing
            waiting = Member(heir, address, True)
            assert waiting.heard() == READY
            killed = time.monotonic()
            holder.close()
            holder = waiting
            moments = holder.heard()
            had.append(moments[0] - killed)
            committed.append(moments[1] - killed)
    finally:
        holder.close()
    return rows_of(had, committed)


def rows_of(had: list[float], committed: list[float]) -> list[Row]:
    """p50 and the longest, until the lease is had and until the first commit is on disk."""
    what = f"SIGKILL of a holder that writes → the next has committed ({len(committed)} times)"
    p50 = percentile(sorted(committed), 0.5)
    return [
        Row(what=f"{what}, p50", unit="s", values=[p50], aim=f"{AIM_SECONDS:g} s",
            reached=p50 <= AIM_SECONDS),
        Row(what="the same, longest", unit="s", values=[max(committed)]),
        Row(what="of which → it has the lease, p50", unit="s",
            values=[percentile(sorted(had), 0.5)]),
    ]  # fmt: skip
