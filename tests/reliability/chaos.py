"""Chaos: hits on a fleet under load, and how long it takes until work goes on.

Doors and workers are killed and frozen, sessions are ended and the server is crashed, at random.
"""

import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

from service.incoming.intake import OFFICE
from tests.real_service import RealService
from tests.reliability.fleet import ALL, LEASE_SECONDS, LOOK_SECONDS, Fleet
from tests.reliability.victim import is_so

AT_ONCE = 0.5
"""So often the next hit comes before the last one is over."""
PAUSE_SECONDS = (0.0, 0.3)
PATIENCE_SECONDS = 30.0
COPY_SECONDS = 3.0
TRIES = 20
IN_FLIGHT_SECONDS = 0.05
"""So long a packet may still be under way that a process sent just before it was stopped."""
WAKES_AFTER = (1.2, 2.2)
"""Of the time of a lease."""
END_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class Struck(NamedTuple):
    """When something was hit, and what tells that work goes on."""

    at: float
    is_over: Callable[[], bool]


Does = Callable[["Chaos"], Struck | None]


class Hit(NamedTuple):
    """`does` hits and tells when; None where it missed."""

    words: str
    does: Does


HITS: dict[str, Hit] = {}


def hit(name: str, words: str) -> Callable[[Does], None]:
    """Put a hit into the table."""

    def put(does: Does) -> None:
        HITS[name] = Hit(words, does)

    return put


class Chaos:
    """Hits a fleet again and again; `took` are seconds until work went on, by kind of hit.

    Who was killed is started again beside it, and who sleeps is woken, while others are hit.
    """

    def __init__(self, fleet: Fleet, chance: Random) -> None:
        self.fleet = fleet
        self.chance = chance
        self.hits = Counter[str]()
        self.took: dict[str, list[float]] = defaultdict(list)
        self._frozen: dict[RealService, float] = {}
        self._starting: dict[RealService, Future[None]] = {}
        self._pool = ThreadPoolExecutor(4)
        self._blows: list[tuple[str, Struck]] = []

    def go_on(self, hits: int) -> None:
        """Hit so often, each kind in turn by chance; afterwards all is whole again."""
        deck: list[str] = []
        while self.hits.total() < hits:
            deck = deck or self.chance.sample([*HITS], len(HITS))
            name = deck.pop()
            if struck := HITS[name].does(self):
                self.hits[name] += 1
                self._blows.append((name, struck))
            else:
                deck.insert(0, name)
            if self.chance.random() >= AT_ONCE:
                self.until(lambda: not self._blows, "work goes on")
            self._rest(self.chance.uniform(*PAUSE_SECONDS))
        self.until(self._is_whole, "all is whole again")
        self.until(self.fleet.is_shared, "each worker has its part again")
        self.until(self.since(time.monotonic()).is_over, "all of them go on")
        self._pool.shutdown()

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > until, "a moment has passed")

    def _is_whole(self) -> bool:
        return not (self._blows or self._frozen or self._starting)

    def look(self) -> None:
        """Note what is over, who has started and who sleeps; wake who has slept enough."""
        now = time.monotonic()
        for service in [each for each, started in self._starting.items() if started.done()]:
            self._starting.pop(service).result()
        for worker in self.awake(self.fleet.workers):
            if stands_still(worker):
                self._sleeps(worker)
        for worker in [each for each, until in self._frozen.items() if now > until]:
            worker.process.send_signal(signal.SIGCONT)
            del self._frozen[worker]
        for name, struck in [*self._blows]:
            if struck.is_over():
                self.took[name].append(time.monotonic() - struck.at)
                self._blows.remove((name, struck))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for it while sleepers are woken."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.look()
            assert time.monotonic() < until, f"waited in vain until {what}: {self._blows}"
            time.sleep(LOOK_SECONDS)

    def awake(self, services: Sequence[RealService]) -> list[RealService]:
        """Those that neither sleep nor are being started."""
        return [each for each in services if not (each in self._frozen or each in self._starting)]

    def worker(self, *, office: bool) -> RealService | None:
        """One that is awake and has a part of the work: the one with the office, or another."""
        shares = {each: self.fleet.shards_of(each) for each in self.awake(self.fleet.workers)}
        found = [each for each, held in shares.items() if held and (OFFICE in held) is office]
        return self.chance.choice(found) if found else None

    def kill(self, service: RealService) -> float:
        """Kill a process, and have it started again, as what watches over it does."""
        at = time.monotonic()
        service.kill()
        self._starting[service] = self._pool.submit(started, service)
        return at

    def kill_worker(self, worker: RealService | None) -> Struck | None:
        """Kill one that works."""
        if worker is None:
            return None
        had = self.fleet.shards_of(worker)
        return self.since(self.kill(worker), had)

    def freeze_worker(self, worker: RealService | None) -> Struck | None:
        """Stop one that works for longer than its lease."""
        if worker is None:
            return None
        had, at = self.fleet.shards_of(worker), time.monotonic()
        worker.process.send_signal(signal.SIGSTOP)
        self._sleeps(worker)
        return self.since(at, had)

    def since(self, at: float, shards: Sequence[int] = ALL) -> Struck:
        """What was hit then is over when each of the shards has passed a letter kept since."""
        newest = self.fleet.newest()
        return Struck(at, lambda: self.fleet.passed(shards) > newest)

    def _sleeps(self, worker: RealService) -> None:
        until = time.monotonic() + self.chance.uniform(*WAKES_AFTER) * LEASE_SECONDS
        self._frozen[worker] = until
        time.sleep(IN_FLIGHT_SECONDS)

    def posts_big(self) -> Future[None]:
        """Post a letter whose rows are copied, beside all this."""
        return self._pool.submit(self.fleet.crowd.post_big)


