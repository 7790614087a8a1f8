"""A stage for the Kafka queue: a ledger, a store that fails on demand, and a look at the broker."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Protocol, Self

import msgspec
import pytest

from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.incoming.queues.consumer import QueueError
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.incoming.queues.kafka_client import (
    Consumer,
    Producer,
    TopicPartition,
    kafka,
    kafka_group,
)
from tests.waiting import until

SOURCE = "sunbird"
SECONDS = 20.0
SOON = {"reconnect.backoff.max.ms": "200", "fetch.wait.max.ms": "50"}
QUICK = {"session.timeout.ms": "1500", "heartbeat.interval.ms": "200"}
"""For the mock, which misses a member that left for as long as its session."""


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Shorter waits and pauses for whoever does not measure them."""
    patch.setattr(kafka, "ROUND_SECONDS", 0.3)
    patch.setattr(kafka, "WAIT_SECONDS", 0.1)
    patch.setattr(kafka, "PAUSE_SECONDS", (0.1, 1.0))


def at_once(patch: pytest.MonkeyPatch) -> None:
    """Who has left the end of a partition is not current any more from that moment."""
    patch.setattr(kafka_group, "STILL_CURRENT_SECONDS", 0.0)


def committed(servers: str, group: str, topic: str, partition: int) -> int:
    """The offset at which a group goes on; negative before the first commit."""
    asking = Consumer({"bootstrap.servers": servers, "group.id": group, "log_level": 0})
    found = asking.committed([TopicPartition(topic, partition)], timeout=SECONDS)[0].offset
    asking.close()
    return int(found)


class Servers(Protocol):
    """A broker of either kind."""

    servers: str

    def add(self, topic: str, partitions: int) -> None:
        """A new topic."""
        ...


class Stage:
    """A group's way from a new topic of a broker to a ledger in a folder."""

    numbers = count(1)

    def __init__(self, broker: Servers, folder: Path, partitions: int = 2) -> None:
        self.broker = broker
        n = next(self.numbers)
        self.topic, self.group = f"audit-{n}", f"coursebell-{n}"
        broker.add(self.topic, partitions)
        self.ledger = SqliteStore(folder / "ledger.db")
        self.letters = Letters(self.ledger)
        self.stopping = threading.Event()
        self.broken = False
        self.commits: list[tuple[int, int]] = []
        self.before: Callable[[Sequence[Arrival]], object] = lambda _: None
        self._opened: list[kafka.KafkaConsumer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for queue in self._opened:
            queue.close()
        self.ledger.close()

    def queue(
        self,
        *more_topics: str,
        wants: Callable[[bytes], bool] = lambda _: True,
        **properties: str,
    ) -> kafka.KafkaConsumer:
        """A queue that is not connected yet; properties with `_` for each dot."""
        given = {
            "bootstrap.servers": self.broker.servers, "group.id": self.group, **SOON,
            **({} if "group_protocol" in properties else QUICK),
            **{name.replace("_", "."): value for name, value in properties.items()},
        }  # fmt: skip
        topics = [self.topic, *more_topics]
        self._opened.append(kafka.KafkaConsumer(SOURCE, given, topics, wants, self.keep, now))
        return self._opened[-1]

    def keep(self, arrivals: Sequence[Arrival], skipped: int) -> None:
        """What the app does, after what a test does before."""
        self.before(arrivals)
        if self.broken:
            raise sqlite3.OperationalError("database or disk is full")
        self.letters.keep(arrivals, skipped={SOURCE: skipped})
        self.commits.append((len(arrivals), skipped))

    def send(self, values: Iterable[bytes | None], partition: int = 0, topic: str = "") -> None:
        """Records into one partition, there when this returns."""
        producer = Producer(
            {"bootstrap.servers": self.broker.servers, "log_level": 0, "linger.ms": 0}
        )
        for value in values:
            producer.produce(topic or self.topic, value, partition=partition)
        assert producer.flush(SECONDS) == 0

    def committed(self, partition: int = 0) -> int:
        """The offset at which the group goes on; negative before the first commit."""
        return committed(self.broker.servers, self.group, self.topic, partition)

    def carry(self, queue: kafka.KafkaConsumer, done: Callable[[], object], what: str) -> None:
        """Rounds until it is so; whatever a round raises is a test's failure."""
        deadline = time.monotonic() + SECONDS
        while not done():
            assert time.monotonic() < deadline, f"carried in vain until {what}"
            queue.carry(self.stopping)

    def trouble(self, queue: kafka.KafkaConsumer) -> str:
        """What the next trouble says, once there is one."""

        def told() -> str | None:
            try:
                queue.carry(self.stopping)
            except QueueError as error:
                return str(error)
            return None

        return until(told, "there is trouble")

    def well_again(self, queue: kafka.KafkaConsumer) -> None:
        """Rounds until one ends without trouble."""

        def is_well() -> bool:
            try:
                queue.carry(self.stopping)
            except QueueError:
                return False
            return True

        until(is_well, "it is well again")

    @contextmanager
    def carrying(self, queue: kafka.KafkaConsumer) -> Iterator[None]:
        """Rounds on a thread of their own, as the service has them; then the queue is closed."""

        def go_round() -> None:
            while not enough.is_set():
                with suppress(QueueError):
                    queue.carry(enough)
            queue.close()

        enough = threading.Event()
        thread = threading.Thread(target=go_round, name="carrying")
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join(SECONDS)

    def bodies(self) -> list[bytes]:
        """What is on disk, in order."""
        return [letter.body for letter in self.letters.waiting(100_000)]

    def places(self) -> list[tuple[int, int]]:
        """Partition and offset of every letter on disk, in order."""
        rows = self.ledger.reader().execute("SELECT headers FROM letters ORDER BY n").fetchall()
        headers = [msgspec.json.decode(row[0]) for row in rows]
        return [(int(h["kafka-partition"]), int(h["kafka-offset"])) for h in headers]

    def skipped(self) -> int:
        """How many records were counted and not kept."""
        return sum(feed.skipped for feed in self.letters.feeds.all())


def now() -> int:
    return time.time_ns() // 1_000_000


def numbered(count: int, first: int = 0) -> list[bytes]:
    """Records that can be told apart."""
    return [b'{"n":%d}' % n for n in range(first, first + count)]
