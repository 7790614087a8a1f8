"""Work while this process has shards: take letters; with the office do all else, and deliver."""

import gc
import logging
import time
from contextlib import suppress
from functools import partial

from service.app.adobe_directory import adobe_reports
from service.app.app import App
from service.incoming.adobe_api.client import AdobeApi
from service.incoming.adobe_api.refresh import AdobeRefresh
from service.incoming.adobe_api.reports import AdobeReports
from service.incoming.bounces.mailbox import BounceMailbox
from service.incoming.queues.consumer import QueueConsumer
from service.ledger.sql import CONFLICTS
from service.rules.calendar import MINUTE
from service.running.clocks import JUMP_MS, ClockDoubt, TrustedClock
from service.running.reloader import Reloader
from service.running.threads import LOOK_EVERY_SECONDS, DeliveryThreads, Threads
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
QUEUED_AT_MOST = 10_000
RAN_AT_MOST_MS = MINUTE
REST_SECONDS = 0.05


class _EndedEarly(Exception):
    """End what may take long, as the service stops."""


class Worker:
    """Do a share of the work, on threads of its own, until it is stopped or loses a shard.

    What is wrong stands in the `troubles` of these threads.
    """

    def __init__(
        self,
        app: App,
        clock: TrustedClock,
        threads: Threads,
        reloader: Reloader,
    ) -> None:
        """Take the threads, which nobody else uses, and what reads the files again."""
        self.app = app
        self.clock = clock
        self.threads = threads
        self._deliveries = DeliveryThreads(app, threads, clock)
        self._reloader = reloader
        self._heard = self._taken_at = 0
        self._more_to_ask = False
        self._health_log = HealthLog()
        self._office = app.intake.is_office

    @property
    def troubles(self) -> dict[str, str]:
        """Name what is wrong now, by the name of the part."""
        return self.threads.troubles

    def run(self) -> None:
        """Take up where the last one stopped, then work; return when all has ended."""
        self.troubles["start"] = "the log is being read; letters are kept meanwhile"
        if self.app.ledger.lease.renew_every is not None:
            self.threads.spawn("lease", self._hold)
        for transport in self.app.queues if self._office else ():
            self.threads.spawn(transport.name, partial(self._carry, transport))
        self._write()

    def _hold(self) -> None:
        """Hold on to the shards; when one is lost, all threads end."""
        lease = self.app.ledger.lease
        while not self.threads.stopping.wait(lease.renew_every):
            self.threads.guarded("lease", lease.renew)

    def _recover(self) -> None:
        """Take up where the last run stopped, then start what works on it."""
        self.clock.not_before(self.app.newest_event_at())
        self._taken_at = self.clock()
        if not self._office:
            self._join_in()
            self.troubles.pop("start", None)
            return
        self.app.writer.rests_on = dict
        self.app.recover(self._taken_at)
        gc.collect()
        gc.freeze()
        if self.app.adobe:
            self.threads.spawn(ADOBE_API, partial(self._ask_adobe, self.app.adobe))
            self._begin_reports(self.app.adobe.api)
        if url := self.app.settings.bounces.imap_url:
            self.threads.spawn(BOUNCES, partial(self._read_bounces, BounceMailbox(url)))
        self._begin_deliveries()
        self.troubles.pop("start", None)

    def _join_in(self) -> None:
        """Take letters beside whoever does all else, or leave it all to who has the active files.

        Nothing is committed from then on by files that are not the active ones any more.
        """
        app = self.app
        standing = app.agreed_files.standing()
        if app.agreed_files.differing(app.active):
            app.ledger.lease.release()
            self.threads.stopping.set()
        else:
            app.active = app.settled(app.active, self.clock())
            app.writer.rests_on = lambda: standing

    def _look_at_shares(self) -> None:
        """Have as much of the work as others; whose part is another one now begins anew."""
        if not self.app.ledger.lease.acquire() or self.app.intake.is_office != self._office:
            self.threads.stopping.set()

    def _carry(self, transport: QueueConsumer) -> None:
        while not self.threads.stopping.is_set():
            self.threads.guarded(transport.name, partial(self._bring, transport))
        transport.close()

    def _bring(self, transport: QueueConsumer) -> None:
        """Bring letters no faster than they are taken: in the queue they are as safe as here.

        So a webhook's letter waits behind a few thousand others, and not behind a million.
        """
        full = self.app.letters.waiting_more_than(QUEUED_AT_MOST)
        if full or not transport.carry(self.threads.stopping):
            self.threads.stopping.wait(REST_SECONDS)

    def _write(self) -> None:
        while not self.threads.guarded("writer", self._recover):
            if self.threads.stopping.is_set():
                return
        looked = asked = 0.0
        while not self.threads.stopping.is_set():
            if self.clock.doubt() and not self.threads.guarded("clock", self._trust):
                asked = 0.0  # so that it is said at once when the doubt is over
                continue
            self.app.letters.came.clear()
            if time.monotonic() - looked >= LOOK_EVERY_SECONDS:
                looked = time.monotonic()
                self.threads.guarded("shares", self._look_at_shares)
                if self.threads.stopping.is_set():
                    return
                self.threads.guarded("reload", partial(self._look_at_files, looked))
                self.threads.guarded("channels looked at", self._look_at_channels)
            taken_at = self.clock()
            if not self.threads.guarded("writer", self._take):
                continue
            if self._office and time.monotonic() - asked >= ASK_EVERY_SECONDS:
                well = self.threads.guarded("clock", partial(self._ask, taken_at))
                self.threads.guarded("digests", self._close_digests)
                asked = asked if well and self._more_to_ask else time.monotonic()
                continue
            self.threads.guarded("writer", partial(self.app.intake.wait, LOOK_EVERY_SECONDS))

    def _trust(self) -> None:
        """Weigh what came in since the clock is in doubt; raise ClockDoubt while it is."""
        if self.clock.check() is not None:
            self._heard, moments = self.app.intake.told_since(self._heard)
            self.clock.hear(moments)
        if doubt := self.clock.doubt():
            raise ClockDoubt(doubt)

    def _take(self) -> None:
        """Take what waits, but look up now and then: a flood must not stop the clock.

        Nor may it keep those waiting who are to have a part of the work.
        """
        before, self._taken_at = self._taken_at, self.clock()
        if self._taken_at < before - JUMP_MS:
            self.app.bring_forward(self._taken_at)
        until = time.monotonic() + LOOK_EVERY_SECONDS
        while not (self.threads.stopping.is_set() or self.clock.doubt()):
            try:
                if not self.app.intake.take(self.clock()):
                    return
            except CONFLICTS:
                if self._office:
                    raise
                self._join_in()
            if time.monotonic() >= until:
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
        """Make the files active as they are now when they have changed; or see what others did."""
        if not self._office:
            self._reloader.look(moment, self.app.prepare)
            self._join_in()
            return
        if self._reloader.look(moment, lambda fresh: self.app.use(fresh, self.clock())):
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
        stopping = self.threads.stopping
        while not stopping.is_set():
            rest = adobe.rest_seconds(self.clock())
            if rest or self.clock.doubt():
                stopping.wait(rest or LOOK_EVERY_SECONDS)
                continue
            self.threads.guarded(ADOBE_API, partial(adobe.step, self.clock()))

    def _begin_reports(self, api: AdobeApi) -> None:
        settings, told = self.app.settings, self.app.people_told_of
        if settings.adobe_api.report_at is not None:
            reports = adobe_reports(api, settings, clock=self.clock, told=told)
            fetch = partial(self._fetch_reports, reports, settings.adobe_api.report_at)
            self.threads.spawn(ADOBE_REPORTS, fetch)

    def _fetch_reports(self, reports: AdobeReports, daily_at: int) -> None:
        """Fetch reports each day, beside the look-ups: an import of many people takes a while."""
        stopping = self.threads.stopping

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
            self.threads.guarded(ADOBE_REPORTS, step)

    def _read_bounces(self, box: BounceMailbox) -> None:
        """Read the mailbox once a minute, also after trouble: a server counts wrong passwords."""
        stopping, hearing = self.threads.stopping, self.app.bounce_hearing

        def read() -> None:
            while box.read(lambda found: hearing.hear(found, self.clock(), "imap")):
                if stopping.is_set():
                    return

        while not stopping.is_set():
            self.threads.guarded(BOUNCES, read)
            stopping.wait(MAILBOX_EVERY_SECONDS)
