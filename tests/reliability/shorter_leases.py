"""What the stem does to the ledger's code before a command runs, where a test's environment asks.

LEASE_SECONDS_OF_TESTS   how long a lease of PostgreSQL lasts
FREEZE_IN_COPY           a file: once it is there, who copies rows next stops itself half-way
"""

import faulthandler
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

FEW = 100
"""So many rows go without a COPY then: each who shares a letter has only its part of them."""

SECONDS, FREEZE = "LEASE_SECONDS_OF_TESTS", "FREEZE_IN_COPY"


def adapt(environ: Mapping[str, str]) -> None:
    """Make leases shorter, and a COPY that can be caught in its middle; SIGUSR1 shows threads."""
    faulthandler.register(signal.SIGUSR1)
    if seconds := environ.get(SECONDS):
        from service.ledger.postgresql.postgres_store import PostgresStore

        PostgresStore.__init__.__kwdefaults__["lease_seconds"] = float(seconds)
    if file := environ.get(FREEZE):
        freeze_in_copy(Path(file))


def freeze_in_copy(told: Path) -> None:
    from service.ledger.postgresql import lane_writer
    from service.ledger.postgresql import transactions as room

    def copy(session: room.Session, lane: room.Lane, rows: list[room.Row]) -> None:
        data = room.packed(lane, rows)
        half = len(data) // 2
        with session.cursor() as cursor, cursor.copy(room.COPY) as copying:
            copying.write(data[:half])
            with suppress(FileNotFoundError):
                told.unlink()  # by one of them only
                os.kill(os.getpid(), signal.SIGSTOP)
            copying.write(data[half:])

    room._copy = copy
    lane_writer.FEW = FEW
