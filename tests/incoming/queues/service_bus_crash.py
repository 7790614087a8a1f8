"""A process that keeps a batch and is then killed: CONNECTION_STRING LEDGER."""

import sys
import threading
from pathlib import Path

from service.incoming.letters import Letters
from service.incoming.queues.service_bus import ServiceBusConsumer
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.incoming.queues.service_bus_peer import NAME, TOPIC
from tests.incoming.queues.service_bus_stage import SOURCE, now


def main(connection_string: str, path: str) -> None:
    """Says `kept` once the batch is on disk, and does nothing from then on."""
    letters, never = Letters(SqliteStore(Path(path))), threading.Event()

    def keep(arrivals, _) -> None:
        letters.keep(arrivals)
        sys.stdout.write("kept\n")
        sys.stdout.flush()
        never.wait()

    bus = ServiceBusConsumer(SOURCE, connection_string, TOPIC, NAME, lambda _: True, keep, now)
    bus.carry(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
