"""Run one process: it follows the log, and works whenever it has shards of the ledger."""

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from service.app.active_rules import FileWatch
from service.app.app import App
from service.ledger.follower import Origin
from service.running.clocks import TrustedClock, wall_clock
from service.running.reloader import Reloader
from service.running.seen_now import SeenFile, look
from service.running.threads import LOOK_EVERY_SECONDS, STOP_SECONDS, Threads
from service.running.views_process import ViewsProcess
from service.running.worker import Worker

log = logging.getLogger(__name__)

STAND_BY_SECONDS = 0.25
LEASE = "lease"
FILES = "files"


class Service:
    """Run the threads of one process; unless it `works`, it only answers and follows the log."""

    def __init__(
        self,
        app: App,
        clock: Callable[[], int] = wall_clock,
        *,
        memory: Path | None = None,
        works: bool = True,
        activates: bool = False,
    ) -> None:
        """Take the wall clock, and the folder that remembers when it could be trusted.

        If it `activates`, the files here become the active ones though others are.
        """
        self.app = app
        self.clock = TrustedClock(clock, folder=memory)
        self._threads = Threads()
        self._working = Threads(self.troubles)
        self._reloader = Reloader(FileWatch(app.settings, app.files), self.troubles)
        self._seen = SeenFile(memory) if memory else None
        views, (folder, database_url) = app.views, app.settings.ledger
        origin = Origin(str(folder), database_url, str(views.path))
        self._views_process = ViewsProcess(origin, views.take, self.troubles)
        self.works = works
        self._activates = activates
        self.stands_by = False
        """Whether others have all the work, and this one would take a share of it."""

    def start(self) -> None:
        """Open channels and queues (raises Refused) and start; the log is read meanwhile.

        So the doors can open at once, however long the views have to follow.
        """
        self.app.open_adobe_api(self.clock)
        if self.works:
            self.app.open_ways(self.clock)
            self._threads.spawn("writer", self._work)
        else:
            self._threads.spawn("files", self._keep_up)
        if self._seen:
            self._threads.spawn("seen", partial(self._say, self._seen))
        self.app.views.take = self._views_process.take
        self._threads.spawn("views", self._follow)

    def stop(self) -> list[str]:
        """Finish the round and the message in hand; return the threads that would not end."""
        for threads in (self._threads, self._working):
            threads.stopping.set()
        self.app.ledger.wake()
        self.app.letters.came.set()
        self.app.views.wake()
        deadline = time.monotonic() + STOP_SECONDS
        left = self._threads.join(deadline) + self._working.join(deadline)
        self._views_process.end()
        return left

    def reload(self) -> None:
        """Ask for the rule file to be read again; what came of that is in `troubles`."""
        self._reloader.ask()

    @property
    def troubles(self) -> dict[str, str]:
        """Name what is wrong now, by the name of the part."""
        return self._threads.troubles

    @property
    def alive(self) -> bool:
        """Tell whether every thread runs."""
        return self._threads.alive and self._working.alive

    def _work(self) -> None:
        """Work each time that this process has shards, and stand by while it has none."""
        while not self._threads.stopping.is_set():
            if not self._threads.guarded(LEASE, self._acquire):
                continue
            if self.stands_by:
                self._look_at_files()
                self._threads.stopping.wait(STAND_BY_SECONDS)
            else:
                Worker(self.app, self.clock, threads=self._working, reloader=self._reloader).run()
                if not self._threads.stopping.is_set():
                    self._stand_down()

    def _acquire(self) -> None:
        """Take a share of the work, unless the files here are not the active ones.

        Who is to make other files the active ones waits until nobody else says which are.
        """
        self._compare()
        lease = self.app.ledger.lease
        files = self.app.agreed_files
        other = self._activates and files.differing(self.app.active) is not None
        self.stands_by = FILES in self.troubles or not lease.acquire(first=other)
        if FILES in self.troubles or (other and not self.app.intake.is_office):
            self.stands_by = True
            lease.release()

    def _compare(self) -> None:
        """Say which files here are others than the active ones."""
        found = self.app.agreed_files.differing(self.app.active, activates=self._activates)
        if not found:
            self.troubles.pop(FILES, None)
        elif self.troubles.get(FILES) != found:
            self.troubles[FILES] = found
            log.error("%s", found, extra={"event": "files.differ"})

    def _stand_down(self) -> None:
        """Leave the work to whoever has the shards now, or begin anew with others of them."""
        if not self.app.ledger.lease.held:
            log.warning("leaves all work to others, asks anew", extra={"event": "lease.lost"})
        self._working.join(time.monotonic() + STOP_SECONDS)
        while not self._threads.guarded(LEASE, partial(self.app.stand_down, self.clock)):
            if self._threads.stopping.is_set():
                return
        self._working = Threads(self.troubles)

    def _keep_up(self) -> None:
        """Show what the files say as they are now."""
        while not self._threads.stopping.wait(LOOK_EVERY_SECONDS):
            self._look_at_files()
            self._threads.guarded("files compared", self._compare)

    def _look_at_files(self) -> None:
        """Show what they say as they are now; a channel's kind is asked of the ledger."""
        look = partial(self._reloader.look, time.monotonic(), self.app.prepare)
        self._threads.guarded("reload", look)

    def _say(self, file: SeenFile) -> None:
        """Keep what is wrong in the file, also while the writer hangs."""
        while not self._threads.stopping.is_set():
            healths = dict(self.app.deliveries.health)
            file.keep(look(healths, dict(self.troubles), alive=self.alive))
            self._threads.stopping.wait(LOOK_EVERY_SECONDS)
        file.forget()

    def _follow(self) -> None:
        while not self._threads.stopping.is_set():
            self._views_process.tend()
            seen = self.app.ledger.wait(-1, 0.0)
            if self._threads.guarded("views", self.app.views.catch_up):
                self.app.ledger.wait(seen, LOOK_EVERY_SECONDS)
