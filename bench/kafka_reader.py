"""One way of reading a topic: `python -m bench.kafka_reader WAY SERVERS COUNT FOLDER`.

Says how many records a second, from the moment when the first have come.
"""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from bench.flow import like_the_service
from bench.kafka_broker import TOPIC
from bench.site import BEGIN, QUICK, Site
from service.incoming.letters import Letters
from service.incoming.queues.kafka import RECORDS_PER_COMMIT, KafkaConsumer, complete
from service.incoming.sources.sunbird import Sunbird
from service.ledger.sqlite.sqlite_store import SqliteStore

SOURCE = "sunbird"
STOPPING = threading.Event()


def properties(servers: str, group: str) -> dict[str, str]:
    return {"bootstrap.servers": servers, "group.id": group}


def rate(count: int, read: Callable[[], int], finish: Callable[[], object] = int) -> float:
    """Records a second; `finish` returns when all is done that was begun with them."""
    first = 0
    while not first:
        first = read()
    begun, so_far = time.perf_counter(), first
    while so_far < count:
        so_far += read()
    finish()
    return (count - first) / (time.perf_counter() - begun)


def thrown_away(servers: str, count: int, _: Path) -> float:
    """The client alone: reads and commits as the queue does, and keeps nothing."""
    consumer = Consumer(complete(properties(servers, "thrown-away")))
    consumer.subscribe([TOPIC])

    def read() -> int:
        messages = consumer.consume(RECORDS_PER_COMMIT, 0.25)
        records = [message for message in messages if message.error() is None]
        nexts = {message.partition(): message.offset() for message in records}
        due = [TopicPartition(TOPIC, p or 0, (offset or 0) + 1) for p, offset in nexts.items()]
        if due:
            consumer.commit(offsets=due, asynchronous=True)
        return len(records)

    try:
        return rate(count, read)
    finally:
        consumer.close()


def kept(servers: str, count: int, folder: Path) -> float:
    """The queue, onto the disk."""
    ledger = SqliteStore(folder / f"kafka-{time.monotonic_ns()}.db")
    queue = queue_into(servers, "kept", Letters(ledger))
    like_the_service()
    try:
        return rate(count, lambda: queue.carry(STOPPING))
    finally:
        queue.close()
        ledger.close()


def taken(servers: str, count: int, _: Path) -> float:
    """The queue onto the disk, and the writer on a thread of its own, as in the service."""
    site = Site(QUICK, lambda _: None)
    app = site.app("kafka")
    app.start(BEGIN)
    queue = queue_into(servers, "taken", app.letters)
    like_the_service()
    writer = threading.Thread(target=take_all, args=(app.intake.take, count), daemon=True)
    writer.start()
    try:
        return rate(count, lambda: queue.carry(STOPPING), writer.join)
    finally:
        queue.close()
        site.close()


def take_all(take: Callable[[int], int], count: int) -> None:
    """Takes letters until so many are taken."""
    while count > 0:
        took = take(BEGIN + 1_000_000)
        count -= took
        if not took:
            time.sleep(0.01)


def queue_into(servers: str, group: str, letters: Letters) -> KafkaConsumer:
    """The queue with the keeping and the source of the service."""
    return KafkaConsumer(
        SOURCE, properties(servers, group), [TOPIC], Sunbird().wants,
        lambda arrivals, skipped: letters.keep(arrivals, skipped={SOURCE: skipped}),
        lambda: time.time_ns() // 1_000_000,
    )  # fmt: skip


WAYS = {"thrown away": thrown_away, "kept": kept, "taken": taken}

if __name__ == "__main__":
    way, servers, count, folder = sys.argv[1:]
    print(WAYS[way](servers, int(count), Path(folder)))
