"""Run each delivery worker on a thread, so that a dead mail server stops nothing else."""

import time
from collections.abc import Callable

from service.app.app import App
from service.running.threads import Threads
from service.sending import queue
from service.sending.delivery import DeliveryWorker

LOOK_EVERY_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 3.0
SHARE_OF_SENDING = 20.0
"""Between two looks for addresses: each letter of somebody new may bring one, and a look at 50,000
who wait takes seconds (measured) in which nothing is sent."""
SOON_SECONDS = 0.05
SETTLE_SECONDS = 5.0


class DeliveryThreads:
    """Keep a thread for each delivery worker in use."""

    def __init__(self, app: App, threads: Threads, clock: Callable[[], int]) -> None:
        self._app = app
        self._threads = threads
        self._clock = clock
        self._sending: dict[str, DeliveryWorker] = {}

    def spawn(self) -> None:
        """Begin a thread for every worker; those of retired ones finish their message and end."""
        for name in [n for n, d in self._sending.items() if self._app.deliveries.get(n) is not d]:
            del self._sending[name]
            self._threads.let_go(f"delivery {name}")
        for name, delivery in self._app.deliveries.items():
            if self._sending.get(name) is not delivery:
                self._sending[name] = delivery
                self._threads.spawn(f"delivery {name}", self._delivering(delivery))

    def _delivering(self, delivery: DeliveryWorker) -> Callable[[], None]:
        known: object = None
        next_look = 0.0

        def step() -> None:
            nonlocal known, next_look
            changes, begun = self._app.changes_of_people(), time.monotonic()
            if changes != known and begun >= next_look and self._look_again(delivery):
                known, ended = changes, time.monotonic()
                next_look = ended + max(LOOK_AGAIN_SECONDS, SHARE_OF_SENDING * (ended - begun))
            position = self._app.views.position
            self._deliver(delivery)
            self._wait_for_work(delivery, position)

        def loop() -> None:
            while not self._threads.stopping.is_set() and not delivery.retired:
                self._threads.guarded(f"delivery {delivery.name}", step)
            self._settle(delivery)
            delivery.close()
            if delivery.retired:
                self._threads.guarded("removed", lambda: self._app.cancel_removed(self._clock()))

        return loop

    def _settle(self, delivery: DeliveryWorker) -> None:
        """Record what became of a worker's last messages, so that none repeats without a crash."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not self._threads.guarded(f"delivery {delivery.name}", delivery.settle):
            if time.monotonic() > deadline:
                return

    def _look_again(self, delivery: DeliveryWorker) -> bool:
        """Find by the views who waits for an address; false when these are behind the log."""
        if not self._followed():
            return False
        delivery.look_again(self._clock())
        return True

    def _deliver(self, delivery: DeliveryWorker) -> None:
        stopping = self._threads.stopping.is_set
        while not stopping() and delivery.deliver(self._clock(), stopping):
            self._followed()

    def _followed(self) -> bool:
        """Wait a while until the views are at the end of the log."""
        end = self._app.ledger.max_notification_id()
        return self._app.views.wait_for(end, LOOK_EVERY_SECONDS)

    def _wait_for_work(self, delivery: DeliveryWorker, position: int) -> None:
        due = queue.next_due(self._app.views, delivery.name)
        seconds = LOOK_EVERY_SECONDS
        if due is not None:
            seconds = min(seconds, max(SOON_SECONDS, (due - self._clock()) / 1000))
        self._app.views.wait_for(position + 1, seconds)
