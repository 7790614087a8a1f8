"""A stage for the Service Bus queue: a peer, a real ledger, and a store that fails on demand."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from service.incoming.letter import Arrival, Letter
from service.incoming.letters import Letters
from service.incoming.queues import service_bus
from service.incoming.queues.service_bus import ServiceBusConsumer
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.incoming.queues.service_bus_peer import NAME, TOPIC, Peer

SOURCE = "community-training"
ROUNDS = 60


def now() -> int:
    return time.time_ns() // 1_000_000


class Stage:
    """A namespace, a ledger in a folder, and the queue between them."""

    def __init__(self, folder: Path, lock_seconds: float = 30.0, max_deliveries: int = 10) -> None:
        self.peer = Peer(lock_seconds, max_deliveries)
        self.ledger = SqliteStore(folder / "ledger.db")
        self.letters = Letters(self.ledger)
        self.stopping = threading.Event()
        self.broken = False
        self.commits: list[tuple[int, int]] = []
        self.before: Callable[[], object] = lambda: None
        self.after: Callable[[], object] = lambda: None
        self.wants: Callable[[bytes], bool] = lambda _: True
        self._opened: list[ServiceBusConsumer] = []

    def __enter__(self) -> Self:
        self.peer.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for bus in self._opened:
            bus.close()
        self.peer.__exit__()
        self.ledger.close()

    def bus(self, proven: bool = True, **more: Any) -> ServiceBusConsumer:
        """The queue, not connected yet; `proven` as after its first message."""
        given = {
            "source": SOURCE, "connection_string": self.peer.connection_string, "topic": TOPIC,
            "subscription": NAME, "wants": lambda body: self.wants(body), "keep": self.keep,
            "clock": now, **more,
        }  # fmt: skip
        self._opened.append(ServiceBusConsumer(**given))
        self._opened[-1]._proven = proven
        return self._opened[-1]

    def keep(self, arrivals: Sequence[Arrival], skipped: int) -> None:
        """What the app does, between what a test does before and after."""
        self.before()
        if self.broken:
            raise sqlite3.OperationalError("database or disk is full")
        self.letters.keep(arrivals)
        self.commits.append((len(arrivals), skipped))
        self.after()

    def kept(self) -> list[Letter]:
        """Every letter on disk, in order."""
        return self.letters.waiting(10_000)

    def bodies(self) -> list[bytes]:
        return [letter.body for letter in self.kept()]

    def carry(self, bus: ServiceBusConsumer, messages: int) -> None:
        """Rounds until so many messages have been carried."""
        carried = 0
        for _ in range(ROUNDS):
            carried += bus.carry(self.stopping)
            if carried >= messages:
                return
        raise AssertionError(f"expected {messages} messages, got {carried}")


def hurry(monkeypatch: pytest.MonkeyPatch, **constants: object) -> None:
    """Shorter pauses after a trouble and looks for messages, and other constants as given."""
    shorter = {"PAUSE_SECONDS": (0.05, 0.4), "RECEIVE_SECONDS": 0.4}
    for name, value in {**shorter, **constants}.items():
        monkeypatch.setattr(service_bus, name, value)
