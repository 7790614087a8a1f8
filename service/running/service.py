"""Run the service: writer, views, queues and channels, each on a thread of its own."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from service.app.active_rules import Refused, state_of_files
from service.app.app import App
from service.incoming.queues.consumer import QueueConsumer
from service.running.clocks import ClockCheck, ClockDoubt, ClockReading, monotonic_clock, wall_clock
from service.running.delivery_threads import DeliveryThreads
from service.running.threads import Threads

ASK_EVERY_SECONDS = 5.0
LOOK_EVERY_SECONDS = 1.0
ROUNDS_AT_A_TIME = 64
QUEUED_AT_MOST = 10_000
RAN_AT_MOST_MS = 60_000
REST_SECONDS = 0.05
GARBAGE_THRESHOLDS = (50_000, 50, 100)

log = logging.getLogger(__name__)


class Service:
    """Run the threads of one service: writer, views, one for every queue and every channel."""

    def __init__(self, app: App, clock: Callable[[], int] = wall_clock) -> None:
        self.app = app
        self.clock = clock
        self._threads = Threads()
        self._deliveries = DeliveryThreads(app, self._threads, clock)
        self._reload = threading.Event()
        self._clock_check: ClockCheck | None = None
        self._more_to_ask = False
        self._files: object = None

    def start(self) -> None:
        """Open channels and queues (raises Refused) and start; the log is read meanwhile.

        So the doors can open at once, however long the views have to follow.
        """
        self.app.open_channels()
        self.app.open_queues(self.clock)
        self.troubles["start"] = "the log is being read; letters are kept meanwhile"
        self._threads.spawn("writer", self._write)
        for transport in self.app.queues:
            self._threads.spawn(transport.name, partial(self._carry, transport))

    def _recover(self) -> None:
        """Take up where the last run stopped, then start what works on it."""
        now = self.clock()
        newest = self.app.newest_event_at() or now
        self._clock_check = ClockCheck(ClockReading(now, monotonic_clock()), newest)
        self.app.recover(max(now, newest))
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        self._threads.spawn("views", self._follow)
        self._deliveries.spawn()
        self.troubles.pop("start", None)

    def stop(self) -> list[str]:
        """Finish the round and the message in hand; return the threads that would not end."""
        self._threads.stopping.set()
        self.app.ledger.wake()
        self.app.views.wake()
        return self._threads.join()

    def reload(self) -> None:
        """Ask for the rule file to be read again; what came of that is in `troubles`."""
        self._reload.set()

    @property
    def troubles(self) -> dict[str, str]:
        """Name what is wrong now, by the name of the part."""
        return self._threads.troubles

    @property
    def alive(self) -> bool:
        """Tell whether every thread runs."""
        return self._threads.alive

    def _carry(self, transport: QueueConsumer) -> None:
        while not self._threads.stopping.is_set():
            self._threads.guarded(transport.name, partial(self._bring, transport))
        transport.close()

    def _bring(self, transport: QueueConsumer) -> None:
        """Bring letters no faster than they are taken: in the queue they are as safe as here.

        So a webhook's letter waits behind a few thousand others, and not behind a million.
        """
        full = self.app.letters.waiting_more_than(QUEUED_AT_MOST)
        if full or not transport.carry(self._threads.stopping):
            self._threads.stopping.wait(REST_SECONDS)

    def _write(self) -> None:
        while not self._threads.guarded("writer", self._recover):
            if self._threads.stopping.is_set():
                return
        looked = asked = 0.0
        while not self._threads.stopping.is_set():
            seen = self.app.ledger.commits
            if self._reload.is_set() or time.monotonic() - looked >= LOOK_EVERY_SECONDS:
                looked = time.monotonic()
                self._threads.guarded("reload", self._look_at_files)
            taken_at = self.clock()
            if not self._threads.guarded("writer", self._take):
                continue
            if time.monotonic() - asked >= ASK_EVERY_SECONDS:
                well = self._threads.guarded("clock", partial(self._ask, taken_at))
                self._threads.guarded("digests", self._close_digests)
                asked = asked if well and self._more_to_ask else time.monotonic()
                continue
            self.app.ledger.wait_for_commit(seen, LOOK_EVERY_SECONDS)

    def _take(self) -> None:
        """Take what waits, but look up now and then: a flood must not stop the clock."""
        for _ in range(ROUNDS_AT_A_TIME):
            if self._threads.stopping.is_set() or not self.app.intake.take(self.clock()):
                return

    def _ask(self, now: int) -> None:
        """Ask about one page of silences, so that letters are taken between two."""
        doubt = self._doubt(now)
        if doubt is not None:
            raise ClockDoubt(doubt)
        self.app.ask_feeds(now, RAN_AT_MOST_MS)
        if behind := self.app.behind():
            self.troubles["queues"] = f"reminders wait until {', '.join(behind)} is read to its end"
        else:
            self.troubles.pop("queues", None)
        self._more_to_ask = self.app.ask_some(now)

    def _close_digests(self) -> None:
        """Close digests, but not by a clock in doubt: one closed early would have none tomorrow."""
        now = self.clock()
        if self._doubt(now) is None:
            self.app.close_digests(now)

    def _doubt(self, now: int) -> str | None:
        if self._clock_check is None:
            return None
        return self._clock_check.doubt(ClockReading(now, monotonic_clock()))

    def _look_at_files(self) -> None:
        files = state_of_files(self.app.settings)
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
            self._deliveries.spawn()
        self._files = files

    def _follow(self) -> None:
        while not self._threads.stopping.is_set():
            seen = self.app.ledger.commits
            if self._threads.guarded("views", self.app.views.catch_up):
                self.app.ledger.wait_for_commit(seen, LOOK_EVERY_SECONDS)
