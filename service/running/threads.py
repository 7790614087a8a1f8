"""Run threads beside each other, keep what troubles each, and end them all."""

import logging
import threading
import time
from collections.abc import Callable

from service.incoming.queues.consumer import QueueError
from service.running.clocks import ClockDoubt

PAUSE_AFTER_ERROR_SECONDS = 1.0
STOP_SECONDS = 7.0
EXPECTED = (QueueError, ClockDoubt)
"""Troubles of the world around, told without a traceback."""

log = logging.getLogger(__name__)


class Threads:
    """Hold the threads of one service; `troubles` are by the name of the part that has one."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.troubles: dict[str, str] = {}
        self._running: dict[str, threading.Thread] = {}
        self._leaving: list[threading.Thread] = []

    @property
    def alive(self) -> bool:
        """Tell whether every thread runs."""
        return all(thread.is_alive() for thread in list(self._running.values()))

    def spawn(self, name: str, loop: Callable[[], None]) -> None:
        """Begin a thread, which is to end soon after `stopping` is set."""
        thread = threading.Thread(target=loop, name=name, daemon=True)
        thread.start()
        self._running[name] = thread  # only now: one not begun yet would look like one that ended

    def let_go(self, name: str) -> None:
        """Let a thread end by itself from now on."""
        self._leaving = [thread for thread in self._leaving if thread.is_alive()]
        self._leaving.append(self._running.pop(name))
        self.troubles.pop(name, None)

    def guarded(self, name: str, step: Callable[[], object]) -> bool:
        """Run one step; a failure is a trouble to be seen, and the loop goes on."""
        try:
            step()
        except BaseException as error:  # whatever a library raises: a thread must not end by it
            if name not in self.troubles:
                known = isinstance(error, EXPECTED)
                log.error("%s: trouble, trying again: %s", name, error, exc_info=not known)
            self.troubles[name] = f"{type(error).__name__}: {error}"
            self.stopping.wait(PAUSE_AFTER_ERROR_SECONDS)
            return False
        ended = self.stopping.is_set()  # a step cut short proves nothing
        if not ended and self.troubles.pop(name, None) is not None:
            log.info("%s: well again", name)
        return True

    def join(self) -> list[str]:
        """Wait until all have ended; return the names of those that would not in time."""
        deadline = time.monotonic() + STOP_SECONDS
        threads = [*self._running.values(), *self._leaving]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [thread.name for thread in threads if thread.is_alive()]
