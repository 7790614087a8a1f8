"""Keep the threads of the service: a failure of one is a trouble to be seen, and it goes on."""

import logging
import threading
import time
from collections.abc import Callable

from service.app.app import App
from service.incoming.adobe_api.http_exchange import ApiTrouble
from service.incoming.bounces.mailbox import MailboxTrouble
from service.incoming.queues.consumer import QueueError
from service.ledger.store import LeaseLost, LedgerError
from service.running.clocks import ClockDoubt, TrustedClock
from service.sending import queue
from service.sending.delivery import DeliveryWorker

PAUSE_AFTER_ERROR_SECONDS = 1.0
STOP_SECONDS = 7.0
EXPECTED = (QueueError, ClockDoubt, LedgerError, ApiTrouble, MailboxTrouble)
"""Troubles of the world around, told without a traceback."""

log = logging.getLogger(__name__)


class Threads:
    """Hold the threads of one service; `troubles` are by the name of the part that has one."""

    def __init__(self, troubles: dict[str, str] | None = None) -> None:
        self.stopping = threading.Event()
        self.troubles: dict[str, str] = {} if troubles is None else troubles
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
        """Run one step; a failure is a trouble to be seen, and the loop goes on.

        Unless the lease is lost: then all of these threads are to end.
        """
        try:
            step()
        except LeaseLost:
            self.stopping.set()
            return False
        except BaseException as error:  # whatever a library raises: a thread must not end by it
            known = isinstance(error, EXPECTED)
            if name not in self.troubles:
                words = error if known else type(error).__name__
                about = {"event": "part.trouble", "part": name}
                log.error("trouble, trying again: %s", words, exc_info=not known, extra=about)
            self.troubles[name] = str(error) if known else f"{type(error).__name__}: {error}"
            self.stopping.wait(PAUSE_AFTER_ERROR_SECONDS)
            return False
        ended = self.stopping.is_set()  # a step cut short proves nothing
        if not ended and self.troubles.pop(name, None) is not None:
            log.info("well again", extra={"event": "part.well", "part": name})
        return True

    def join(self, deadline: float) -> list[str]:
        """Wait until all have ended, or until then; return the names of those that would not."""
        threads = [*self._running.values(), *self._leaving]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [thread.name for thread in threads if thread.is_alive()]


LOOK_EVERY_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 3.0
SHARE_OF_SENDING = 20.0
"""Between two looks for addresses: each letter of somebody new may bring one, and a look at 50,000
who wait takes seconds (measured) in which nothing is sent."""
SOON_SECONDS = 0.05
SETTLE_SECONDS = 5.0
NOTHING_SEEN = 2**62
"""Further than any log: only the first connection looks at every change, the others at what is
left waiting."""


class DeliveryThreads:
    """Keep a thread for each delivery worker in use."""

    def __init__(self, app: App, threads: Threads, clock: TrustedClock) -> None:
        self._app = app
        self._threads = threads
        self._clock = clock
        self._sending: dict[str, DeliveryWorker] = {}

    def spawn(self) -> None:
        """Begin a thread for every worker; those of retired ones finish their message and end."""
        workers = self._app.deliveries.connections
        for name in [n for n, d in self._sending.items() if workers.get(n) is not d]:
            del self._sending[name]
            self._threads.let_go(f"delivery {name}")
        for name, delivery in workers.items():
            if self._sending.get(name) is not delivery:
                self._sending[name] = delivery
                self._threads.spawn(f"delivery {name}", self._delivering(delivery))

    def _delivering(self, delivery: DeliveryWorker) -> Callable[[], None]:
        known: object = None
        next_look = 0.0

        def step() -> None:
            nonlocal known, next_look
            if self._rests():
                self._threads.stopping.wait(LOOK_EVERY_SECONDS)
                return
            changes, begun = self._app.changes_of_people(), time.monotonic()
            news = delivery.connection == 1 and changes != known
            if news and begun >= next_look and self._look_again(delivery):
                known, ended = changes, time.monotonic()
                next_look = ended + max(LOOK_AGAIN_SECONDS, SHARE_OF_SENDING * (ended - begun))
            position = self._app.views.position
            self._deliver(delivery)
            self._wait_for_work(delivery, position)

        def loop() -> None:
            while not self._threads.stopping.is_set() and not delivery.retired:
                self._threads.guarded(f"delivery {delivery.label}", step)
            self._settle(delivery)
            delivery.close()
            if delivery.retired:
                self._threads.guarded("removed", lambda: self._app.cancel_removed(self._clock()))

        return loop

    def _settle(self, delivery: DeliveryWorker) -> None:
        """Record what became of a worker's last messages, so that none repeats without a crash."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not self._threads.guarded(f"delivery {delivery.label}", delivery.settle):
            if time.monotonic() > deadline:
                return

    def _look_again(self, delivery: DeliveryWorker) -> bool:
        """Find by the views who waits for an address; false when these are behind the log."""
        if not self._followed():
            return False
        delivery.look_again(self._clock())
        return True

    def _deliver(self, delivery: DeliveryWorker) -> None:
        while not self._rests() and delivery.deliver(self._clock(), self._rests):
            self._followed()

    def _rests(self) -> bool:
        """Tell whether no more is to leave: the service stops, or its clock is in doubt."""
        return self._threads.stopping.is_set() or self._clock.doubt() is not None

    def _followed(self) -> bool:
        """Wait a while until the views are at the end of the log."""
        return not self._app.views.reach_end(LOOK_EVERY_SECONDS)

    def _wait_for_work(self, delivery: DeliveryWorker, position: int) -> None:
        due = queue.next_due(self._app.views, delivery.name)
        seconds = LOOK_EVERY_SECONDS
        if due is not None:
            seconds = min(seconds, max(SOON_SECONDS, (due - self._clock()) / 1000))
        seen = position + 1 if delivery.connection == 1 else NOTHING_SEEN
        self._app.views.wait_for(seen, seconds)
