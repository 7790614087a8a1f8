"""Take pages of the log into the views in another process, as the service asks over a wire."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from service.ledger.events import EventMapper, EventStore
from service.ledger.location import LedgerLocation
from service.ledger.sql import words_of
from service.ledger.sqlite.database import connect_views
from service.ledger.views import PageTaken, PageTaker, PageWanted, Projection

READY = PageTaken(0, 0)
Answer = PageTaken | str
"""What became of a page; in words if nothing, and then the process ends."""


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Say where ledger and views are: by the wire, as the database's address has a password."""

    folder: str
    database_url: str | None
    views: str


class _Follower:
    """Hold the files while pages are asked for."""

    def __init__(self, origin: Origin, mapper: EventMapper, parts: Sequence[Projection]) -> None:
        self._path = Path(origin.views)
        ledger = LedgerLocation(Path(origin.folder), origin.database_url).open_to_read()
        self._take = PageTaker(EventStore(ledger, mapper), parts).take
        self._opened: tuple[int, sqlite3.Connection] | None = None

    def take(self, wanted: PageWanted) -> PageTaken:
        """Take one page, into the file that is in the place of the views by now."""
        if self._opened is None or self._opened[0] != wanted.generation:
            self._opened = (wanted.generation, connect_views(self._path, create=False))
        return self._take(self._opened[1], wanted)


def answer_pages(wire: Connection, mapper: EventMapper, parts: Sequence[Projection]) -> None:
    """Take one page after the other until the service closes its end, as when it is killed.

    What fails ends this: the service takes that page itself, and meets what there is to meet.
    """

    def say(answer: Answer) -> None:
        wire.send_bytes(msgspec.json.encode(answer))

    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        origin = msgspec.json.decode(wire.recv_bytes(), type=Origin)
        try:
            follower = _Follower(origin, mapper, parts)
            say(READY)
            while True:
                say(follower.take(msgspec.json.decode(wire.recv_bytes(), type=PageWanted)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            say(f"{type(error).__name__} {words_of(error)}".strip())
