"""Run the service: writer, views, queues and channels, each on a thread of its own."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from service.app.active_rules import FileWatch, Refused, places_of
from service.app.app import SOURCES, App
from service.incoming.queues.consumer import QueueConsumer, QueueError
from service.ledger.ledger import LedgerError
from service.running.clocks import JUMP_MS, ClockDoubt, TrustedClock, wall_clock
from service.sending import queue
from service.sending.channel_health import HealthLog
from service.sending.delivery import DeliveryWorker

PAUSE_AFTER_ERROR_SECONDS = 1.0
STOP_SECONDS = 7.0
EXPECTED = (QueueError, ClockDoubt, LedgerError)
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
                words = error if known else type(error).__name__
                about = {"event": "part.trouble", "part": name}
                log.error("trouble, trying again: %s", words, exc_info=not known, extra=about)
            self.troubles[name] = f"{type(error).__name__}: {error}"
            self.stopping.wait(PAUSE_AFTER_ERROR_SECONDS)
            return False
        ended = self.stopping.is_set()  # a step cut short proves nothing
        if not ended and self.troubles.pop(name, None) is not None:
            log.info("well again", extra={"event": "part.well", "part": name})
        return True

    def join(self) -> list[str]:
        """Wait until all have ended; return the names of those that would not in time."""
        deadline = time.monotonic() + STOP_SECONDS
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
        end = self._app.ledger.max_notification_id()
        return self._app.views.wait_for(end, LOOK_EVERY_SECONDS)

    def _wait_for_work(self, delivery: DeliveryWorker, position: int) -> None:
        due = queue.next_due(self._app.views, delivery.name)
        seconds = LOOK_EVERY_SECONDS
        if due is not None:
            seconds = min(seconds, max(SOON_SECONDS, (due - self._clock()) / 1000))
        seen = position + 1 if delivery.connection == 1 else NOTHING_SEEN
        self._app.views.wait_for(seen, seconds)


CHANNEL = "channel"
ASK_EVERY_SECONDS = 5.0
ROUNDS_AT_A_TIME = 64
QUEUED_AT_MOST = 10_000
RAN_AT_MOST_MS = 60_000
REST_SECONDS = 0.05


class Service:
    """Run the threads of one service: writer, views, one for every queue and every channel."""

    def __init__(
        self, app: App, clock: Callable[[], int] = wall_clock, *, memory: Path | None = None
    ) -> None:
        """Take the wall clock, and the folder that remembers when it could be trusted."""
        self.app = app
        self.clock = TrustedClock(clock, folder=memory)
        self._threads = Threads()
        self._deliveries = DeliveryThreads(app, self._threads, self.clock)
        self._reload = threading.Event()
        self._heard = self._taken_at = 0
        self._more_to_ask = False
        self._files = FileWatch(app.settings)
        self._health_log = HealthLog()

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
        self.clock.not_before(self.app.newest_event_at())
        self._taken_at = self.clock()
        self.app.recover(self._taken_at)
        gc.collect()
        gc.freeze()
        self._threads.spawn("views", self._follow)
        self._begin_deliveries()
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
            if self.clock.doubt() and not self._threads.guarded("clock", self._trust):
                asked = 0.0  # so that it is said at once when the doubt is over
                continue
            seen = self.app.ledger.commits
            if time.monotonic() - looked >= LOOK_EVERY_SECONDS:
                looked = time.monotonic()
                self._threads.guarded("reload", partial(self._look_at_files, looked))
                self._threads.guarded("channels looked at", self._look_at_channels)
            taken_at = self.clock()
            if not self._threads.guarded("writer", self._take):
                continue
            if time.monotonic() - asked >= ASK_EVERY_SECONDS:
                well = self._threads.guarded("clock", partial(self._ask, taken_at))
                self._threads.guarded("digests", self._close_digests)
                asked = asked if well and self._more_to_ask else time.monotonic()
                continue
            self.app.ledger.wait_for_commit(seen, LOOK_EVERY_SECONDS)

    def _trust(self) -> None:
        """Weigh what came in since the clock is in doubt; raise ClockDoubt while it is."""
        if self.clock.check() is not None:
            self._heard, moments = self.app.intake.told_since(self._heard)
            self.clock.hear(moments)
        if doubt := self.clock.doubt():
            raise ClockDoubt(doubt)

    def _take(self) -> None:
        """Take what waits, but look up now and then: a flood must not stop the clock."""
        before, self._taken_at = self._taken_at, self.clock()
        if self._taken_at < before - JUMP_MS:
            self.app.bring_forward(self._taken_at)
        for _ in range(ROUNDS_AT_A_TIME):
            if self._threads.stopping.is_set() or self.clock.doubt():
                return
            if not self.app.intake.take(self.clock()):
                return

    def _ask(self, now: int) -> None:
        """Ask about one page of silences, so that letters are taken between two."""
        self.clock.check()
        self.app.ask_feeds(now, RAN_AT_MOST_MS)
        if behind := self.app.behind():
            self.troubles["queues"] = f"reminders wait until {', '.join(behind)} is read to its end"
        else:
            self.troubles.pop("queues", None)
        self._more_to_ask = self.app.ask_some(now)

    def _close_digests(self) -> None:
        now = self.clock()
        self.app.sweep(now)
        self.app.close_digests(now)

    def _look_at_files(self, moment: float) -> None:
        """Read the files anew when they have changed, or it was asked for, and they stand still."""
        self._files.look(moment)
        if not (self._reload.is_set() or self._files.changed):
            return
        if not self._files.stand_still(moment):
            if self._files.restless(moment):
                self.troubles["rules"] = "not read again: the files are written to all the time"
            return
        self._reload.clear()
        try:
            fresh = self._files.read(SOURCES)
            if fresh is None:
                return
            if self.app.use(fresh, self.clock()):
                log.info("the rules are active as they are now", extra={"event": "rules.active"})
            if self.troubles.pop("rules", None):
                log.info("the files are accepted again", extra={"event": "rules.mended"})
        except (Refused, OSError) as error:
            self.troubles["rules"] = str(error)
            about = {"event": "rules.refused", "mistakes": places_of(str(error))}
            log.error("the old rules stay active; `coursebell check` says why", extra=about)
        finally:
            self._begin_deliveries()

    def _look_at_channels(self) -> None:
        """Tell of the channels that fail; by a clock in doubt too, as it decides nothing here."""
        failing = self._health_log.look(self.app.deliveries.health, self.clock())
        found = {f"{CHANNEL} {name}": words for name, words in failing.items()}
        for part in [p for p in self.troubles if p.startswith(f"{CHANNEL} ") and p not in found]:
            self.troubles.pop(part)
        self.troubles.update(found)

    def _begin_deliveries(self) -> None:
        """Deliver by every open channel, and tell of those that are held."""
        self._deliveries.spawn()
        held = "; ".join(self.app.held_channels.values())
        if not held:
            self.troubles.pop("channels", None)
        elif self.troubles.get("channels") != held:
            self.troubles["channels"] = held
            log.error("%s", held, extra={"event": "channel.held"})

    def _follow(self) -> None:
        while not self._threads.stopping.is_set():
            seen = self.app.ledger.commits
            if self._threads.guarded("views", self.app.views.catch_up):
                self.app.ledger.wait_for_commit(seen, LOOK_EVERY_SECONDS)
