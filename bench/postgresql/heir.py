"""A process that has a share of the work, and writes until it is killed."""

import time
from multiprocessing.connection import Connection

from bench.postgresql.crew import READY
from bench.postgresql.stores import store_at
from service.ledger.events import random_id
from service.ledger.store import Append, Reached
from service.running.service import STAND_BY_SECONDS
from service.running.threads import LOOK_EVERY_SECONDS

ROWS, TOPIC, STATE = 100, "bench.written", b"{}" * 240


def heir(pipe: Connection, address: str) -> None:
    """Ask for a share as often as the service does, and write for what is held.

    How far a shard has come says here the monotonic clock, the same in every process.
    """
    store = store_at(address)
    pipe.send(READY)
    while True:
        looked = time.monotonic()
        if not store.lease.acquire():
            time.sleep(STAND_BY_SECONDS)
            continue
        while time.monotonic() - looked < LOOK_EVERY_SECONDS:
            rows = [(random_id(0), 1, TOPIC, STATE) for _ in range(ROWS)]
            passed = Reached(upto=time.monotonic_ns() // 1000)
            store.lease.append(Append(rows=rows, passed=passed))
