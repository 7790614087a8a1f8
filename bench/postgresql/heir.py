"""A process that takes over the lease of the ledger, and then writes until it is killed."""

import time
from itertools import count
from multiprocessing.connection import Connection

from bench.postgresql.crew import READY
from bench.postgresql.stores import store_at
from service.ledger.events import random_id
from service.ledger.store import Append

ROWS, TOPIC, STATE = 100, "bench.written", b"{}" * 240
ASKS_EVERY_SECONDS = 0.05


def heir(pipe: Connection, address: str, held: bool) -> None:
    """Ask for the lease until it is had, then write without end.

    Says READY when the lease was refused once (another one is `held`) or is had, and by the
    monotonic clock, the same in every process, when the first commit was on disk.
    """
    store = store_at(address)
    if held:
        assert not store.lease.acquire()
        pipe.send(READY)
    while not store.lease.acquire():
        time.sleep(ASKS_EVERY_SECONDS)
    had = time.monotonic()
    for n in count():
        store.lease.append(Append(rows=[(random_id(0), 1, TOPIC, STATE) for _ in range(ROWS)]))
        if n == 0:
            pipe.send((had, time.monotonic()))
        if n == 10:
            pipe.send(READY)
