"""What work costs: the clock, and processors' time of this process and of PostgreSQL's backends."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TypeVar

import msgspec

from bench.sampling import PROC
from bench.table import Row, spread

T = TypeVar("T")

BACKEND = b"postgres: coursebell "
"""How the system names a process that serves a session; the server's own are named otherwise."""

TICKS = os.sysconf("SC_CLK_TCK")


class Spent(msgspec.Struct, frozen=True):
    """What so many events or letters took: seconds, and processors' seconds on both sides."""

    count: int
    seconds: float
    client: float
    server: float

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.count / self.seconds


Found = Mapping[str, Sequence[Spent]]
"""The rounds of each thing that was measured, by its name."""


class Reading(msgspec.Struct, frozen=True):
    """The clock, and what of processors' time this process and the backends have used."""

    at: float
    client: float
    server: float


class Meter:
    """Reads what a piece of work costs; its sessions stay open until it is read again."""

    def __init__(self, server: int) -> None:
        """Takes the process id of the server, whose children the backends are."""
        self._server = server

    def read(self) -> Reading:
        """How it stands now."""
        return Reading(time.perf_counter(), time.process_time(), backends(self._server))

    def since(self, before: Reading, count: int) -> Spent:
        """What was spent on so many."""
        now = self.read()
        return Spent(
            count, now.at - before.at, now.client - before.client, now.server - before.server
        )


def backends(server: int) -> float:
    """Processors' seconds that the backends of a server have used, in ticks of 10 ms each."""
    looked_at = map(_looked_at, PROC.glob("[0-9]*"))
    return sum(seconds for parent, seconds in looked_at if parent == server)


def _looked_at(process: Path) -> tuple[int, float]:
    """The parent of a backend and the seconds it has used; 0 for what is none or has ended."""
    with suppress(OSError):
        if (process / "cmdline").read_bytes().startswith(BACKEND):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS
    return 0, 0.0


def rate_row(what: str, spent: Sequence[Spent], unit: str) -> Row:
    """A rate with what it costs."""
    return Row(what=what, unit=unit, values=rates(spent), cpu=cpu(spent))


def floor_row(
    found: Found, name: str, floor: str, least: float | None = None, *, called: str = ""
) -> Row:
    """The floor of a rate, in the line below it, with what it costs; `least` is the aim."""
    mine, floors = rates(found[name]), rates(found[floor])
    ratios = [a / b for a, b in zip(mine, floors, strict=True)]
    return Row(
        what=f"  beside {called or floor}", unit="/s", values=(), floors=floors, ratios=ratios,
        aim=f"{least:.2f}" if least else "", reached=median(ratios) >= least if least else None,
        cpu=cpu(found[floor]),
    )  # fmt: skip


def rotated(things: Sequence[T], turn: int) -> list[T]:
    """The order of this turn: each comes first in its turn, as the one before may cost it."""
    first = turn % len(things)
    return [*things[first:], *things[:first]]


def rates(spent: Sequence[Spent]) -> list[float]:
    """How many a second, of each round."""
    return [each.rate for each in spent]


def cpu(spent: Sequence[Spent]) -> str:
    """Microseconds of processors for one of them: Python's, and PostgreSQL's where that works."""
    client = spread([1e6 * each.client / each.count for each in spent])
    server = [1e6 * each.server / each.count for each in spent]
    return f"{client}\n+ {spread(server)}" if median(server) else client
