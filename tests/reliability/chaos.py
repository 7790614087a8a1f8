"""Chaos: a seeded schedule of hits on a fleet under load, and the verdict.

Doors and workers are killed and frozen, sessions are ended and the server is crashed, while letters
come in all the time. Then the ledger is compared row by row with that of one undisturbed run. The
same seed makes the same schedule; threads and processes make no two rounds quite the same.
"""

import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from tests.real_service import RealService
from tests.reliability.books import Books, check_ledger, check_letters, check_mails
from tests.reliability.fleet import LEASE_SECONDS, LOOK_SECONDS, Fleet
from tests.reliability.nemesis import BadRound
from tests.reliability.undisturbed import compared
from tests.reliability.victim import is_so

AT_ONCE = 0.3
"""So often the next hit comes before the last one is over."""
PAUSE_SECONDS = (0.0, 0.3)
PATIENCE_SECONDS = 30.0
QUIET_SECONDS = 4.0
IN_FLIGHT_SECONDS = 0.05
"""So long a packet may still be under way that a process sent just before it was stopped."""
WAKES_AFTER = (1.2, 2.2)
"""Of the time of a lease."""
END_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""



class Hit(NamedTuple):
    """`does` hits, false where it missed; `over` counts what grows once it is over."""

    words: str
    often: int
    does: Callable[["Chaos"], bool]
    over: Callable[[Fleet], int]


HITS: dict[str, Hit] = {}


def hit(
    name: str, words: str, often: int = 2, over: Callable[[Fleet], int] = Fleet.decided
) -> Callable[[Callable[["Chaos"], bool]], None]:
    """Put a hit into the table, so often among the others."""

    def put(does: Callable[["Chaos"], bool]) -> None:
        HITS[name] = Hit(words, often, does, over)

    return put


class Blow(NamedTuple):
    """A hit that is not over yet: what was counted just after it, and when it was."""

    name: str
    counted: int
    at: float


class Chaos:
    """Hits a fleet again and again; `took` are seconds until work went on, by kind of hit."""

    def __init__(self, fleet: Fleet, chance: Random) -> None:
        self.fleet = fleet
        self.chance = chance
        self.hits = Counter[str]()
        self.took: dict[str, list[float]] = defaultdict(list)
        self.frozen: dict[RealService, float] = {}
        """Who sleeps, and until when."""
        self._blows: list[Blow] = []

    def go_on(self, hits: int) -> None:
        """Hit so often; afterwards all is whole again."""
        names = [name for name, each in HITS.items() for _ in range(each.often)]
        while self.hits.total() < hits:
            self._hit(self.chance.choice(names))
            if self.chance.random() >= AT_ONCE:
                self.until(lambda: not self._blows, "work goes on")
            is_so(self.look, self.chance.uniform(*PAUSE_SECONDS))
        self.until(lambda: not self._blows and not self.frozen, "all is whole again")

    def _hit(self, name: str) -> None:
        at = time.monotonic()
        if HITS[name].does(self):
            self.hits[name] += 1
            self._blows.append(Blow(name, HITS[name].over(self.fleet), at))

    def look(self) -> None:
        """Note what is over and who sleeps, and wake who has slept enough."""
        now = time.monotonic()
        for worker in self.fleet.workers:
            if worker not in self.frozen and stands_still(worker):
                self.sleeps(worker)
        for worker in [each for each, until in self.frozen.items() if now > until]:
            worker.process.send_signal(signal.SIGCONT)
            del self.frozen[worker]
        for blow in [*self._blows]:
            if HITS[blow.name].over(self.fleet) > blow.counted:
                self.took[blow.name].append(now - blow.at)
                self._blows.remove(blow)

    def beside(self, work: Callable[[], None]) -> None:
        """Do what may wait for somebody who is frozen."""
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(work)
            self.until(done.done, f"{work.__qualname__} has ended")
            done.result()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for it while sleepers are woken."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.look()
            assert time.monotonic() < until, f"waited in vain until {what}: {self._blows}"
            time.sleep(LOOK_SECONDS)

    def holder(self) -> RealService | None:
        """The worker that decides, unless it sleeps."""
        held = self.fleet.holder()
        return None if held in self.frozen else held

    def freeze(self, worker: RealService) -> None:
        """Stop a worker for longer than its lease."""
        worker.process.send_signal(signal.SIGSTOP)
        self.sleeps(worker)

    def sleeps(self, worker: RealService) -> None:
        """Note that a worker stands still."""
        until = time.monotonic() + self.chance.uniform(*WAKES_AFTER) * LEASE_SECONDS
        self.frozen[worker] = until
        time.sleep(IN_FLIGHT_SECONDS)


