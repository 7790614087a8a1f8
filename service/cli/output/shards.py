"""Say who has which shards of a ledger that several work on, and how far the slowest is."""

from collections.abc import Iterator
from time import monotonic, sleep

import msgspec

from service.incoming.letters import Letters
from service.ledger.store import Store
from service.rules.text import counted

HANDED_OVER_SECONDS = 10.0
"""Who works looks up that often, in a flood, to give back what is more than a share."""
LOOK_AGAIN_SECONDS = 0.25


class WorkerStatus(msgspec.Struct, frozen=True):
    """Name a process that works; who has the office does what is no learner's, and sends."""

    host: str
    pid: int
    shards: int
    office: bool


class ShardsStatus(msgspec.Struct, frozen=True):
    """Say who has which part of the work; `behind` are letters the slowest shard has to pass."""

    total: int
    unheld: int
    behind: int
    workers: list[WorkerStatus]


def shards_at_rest(ledger: Store) -> ShardsStatus | None:
    """Say who has the shards; once they are all had, if some are being handed over just now."""
    deadline = monotonic() + HANDED_OVER_SECONDS
    while (found := ledger.sharing()) and found.at_work and found.unheld and monotonic() < deadline:
        sleep(LOOK_AGAIN_SECONDS)
    if found is None:
        return None
    return ShardsStatus(
        total=len(found.shards),
        unheld=found.unheld,
        behind=Letters(ledger).parts.beyond(found.lowest),
        workers=[
            WorkerStatus(each.host, each.pid, each.shards, office=each.first)
            for each in found.at_work
        ],
    )


def shards_in_words(shards: ShardsStatus) -> Iterator[tuple[str, str]]:
    """Say how many shards are held, how far the slowest is, and who has them."""
    held = shards.total - shards.unheld
    letters = counted(shards.behind, "letter")
    slowest = f"the slowest is {letters} behind" if shards.behind else "none is behind"
    yield "shards", f"{held} of {shards.total} held; {slowest}"
    for worker in shards.workers:
        office = ", and the office" if worker.office else ""
        has = f"{counted(worker.shards, 'shard')}{office}"
        yield "at work", f"process {worker.pid} on {worker.host}: {has}"


def unheld_in_words(shards: ShardsStatus) -> str:
    """Say that nobody takes a part of the letters, and what to do."""
    office = any(worker.office for worker in shards.workers)
    without = "" if office else ", and with them sending"
    return (
        f"{shards.unheld} of {shards.total} shards are held by nobody who lives: letters of their "
        f"learners wait{without}; look at the logs of those at work, and start them again"
    )
