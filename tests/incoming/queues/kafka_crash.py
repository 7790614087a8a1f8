"""A member of a group that is killed between keeping and committing, as a process of its own.

python -m tests.incoming.queues.kafka_crash SERVERS GROUP TOPIC PARTITIONS LEDGER COMMITS
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.incoming.queues.kafka import KafkaConsumer
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.incoming.queues.kafka_stage import QUICK, SOON, SOURCE, committed, now
from tests.waiting import until


def main(servers: str, group: str, topic: str, partitions: str, ledger: str, commits: str) -> None:
    """Carries, and dies once so many commits are on disk; says how large the last one was.

    By then the broker has the offsets of all the others, which are sent without waiting.
    """
    letters = Letters(SqliteStore(Path(ledger)))
    sizes: list[int] = []

    def at_the_broker() -> int:
        offsets = (committed(servers, group, topic, each) for each in range(int(partitions)))
        return sum(max(0, offset) for offset in offsets)

    def keep(arrivals: Sequence[Arrival], _: int) -> None:
        letters.keep(arrivals)
        sizes.append(len(arrivals))
        if len(sizes) == int(commits):
            until(lambda: at_the_broker() == sum(sizes[:-1]), "the others are committed")
            os.write(1, b"%d\n" % sizes[-1])
            os.kill(os.getpid(), signal.SIGKILL)

    properties = {"bootstrap.servers": servers, "group.id": group, **SOON, **QUICK}
    queue = KafkaConsumer(SOURCE, properties, [topic], lambda _: True, keep, now)
    while True:
        queue.carry(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
