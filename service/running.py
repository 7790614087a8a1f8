"""Running: the steps of `tick`, each on a thread of its own, until told to stop."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from service.app import App, Refused
from service.rules.timepiece import Reading, Timepiece
from service.sending import queue
from service.sending.delivery import Delivery

ASK_EVERY_SECONDS = 5.0
LOOK_EVERY_SECONDS = 1.0
ROUNDS_AT_A_TIME = 64
SOON_SECONDS = 0.05
PAUSE_AFTER_ERROR_SECONDS = 1.0
STOP_SECONDS = 7.0
SETTLE_SECONDS = 5.0
GARBAGE_THRESHOLDS = (50_000, 50, 100)

log = logging.getLogger(__name__)


def wall_clock() -> int:
    """Now in ms since 1970 UTC: the one place that reads it for the service."""
    return time.time_ns() // 1_000_000


def monotonic_clock() -> int:
    """A clock that never jumps, in ms."""
    return time.monotonic_ns() // 1_000_000


class Service:
    """The threads of one service: writer, views, and one for every channel."""

    def __init__(self, app: App, clock: Callable[[], int] = wall_clock) -> None:
        self.app = app
        self.clock = clock
        self.troubles: dict[str, str] = {}
        self._stopping = threading.Event()
        self._reload = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._leaving: list[threading.Thread] = []
        self._sending: dict[str, Delivery] = {}
        self._timepiece: Timepiece | None = None
        self._more_to_ask = False
        self._files: object = None

    def start(self) -> None:
        """Opens the channels (raises Refused) and starts; the log is read in the background.

        So the door can open at once, however long the views have to follow.
        """
        self.app.open_channels()
        self.troubles["start"] = "the log is being read; letters are kept meanwhile"
        self._spawn("writer", self._write)

    def _recover(self) -> None:
        """Takes up where the last run stopped, then starts what works on it."""
        now = self.clock()
        newest = self.app.newest_event_at() or now
        self._timepiece = Timepiece(Reading(now, monotonic_clock()), newest)
        self.app.recover(max(now, newest))
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        self._spawn("views", self._follow)
        self._spawn_deliveries()
        self.troubles.pop("start", None)

    def stop(self) -> bool:
        """Finishes the round and the message in hand; false when some thread would not end."""
        self._stopping.set()
        with self.app.ledger.committed:
            self.app.ledger.committed.notify_all()
        deadline = time.monotonic() + STOP_SECONDS
        for thread in (threads := [*self._threads.values(), *self._leaving]):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def reload(self) -> None:
        """Asks for the rule file to be read again; what came of it is in `troubles`."""
        self._reload.set()

    @property
    def alive(self) -> bool:
        """Whether every thread runs."""
        return all(thread.is_alive() for thread in list(self._threads.values()))

    def _spawn(self, name: str, loop: Callable[[], None]) -> None:
        thread = threading.Thread(target=loop, name=name, daemon=True)
        thread.start()
        self._threads[name] = thread  # only now: one not begun yet would look like one that ended

    def _spawn_deliveries(self) -> None:
        """A thread for every delivery; those of retired ones finish their message and end."""
        for name in [n for n, d in self._sending.items() if self.app.deliveries.get(n) is not d]:
            del self._sending[name]
            self._leaving.append(self._threads.pop(f"delivery {name}"))
            self.troubles.pop(f"delivery {name}", None)
        self._leaving = [thread for thread in self._leaving if thread.is_alive()]
        for name, delivery in self.app.deliveries.items():
            if self._sending.get(name) is not delivery:
                self._sending[name] = delivery
                self._spawn(f"delivery {name}", self._delivering(delivery))

    def _guarded(self, name: str, step: Callable[[], object]) -> bool:
        """Runs one step; a failure is a trouble to be seen, and the loop goes on."""
        try:
            step()
        except Exception as error:
            if name not in self.troubles:
                log.exception("%s: trouble, trying again every second", name)
            self.troubles[name] = f"{type(error).__name__}: {error}"
            self._stopping.wait(PAUSE_AFTER_ERROR_SECONDS)
            return False
        if self.troubles.pop(name, None) is not None:
            log.info("%s: well again", name)
        return True

    def _write(self) -> None:
        while not self._guarded("writer", self._recover):
            if self._stopping.is_set():
                return
        looked = asked = 0.0
        while not self._stopping.is_set():
            seen = self.app.ledger.commits
            if self._reload.is_set() or time.monotonic() - looked >= LOOK_EVERY_SECONDS:
                looked = time.monotonic()
                self._guarded("reload", self._look_at_files)
            taken_at = self.clock()
            if not self._guarded("writer", self._take):
                continue
            if time.monotonic() - asked >= ASK_EVERY_SECONDS:
                well = self._guarded("clock", partial(self._ask, taken_at))
                asked = asked if well and self._more_to_ask else time.monotonic()
                continue
            self.app.ledger.wait_for_commit(seen, LOOK_EVERY_SECONDS)

    def _take(self) -> None:
        """Takes what waits, but looks up now and then: a flood must not stop the clock."""
        for _ in range(ROUNDS_AT_A_TIME):
            if self._stopping.is_set() or not self.app.intake.take(self.clock()):
                return

    def _ask(self, now: int) -> None:
        """Asks about one page of silences, so that letters are taken between two."""
        doubt = self._doubt(now)
        if doubt is not None:
            raise ClockDoubt(doubt)
        self._more_to_ask = self.app.ask_some(now)

    def _doubt(self, now: int) -> str | None:
        if self._timepiece is None:
            return None
        return self._timepiece.doubt(Reading(now, monotonic_clock()))

    def _look_at_files(self) -> None:
        files = self.app.files()
        if not self._reload.is_set() and files == self._files:
            return
        if doubt := self._doubt(self.clock()):
            self.troubles["rules"] = f"not read again until the clock is right: {doubt}"
            return
        self._reload.clear()
        try:
            if self.app.reload(self.clock()):
                log.info("the rules are active as they are now")
            self.troubles.pop("rules", None)
        except (Refused, OSError) as error:
            self.troubles["rules"] = str(error)
            log.error("the rules are refused and the old ones stay active:\n%s", error)
        finally:
            self._spawn_deliveries()
        self._files = files

    def _follow(self) -> None:
        while not self._stopping.is_set():
            seen = self.app.ledger.commits
            if self._guarded("views", self.app.views.catch_up):
                self.app.ledger.wait_for_commit(seen, LOOK_EVERY_SECONDS)

    def _delivering(self, delivery: Delivery) -> Callable[[], None]:
        others: int | None = None

        def step() -> None:
            nonlocal others
            changes = self.app.ledger.changes_of_others()
            if changes != others and self._look_again(delivery):
                others = changes
            position = self.app.views.position
            self._deliver(delivery)
            self._wait_for_work(delivery, position)

        def loop() -> None:
            while not self._stopping.is_set() and not delivery.retired:
                self._guarded(f"delivery {delivery.name}", step)
            self._settle(delivery)
            delivery.close()
            if delivery.retired:
                self._guarded("removed", lambda: self.app.cancel_removed(self.clock()))

        return loop

    def _settle(self, delivery: Delivery) -> None:
        """Records what became of its last messages, so that none repeats without a crash."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not self._guarded(f"delivery {delivery.name}", delivery.settle):
            if time.monotonic() > deadline:
                return

    def _look_again(self, delivery: Delivery) -> bool:
        """Finds by the views who waits for an address; false when these are behind the log."""
        if not self.app.views.wait_for(self.app.ledger.max_notification_id(), LOOK_EVERY_SECONDS):
            return False
        delivery.look_again(self.clock())
        return True

    def _deliver(self, delivery: Delivery) -> None:
        while not self._stopping.is_set() and delivery.deliver(self.clock(), self._stopping.is_set):
            self.app.views.wait_for(self.app.ledger.max_notification_id(), LOOK_EVERY_SECONDS)

    def _wait_for_work(self, delivery: Delivery, position: int) -> None:
        due = queue.next_due(self.app.views, delivery.name)
        seconds = LOOK_EVERY_SECONDS
        if due is not None:
            seconds = min(seconds, max(SOON_SECONDS, (due - self.clock()) / 1000))
        self.app.views.wait_for(position + 1, seconds)


class ClockDoubt(Exception):
    """The wall clock cannot be trusted: reminders pause, everything else goes on."""
