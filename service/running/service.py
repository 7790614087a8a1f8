"""Run the service: writer, views, queues and channels, each on a thread of its own."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from service.app.active_rules import FileWatch, Refused, places_of
from service.app.adobe_directory import adobe_reports
from service.app.app import SOURCES, App
from service.incoming.adobe_api.client import AdobeApi
from service.incoming.adobe_api.refresh import AdobeRefresh
from service.incoming.adobe_api.reports import AdobeReports
from service.incoming.bounces.mailbox import BounceMailbox
from service.incoming.queues.consumer import QueueConsumer
from service.ledger.follower import Origin
from service.rules.calendar import MINUTE
from service.running.clocks import JUMP_MS, ClockDoubt, TrustedClock, wall_clock
from service.running.seen_now import SeenFile, look
from service.running.threads import LOOK_EVERY_SECONDS, DeliveryThreads, Threads
from service.running.views_process import ViewsProcess
from service.sending.channel_health import HealthLog

log = logging.getLogger(__name__)

CHANNEL_PART = "channel "
ADOBE_API = "adobe-api"
ADOBE_REPORTS = "adobe-reports"
BOUNCES = "bounces-imap"
MAILBOX_EVERY_SECONDS = 60.0
LONGEST_REST_SECONDS = 30.0
"""Another process may have moved what is waited for."""
ASK_EVERY_SECONDS = 5.0
ROUNDS_AT_A_TIME = 64
QUEUED_AT_MOST = 10_000
RAN_AT_MOST_MS = MINUTE
REST_SECONDS = 0.05


class _EndedEarly(Exception):
    """End what may take long, as the service stops."""


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
        self._files = FileWatch(app.settings, app.files)
        self._health_log = HealthLog()
        self._seen = SeenFile(memory) if memory else None
        views, (folder, database_url) = app.views, app.settings.ledger
        origin = Origin(str(folder), database_url, str(views.path))
        self._views_process = ViewsProcess(origin, views.take, self.troubles)

    def start(self) -> None:
        """Open channels and queues (raises Refused) and start; the log is read meanwhile.

        So the doors can open at once, however long the views have to follow.
        """
        self.app.open_channels()
        self.app.open_queues(self.clock)
        self.app.open_adobe_api(self.clock)
        self.troubles["start"] = "the log is being read; letters are kept meanwhile"
        self._threads.spawn("writer", self._write)
        if self._seen:
            self._threads.spawn("seen", partial(self._say, self._seen))
        for transport in self.app.queues:
            self._threads.spawn(transport.name, partial(self._carry, transport))

    def _recover(self) -> None:
        """Take up where the last run stopped, then start what works on it."""
        self.clock.not_before(self.app.newest_event_at())
        self._taken_at = self.clock()
        self.app.recover(self._taken_at)
        gc.collect()
        gc.freeze()
        self.app.views.take = self._views_process.take
        self._threads.spawn("views", self._follow)
        if self.app.adobe:
            self._threads.spawn(ADOBE_API, partial(self._ask_adobe, self.app.adobe))
            self._begin_reports(self.app.adobe.api)
        if url := self.app.settings.bounces.imap_url:
            self._threads.spawn(BOUNCES, partial(self._read_bounces, BounceMailbox(url)))
        self._begin_deliveries()
        self.troubles.pop("start", None)

    def stop(self) -> list[str]:
        """Finish the round and the message in hand; return the threads that would not end."""
        self._threads.stopping.set()
        self.app.ledger.wake()
        self.app.letters.came.set()
        self.app.views.wake()
        left = self._threads.join()
        self._views_process.end()
        return left

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

    def _say(self, file: SeenFile) -> None:
        """Keep what is wrong in the file, also while the writer hangs."""
        while not self._threads.stopping.is_set():
            healths = dict(self.app.deliveries.health)
            file.keep(look(healths, dict(self.troubles), alive=self.alive))
            self._threads.stopping.wait(LOOK_EVERY_SECONDS)
        file.forget()

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
            self.app.letters.came.clear()
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
            self.app.letters.came.wait(LOOK_EVERY_SECONDS)

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
        self._more_to_ask |= self.app.look_again(now)
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
        """Tell of the channels that fail."""
        failing = self._health_log.look(self.app.deliveries.health, self.clock())
        found = {f"{CHANNEL_PART}{name}": words for name, words in failing.items()}
        for part in [p for p in self.troubles if p.startswith(CHANNEL_PART) and p not in found]:
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

    def _ask_adobe(self, adobe: AdobeRefresh) -> None:
        """Ask about people and courses whenever it is allowed."""
        stopping = self._threads.stopping
        while not stopping.is_set():
            rest = adobe.rest_seconds(self.clock())
            if rest or self.clock.doubt():
                stopping.wait(rest or LOOK_EVERY_SECONDS)
                continue
            self._threads.guarded(ADOBE_API, partial(adobe.step, self.clock()))

    def _begin_reports(self, api: AdobeApi) -> None:
        settings, told = self.app.settings, self.app.people_told_of
        if settings.adobe_api.report_at is not None:
            reports = adobe_reports(api, settings, clock=self.clock, told=told)
            fetch = partial(self._fetch_reports, reports, settings.adobe_api.report_at)
            self._threads.spawn(ADOBE_REPORTS, fetch)

    def _fetch_reports(self, reports: AdobeReports, daily_at: int) -> None:
        """Fetch reports each day, beside the look-ups: an import of many people takes a while."""
        stopping = self._threads.stopping

        def go_on() -> None:
            if stopping.is_set():
                raise _EndedEarly

        def step() -> None:
            rest = reports.rest_seconds(daily_at)
            if rest > 0 or self.clock.doubt():
                stopping.wait(min(rest or LOOK_EVERY_SECONDS, LONGEST_REST_SECONDS))
                return
            with suppress(_EndedEarly):
                reports.step_due(daily_at, go_on)
            stopping.wait(LOOK_EVERY_SECONDS)  # another process may be at the same report

        while not stopping.is_set():
            self._threads.guarded(ADOBE_REPORTS, step)

    def _read_bounces(self, box: BounceMailbox) -> None:
        """Read the mailbox once a minute, also after trouble: a server counts wrong passwords."""
        stopping, hearing = self._threads.stopping, self.app.bounce_hearing

        def read() -> None:
            while box.read(lambda found: hearing.hear(found, self.clock(), "imap")):
                if stopping.is_set():
                    return

        while not stopping.is_set():
            self._threads.guarded(BOUNCES, read)
            stopping.wait(MAILBOX_EVERY_SECONDS)

    def _follow(self) -> None:
        while not self._threads.stopping.is_set():
            self._views_process.tend()
            seen = self.app.ledger.wait(-1, 0.0)
            if self._threads.guarded("views", self.app.views.catch_up):
                self.app.ledger.wait(seen, LOOK_EVERY_SECONDS)
