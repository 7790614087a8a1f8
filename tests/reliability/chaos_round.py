"""A round of chaos on PostgreSQL: quiet, hits, quiet again, and the verdict.

The ledger is compared row by row with that of one undisturbed run. The same seed makes the same
schedule; threads and processes make no two rounds quite the same.
"""

import subprocess
import time
from pathlib import Path
from random import Random
from typing import Any

from tests.real_service import RealService
from tests.reliability.books import Books, check_ledger, check_letters, check_mails
from tests.reliability.chaos import Chaos
from tests.reliability.fleet import Fleet
from tests.reliability.nemesis import BadRound
from tests.reliability.undisturbed import compared
from tests.waiting import until

QUIET_SECONDS = 4.0
CLIENTS = 4
REST_SECONDS = 0.5


def play_chaos(
    folder: Path, seed: int, hits: int, quiet: float = QUIET_SECONDS, clients: int = CLIENTS
) -> dict[str, Any]:
    """Play one round; returns what it was and what came of it."""
    begun = time.monotonic()
    with Fleet(folder, clients) as fleet:
        chaos = Chaos(fleet, Random(seed))
        until(fleet.is_shared, "each worker has its part")
        before = rate(fleet, quiet)
        try:
            chaos.go_on(hits)
            after = rate(fleet, quiet)
            fleet.crowd.leave()
            found = verdict(fleet)
        except Exception as error:
            raise BadRound(error, chaos.hits) from error
    return {
        "faults": dict(chaos.hits), **found,
        "took": {name: [round(each, 2) for each in took] for name, took in chaos.took.items()},
        "rates": [round(before), round(after)],
        "seconds": round(time.monotonic() - begun, 1),
    }  # fmt: skip


def rate(fleet: Fleet, seconds: float) -> float:
    """Count the letters taken in a second while nothing is hit and the crowd is in a hurry.

    What was left to be done is done before: mails that are late cost the same machine.
    """
    breath, fleet.crowd.breath = fleet.crowd.breath, REST_SECONDS
    fleet.calm_down()
    fleet.crowd.breath = 0.0
    begun, before = time.monotonic(), fleet.taken()
    time.sleep(seconds)
    found = (fleet.taken() - before) / (time.monotonic() - begun)
    fleet.crowd.breath = breath
    return found


def verdict(fleet: Fleet) -> dict[str, Any]:
    """Settle, stop, and look into the books; raises AssertionError with what is wrong."""
    fleet.settle()
    for each in fleet.all:
        stopped(each)
    check_ledger(fleet.doors[0])
    with Books(fleet.folder / "books", fleet.cluster.address) as books:
        unknowns = books.unknowns()
        check_letters(books, fleet.crowd)
        copies = check_mails(books, fleet.sink, unknowns)
        found = compared(
            books.ledger, fleet.folder / "undisturbed", since=fleet.begun_at, now=fleet.now()
        )
    differs = found.missing or found.surplus
    assert not differs, f"missing {found.missing[:3]}, surplus {found.surplus[:3]}"
    return {
        "letters": len(fleet.crowd.acked), "refused": fleet.crowd.refused, "rows": found.rows,
        "missing": len(found.missing), "surplus": len(found.surplus),
        "mails": copies.total(), "repeats": copies.total() - len(copies),
        "unknown": unknowns.total(),
    }  # fmt: skip


def stopped(service: RealService) -> None:
    """End it as an operator does."""
    try:
        assert service.stop() == 0, f"{service.folder.name} ended badly"
    except subprocess.TimeoutExpired as hung:
        raise AssertionError(f"{service.folder.name} did not end") from hung
