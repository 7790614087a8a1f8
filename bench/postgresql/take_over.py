"""One of those who share the work is killed: how long until each of its shards moves again."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from random import Random
from typing import NamedTuple

import msgspec
import psycopg

from bench.latency import percentile
from bench.postgresql.crew import READY, Member
from bench.postgresql.heir import heir
from bench.site import Site
from bench.table import Row
from service.ledger.postgresql.shares import BOUNDS
from service.running.threads import LOOK_EVERY_SECONDS
from tests.postgres import Cluster

AIM_SECONDS = 1.0
WORKERS = 2
PATIENCE_SECONDS = 30.0
LOOKS_EVERY_SECONDS = 0.005
LOOK = f"""
SELECT shard, split_part(owner, '/', 2), upto FROM shards
WHERE shard BETWEEN {BOUNDS[0]} AND {BOUNDS[1]}
"""


class Shard(NamedTuple):
    """The process that has it, '' for none, and how far it has come."""

    pid: str
    upto: int


Shards = Mapping[int, Shard]


class TakeOver(msgspec.Struct, frozen=True):
    """Seconds from a kill: until others had all shards of it, and until each of these moved."""

    had: float
    moved: float


class Team:
    """Some who share the work."""

    def __init__(self, address: str) -> None:
        """Let them come, and wait until each has its part."""
        self._address, self._chance = address, Random(1)
        self._session = psycopg.connect(address, autocommit=True)
        self._members = [Member(heir, address) for _ in range(WORKERS)]
        for each in self._members:
            assert each.heard() == READY
        self._share_out()

    def lose_one(self) -> TakeOver:
        """Kill the oldest of them while all write."""
        gone, *others = self._members
        time.sleep(self._chance.uniform(0, LOOK_EVERY_SECONDS))  # they looked as one came
        lost = [shard for shard, found in self._look().items() if found.pid == gone.pid]
        killed = time.monotonic()
        gone.close()
        left = {each.pid for each in others}
        had = self._until(lambda found: {found[shard].pid for shard in lost} <= left)
        moved = self._until(lambda found: all(found[shard].upto > killed * 1e6 for shard in lost))
        self._members = others
        return TakeOver(had - killed, moved - killed)

    def gain_one(self) -> float:
        """Let another come; returns the seconds until it has its part."""
        self._members.append(one := Member(heir, self._address))
        assert one.heard() == READY
        begun = time.monotonic()
        return self._share_out() - begun

    def _share_out(self) -> float:
        wanted = {each.pid for each in self._members}
        return self._until(lambda found: {shard.pid for shard in found.values()} == wanted)

    def _look(self) -> Shards:
        return {shard: Shard(pid, upto) for shard, pid, upto in self._session.execute(LOOK)}

    def _until(self, condition: Callable[[Shards], bool]) -> float:
        """Look at the shards until they are so; returns when that was seen."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition(self._look()):
            if time.monotonic() > until:
                raise TimeoutError("the shards of the bench do not move")
            time.sleep(LOOKS_EVERY_SECONDS)
        return time.monotonic()

    def close(self) -> None:
        """End all of them."""
        for each in self._members:
            each.close()
        self._session.close()


def measure(site: Site, cluster: Cluster) -> list[Row]:
    """Kill one after the other; each time another comes in its place."""
    times = site.sizes.take_overs
    losses: list[TakeOver] = []
    gains: list[float] = []
    with closing(Team(cluster.schema())) as team:
        for turn in range(times):
            site.say(f"postgres: take-over {turn + 1} of {times}")
            losses.append(team.lose_one())
            gains.append(team.gain_one())
    return rows_of(losses, gains)


def rows_of(losses: list[TakeOver], gains: list[float]) -> list[Row]:
    """p50 and the longest, until all move; and what of it passed until they were held."""
    what = f"SIGKILL of one of {WORKERS} who write → its shards move again ({len(losses)} times)"
    moved = sorted(each.moved for each in losses)
    p50 = percentile(moved, 0.5)
    return [
        Row(what=f"{what}, p50", unit="s", values=[p50], aim=f"{AIM_SECONDS:g} s",
            reached=p50 <= AIM_SECONDS),
        Row(what="the same, longest", unit="s", values=[moved[-1]]),
        Row(what="of which → others hold them, p50", unit="s",
            values=[percentile(sorted(each.had for each in losses), 0.5)]),
        Row(what="one more comes → it has its part, p50", unit="s",
            values=[percentile(sorted(gains), 0.5)]),
    ]  # fmt: skip
