"""A fuse: stops the service dead before or after one write of its life, as a crash would.

Writes are the commits of the ledger, the pages of the views, and what is said to the outside.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.app.app import App
from service.ledger.views import PageTaken, PageWanted
from service.sending.channels.channel import OutgoingMessage, SendResult
from service.sending.templates.templates import RenderedMessage


class Stop(BaseException):
    """The process is gone."""


class Outside:
    """Where messages arrive: what was sent stays sent whatever dies here."""

    def __init__(self) -> None:
        self.arrived: list[OutgoingMessage] = []
        self.refuses = False

    def take(self, outgoing: OutgoingMessage) -> SendResult:
        if self.refuses:
            return SendResult("permanent", 550, "5.1.1", "nobody here")
        self.arrived.append(outgoing)
        return SendResult("accepted", 250)


class Line:
    """A channel to the outside, through the fuse."""

    def __init__(self, form: str, outside: Outside, fuse: "Fuse") -> None:
        self.form, self.batch = form, 50 if form == "email" else 1
        self._outside, self._fuse = outside, fuse

    def fits(self, message: RenderedMessage) -> bool:
        return True

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        with self._fuse.write("message"):
            return self._outside.take(outgoing)

    def close(self) -> None: ...


class Fuse:
    """Blows at the write with number `at`, counted from 1, `before` or `after` it; 0 never does."""

    def __init__(self, at: int = 0, moment: str = "before") -> None:
        self._at, self._moment = at, moment
        self.passed: list[str] = []
        self.blown = False

    @contextmanager
    def write(self, name: str) -> Iterator[None]:
        self.stop_if(self.blown)
        self.passed.append(name)
        here = len(self.passed) == self._at
        self.stop_if(here and self._moment == "before")
        yield
        self.stop_if(here and self._moment == "after")

    def stop_if(self, now: bool) -> None:
        if now:
            self.blown = True
            raise Stop

    def guard(self, app: App, outside: Outside) -> None:
        """Every write of this app goes through the fuse from here."""
        commit, page = app.ledger.transaction, app.views.take

        @contextmanager
        def transaction(**how: bool) -> Iterator[sqlite3.Cursor]:
            with self.write("commit"), commit(**how) as cursor:
                yield cursor

        def take(wanted: PageWanted) -> PageTaken:
            with self.write("views"):
                return page(wanted)

        app.ledger.transaction = transaction  # type: ignore[method-assign]
        app.views.take = take
        for name, delivery in app.deliveries.items():
            delivery._channel = Line("chat" if name == "room" else "email", outside, self)


Step = Callable[..., object]
