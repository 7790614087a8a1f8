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

from tests.real_service import RealService
from tests.reliability.fleet import LEASE_SECONDS, LOOK_SECONDS, Fleet
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


class Hit(NamedTuple):
    """`does` hits and tells when, None where it missed; `over` counts what grows afterwards."""

    words: str
    often: int
    does: "Does"
    over: Callable[[Fleet], int]


Does = Callable[["Chaos"], float | None]
HITS: dict[str, Hit] = {}


def hit(
    name: str, words: str, often: int = 2, over: Callable[[Fleet], int] = Fleet.decided
) -> Callable[[Does], None]:
    """Put a hit into the table, so often among the others."""

    def put(does: Does) -> None:
        HITS[name] = Hit(words, often, does, over)

    return put


class Blow(NamedTuple):
    """A hit that is not over yet: what was counted just after it, and when it was."""

    name: str
    counted: int
    at: float


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
        self._blows: list[Blow] = []

    def go_on(self, hits: int) -> None:
        """Hit so often; afterwards all is whole again."""
        names = [name for name, each in HITS.items() for _ in range(each.often)]
        while self.hits.total() < hits:
            name = self.chance.choice(names)
            if at := HITS[name].does(self):
                self.hits[name] += 1
                self._blows.append(Blow(name, HITS[name].over(self.fleet), at))
            if self.chance.random() >= AT_ONCE:
                self.until(lambda: not self._blows, "work goes on")
            self._rest(self.chance.uniform(*PAUSE_SECONDS))
        self.until(self._is_whole, "all is whole again")
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
        for blow in [*self._blows]:
            if HITS[blow.name].over(self.fleet) > blow.counted:
                self.took[blow.name].append(now - blow.at)
                self._blows.remove(blow)

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

    def holder(self) -> RealService | None:
        """The worker that decides, if it is awake."""
        held = self.fleet.holder()
        return next((each for each in self.awake(self.fleet.workers) if each is held), None)

    def kill(self, service: RealService | None) -> float | None:
        """Kill a process, and have it started again, as what watches over it does."""
        if service is None:
            return None
        at = time.monotonic()
        service.kill()
        self._starting[service] = self._pool.submit(started, service)
        return at

    def freeze(self, worker: RealService | None) -> float | None:
        """Stop a worker, most often for longer than its lease."""
        if worker is None:
            return None
        at = time.monotonic()
        worker.process.send_signal(signal.SIGSTOP)
        self._sleeps(worker)
        return at

    def _sleeps(self, worker: RealService) -> None:
        until = time.monotonic() + self.chance.uniform(*WAKES_AFTER) * LEASE_SECONDS
        self._frozen[worker] = until
        time.sleep(IN_FLIGHT_SECONDS)

    def posts_big(self) -> Future[None]:
        """Post a letter whose rows are copied, beside all this."""
        return self._pool.submit(self.fleet.crowd.post_big)


@hit("worker killed", "`kill -9` of the worker that decides", often=4)
def kill_the_worker(chaos: Chaos) -> float | None:
    return chaos.kill(chaos.holder())


@hit("standby killed", "`kill -9` of a worker that stands by", often=1)
def kill_a_standby(chaos: Chaos) -> float | None:
    held = chaos.fleet.holder()
    others = [each for each in chaos.awake(chaos.fleet.workers) if each is not held]
    return chaos.kill(chaos.chance.choice(others) if held and others else None)


@hit("door killed", "`kill -9` of a door", over=lambda fleet: len(fleet.crowd.acked))
def kill_a_door(chaos: Chaos) -> float | None:
    doors = chaos.awake(chaos.fleet.doors)
    return chaos.kill(chaos.chance.choice(doors) if doors else None)


@hit("worker frozen", "SIGSTOP of the worker that decides, for 1.2 to 2.2 times its lease", often=3)
def freeze_the_worker(chaos: Chaos) -> float | None:
    return chaos.freeze(chaos.holder())


@hit("worker frozen in a COPY", "the same in the middle of a COPY")
def freeze_in_a_copy(chaos: Chaos) -> float | None:
    worker = chaos.holder()
    if worker is None:
        return None
    chaos.fleet.freeze.touch()
    posted = chaos.posts_big()
    stopped = is_so(lambda: stands_still(worker), COPY_SECONDS)
    at = time.monotonic()
    chaos.fleet.freeze.unlink(missing_ok=True)
    chaos.until(posted.done, "a big letter is kept")
    return at if stopped else None


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


@hit("sessions ended", "every session is terminated by the server")
def end_the_sessions(chaos: Chaos) -> float:
    at = time.monotonic()
    chaos.fleet.cluster.execute(END_ALL)
    return at


@hit("server crashed", "SIGQUIT to PostgreSQL, as `pg_ctl stop -m immediate`, and a start")
def crash_the_server(chaos: Chaos) -> float:
    at = time.monotonic()
    chaos.fleet.cluster.stop(signal.SIGQUIT)
    chaos.fleet.cluster.start()
    return at