@hit("worker killed", "`kill -9` of the worker that decides", often=4)
def kill_the_worker(chaos: Chaos) -> bool:
    worker = chaos.holder()
    return bool(worker) and killed(chaos, worker)


@hit("standby killed", "`kill -9` of a worker that stands by", often=1)
def kill_a_standby(chaos: Chaos) -> bool:
    held = chaos.fleet.holder()
    others = [each for each in chaos.fleet.workers if each not in (held, *chaos.frozen)]
    return bool(others) and killed(chaos, chaos.chance.choice(others))


@hit("door killed", "`kill -9` of a door", over=lambda fleet: len(fleet.crowd.acked))
def kill_a_door(chaos: Chaos) -> bool:
    return killed(chaos, chaos.chance.choice(chaos.fleet.doors))


def killed(chaos: Chaos, service: RealService) -> bool:
    """Kill a process and start it again, as what watches over it does."""
    service.kill()
    chaos.beside(service.start)
    return True


@hit("worker frozen", "SIGSTOP of the worker that decides, for 1.2 to 2.2 times its lease", often=3)
def freeze_the_worker(chaos: Chaos) -> bool:
    worker = chaos.holder()
    if worker:
        chaos.freeze(worker)
    return bool(worker)


@hit("worker frozen in a COPY", "the same in the middle of a COPY")
def freeze_in_a_copy(chaos: Chaos) -> bool:
    worker = chaos.holder()
    if not worker:
        return False
    chaos.fleet.freeze.touch()
    chaos.beside(chaos.fleet.crowd.post_big)
    stopped = is_so(lambda: stands_still(worker), 2)
    chaos.fleet.freeze.unlink(missing_ok=True)
    chaos.look()
    return stopped


def stands_still(worker: RealService) -> bool:
    """Tell whether a process was stopped by a signal (proc(5), the state in `stat`)."""
    with suppress(OSError):
        text = Path(f"/proc/{worker.process.pid}/stat").read_text()
        return text.rpartition(")")[2].split()[0] == "T"
    return False


@hit("sessions ended", "every session is terminated by the server")
def end_the_sessions(chaos: Chaos) -> bool:
    chaos.fleet.cluster.execute(END_ALL)
    return True


@hit("server crashed", "SIGQUIT to PostgreSQL, as `pg_ctl stop -m immediate`, and a start")
def crash_the_server(chaos: Chaos) -> bool:
    chaos.fleet.cluster.stop(signal.SIGQUIT)
    chaos.fleet.cluster.start()
    return True


def play_chaos(folder: Path, seed: int, hits: int, quiet: float = QUIET_SECONDS) -> dict[str, Any]:
    """Play one round; returns what it was and what came of it."""
    begun = time.monotonic()
    with Fleet(folder) as fleet:
        chaos = Chaos(fleet, Random(seed))
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
    """Count the letters taken in a second while nothing is hit and the crowd is in a hurry."""
    fleet.crowd.breath, breath = 0.0, fleet.crowd.breath
    begun, before = time.monotonic(), fleet.taken()
    time.sleep(seconds)
    found = (fleet.taken() - before) / (time.monotonic() - begun)
    fleet.crowd.breath = breath
    return found


def verdict(fleet: Fleet) -> dict[str, Any]:
    """Settle, stop, and look into the books; raises AssertionError with what is wrong."""
    fleet.settle()
    for each in [*fleet.doors, *fleet.workers]:
        assert each.stop() == 0
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
        "mails": copies.total(), "repeats": copies.total() - len(copies),
        "unknown": unknowns.total(),
    }  # fmt: skip
