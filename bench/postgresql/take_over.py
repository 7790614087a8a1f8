"""A holder of the lease is killed: how long until another one has it, and has committed."""

import time

from bench.latency import percentile
from bench.postgresql.crew import READY, Member
from bench.postgresql.heir import heir
from bench.site import Site
from bench.table import Row
from tests.postgres import Cluster

AIM_SECONDS = 1.0


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