@hit("office killed", "`kill -9` of the worker that also sends and asks the clock")
def kill_the_office(chaos: Chaos) -> Struck | None:
    return chaos.kill_worker(chaos.worker(office=True))


@hit("worker killed", "`kill -9` of another that works")
def kill_a_worker(chaos: Chaos) -> Struck | None:
    return chaos.kill_worker(chaos.worker(office=False))


@hit(
    "office frozen",
    "SIGSTOP of the worker that also sends, for 1.2 to 2.2 times its lease",
)
def freeze_the_office(chaos: Chaos) -> Struck | None:
    return chaos.freeze_worker(chaos.worker(office=True))


@hit("worker frozen", "the same of another that works")
def freeze_a_worker(chaos: Chaos) -> Struck | None:
    return chaos.freeze_worker(chaos.worker(office=False))


@hit("worker frozen in a COPY", "the same of one that copies rows, in the middle of it")
def freeze_in_a_copy(chaos: Chaos) -> Struck | None:
    workers = chaos.awake(chaos.fleet.workers)
    chaos.fleet.freeze.touch()
    posted = chaos.posts_big()
    is_so(lambda: any(map(stands_still, workers)), COPY_SECONDS)
    at = time.monotonic()
    chaos.fleet.freeze.unlink(missing_ok=True)
    stopped = [each for each in workers if stands_still(each)]
    had = [shard for each in stopped for shard in chaos.fleet.shards_of(each)]
    struck = chaos.since(at, had) if had else None
    chaos.until(posted.done, "a big letter is kept")
    return struck


def started(service: RealService) -> None:
    """Start it, as what watches over it does: again where the server was away meanwhile."""
    for _ in range(TRIES):
        try:
            return service.start()
        except AssertionError:
            service.kill()
    raise AssertionError(f"{service.folder.name}: did not start in {TRIES} tries")


def stands_still(worker: RealService) -> bool:
    """Tell whether a process was stopped by a signal (proc(5), the state in `stat`)."""
    with suppress(OSError):
        text = Path(f"/proc/{worker.process.pid}/stat").read_text()
        return text.rpartition(")")[2].split()[0] == "T"
    return False


@hit("door killed", "`kill -9` of a door")
def kill_a_door(chaos: Chaos) -> Struck | None:
    doors = chaos.awake(chaos.fleet.doors)
    if not doors:
        return None
    at, acked = chaos.kill(chaos.chance.choice(doors)), len(chaos.fleet.crowd.acked)
    return Struck(at, lambda: len(chaos.fleet.crowd.acked) > acked)


@hit("sessions ended", "every session is terminated by the server")
def end_the_sessions(chaos: Chaos) -> Struck:
    at = time.monotonic()
    chaos.fleet.cluster.execute(END_ALL)
    return chaos.since(at)


@hit("server crashed", "SIGQUIT to PostgreSQL, as `pg_ctl stop -m immediate`, and a start")
def crash_the_server(chaos: Chaos) -> Struck:
    at = time.monotonic()
    chaos.fleet.cluster.stop(signal.SIGQUIT)
    chaos.fleet.cluster.start()
    return chaos.since(at)
