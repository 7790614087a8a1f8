"""Have the log followed into the views by a second process, where there is a core for it."""

import logging
import os
import signal
import subprocess  # nosec B404 # our own module alone
import sys
import threading
import time
from collections.abc import Collection, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from pathlib import Path

import msgspec

from service.ledger.follower import Answer, Origin
from service.ledger.views import PageTaken, PageWanted, TakePage

FOLLOWER = (sys.executable, "-m", "service.app.installed_views")
PART = "views-process"
MANY_EVENTS = 1_000
"""In a second: who never has so many is served as well without the memory of a second process."""
CORES = 2
LEFT_TO_THE_SERVICE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A terminal or systemd sends them to every process, and the service has pages left then."""
START_SECONDS = 60.0
PATIENCE_SECONDS = 10.0
"""For a page, which takes a tenth of a second."""
END_SECONDS = 2.0
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 600.0
RAN_WELL_SECONDS = 60.0

log = logging.getLogger(__name__)


def usable_cores(root: Path = Path("/")) -> float:
    """Count the cores that this process may use, of all: by its affinity, and its cgroup's quota.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    """
    known = hasattr(os, "sched_getaffinity")
    cores: float = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # there is no such file, or its quota is `max`
        group = (root / "proc/self/cgroup").read_text().strip().rpartition("::")[2]
        quota, period = (root / f"sys/fs/cgroup{group}/cpu.max").read_text().split()
        cores = min(cores, int(quota) / int(period))
    return cores


@contextmanager
def _blocked(signals: Collection[signal.Signals]) -> Iterator[None]:
    """Let what this thread starts never hear of these signals: a mask is inherited."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Failed(Exception):
    """Say why a process follows no more."""


class _RunningFollower:
    """Hold a process that follows, and this end of the wire to it."""

    def __init__(self, origin: Origin) -> None:
        """Start it; raises OSError where that is not possible."""
        self.begun_at = time.monotonic()
        self._ready = False
        self._wire, theirs = Pipe()
        with theirs, _blocked(LEFT_TO_THE_SERVICE):
            self._process = subprocess.Popen(  # nosec B603 # our own module, without a shell
                FOLLOWER, stdin=theirs.fileno(), stdout=subprocess.DEVNULL
            )
        self._send(origin)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_ready(self) -> bool:
        """Tell whether its modules are loaded and its files open; raises _Failed."""
        if self._ready and self._process.poll() is not None:
            raise _Failed(f"it ended with {self._process.returncode}")
        if not self._ready and self._wire.poll():
            self._ready = bool(self._received())
        if not self._ready and time.monotonic() - self.begun_at > START_SECONDS:
            raise _Failed(f"not ready in {START_SECONDS:.0f} seconds")
        return self._ready

    def take(self, wanted: PageWanted) -> PageTaken:
        """Have it take a page; raises _Failed."""
        self._send(wanted)
        if not self._wire.poll(PATIENCE_SECONDS):
            raise _Failed(f"no answer in {PATIENCE_SECONDS:.0f} seconds")
        return self._received()

    def end(self) -> None:
        """Let it go, and see that it ends."""
        self._wire.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._process.kill()

    def kill(self) -> None:
        """End it whatever it does, so that it writes no more."""
        self._process.kill()
        self.end()

    def _send(self, what: msgspec.Struct) -> None:
        with suppress(OSError):  # it has ended, and may have left a word
            self._wire.send_bytes(msgspec.json.encode(what))

    def _received(self) -> PageTaken:
        try:
            answer: Answer = msgspec.json.decode(self._wire.recv_bytes(), type=Answer)
        except (EOFError, OSError) as error:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
            raise _Failed(f"it ended with {self._process.returncode}") from error
        if isinstance(answer, str):
            raise _Failed(answer)
        return answer


class ViewsProcess:
    """Have pages of the log taken by a second process, once there is much to do.

    While there is none, as until it is ready or when it failed, this process takes them itself;
    so it does where there is one core.
    """

    def __init__(self, origin: Origin, here: TakePage, troubles: MutableMapping[str, str]) -> None:
        self._origin, self._here, self._troubles = origin, here, troubles
        self._lock = threading.Lock()
        self._follower: _RunningFollower | None = None
        self._worthwhile = usable_cores() >= CORES
        self._needed = False
        self._counted, self._counted_since = 0, 0.0
        self._not_before, self._pause = 0.0, SHORTEST_PAUSE_SECONDS

    def take(self, wanted: PageWanted) -> PageTaken:
        """Take a page, there or here."""
        with self._lock:
            taken = self._taken_there(wanted) if self._is_ready() else None
        if taken is None:
            taken = self._here(wanted)
            self._count(taken.events)
        return taken

    @property
    def pid(self) -> int | None:
        """Name the process; None while this one follows the log itself."""
        follower = self._follower
        return follower.pid if follower and self._is_ready() else None

    def tend(self) -> None:
        """Start the process when it is needed, and again when it has failed."""
        with self._lock:
            if self._is_ready():
                self._troubles.pop(PART, None)
            elif self._follower is None and self._needed and time.monotonic() >= self._not_before:
                self._begin()

    def end(self) -> None:
        """Let the process go, when nobody follows any more."""
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.end()

    def _count(self, events: int) -> None:
        if (now := time.monotonic()) - self._counted_since >= 1:
            self._counted, self._counted_since = 0, now
        self._counted += events
        self._needed |= self._worthwhile and self._counted >= MANY_EVENTS

    def _begin(self) -> None:
        try:
            self._follower = _RunningFollower(self._origin)
        except OSError as error:
            self._failed(f"it cannot be started: {error.strerror}", ran=0.0)

    def _is_ready(self) -> bool:
        try:
            return self._follower is not None and self._follower.is_ready()
        except _Failed as error:
            self._let_go(self._follower, error)
            return False

    def _taken_there(self, wanted: PageWanted) -> PageTaken | None:
        assert self._follower is not None
        try:
            return self._follower.take(wanted)
        except _Failed as error:
            self._let_go(self._follower, error)
            return None

    def _let_go(self, follower: _RunningFollower | None, error: _Failed) -> None:
        assert follower is not None
        follower.kill()
        self._follower = None
        self._failed(str(error), time.monotonic() - follower.begun_at)

    def _failed(self, why: str, ran: float) -> None:
        """Tell of it, and wait for longer each time before it is started again."""
        pause = SHORTEST_PAUSE_SECONDS if ran >= RAN_WELL_SECONDS else self._pause
        self._not_before = time.monotonic() + pause
        self._pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        words = f"{why}; the service follows the log itself, and starts it anew in {pause:.0f} s"
        self._troubles[PART] = f"the process that follows the log: {words}"
        about = {"event": "views.process_failed", "seconds": round(pause)}
        log.warning("the process that follows the log: %s", words, extra=about)
