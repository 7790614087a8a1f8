"""Floors: the very same rows in the very same batches, written by psycopg alone.

Their tables are made after the ledger's own, with its indexes and as many rows; each batch is one
transaction.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection

import psycopg

from bench.postgresql.crew import READY
from service.ledger.postgresql.transactions import COPY, INSERT, Lane, packed
from service.ledger.store import Row as Stored
from tests.postgres import Cluster

Session = psycopg.Connection[tuple[object, ...]]
Write = Callable[[Session, Lane, Sequence[Stored]], None]
LANE = 1
ONE_BY_ONE = """
INSERT INTO events (lane, seq, originator_id, originator_version, topic, state)
VALUES (%s, %s, %s, %s, %s, %s)
"""


def by_executemany(session: Session, lane: Lane, rows: Sequence[Stored]) -> None:
    """As most programs write: a statement for each row, sent in one go."""
    numbered = enumerate(rows, start=lane.head + 1)
    with session.cursor() as cursor:
        cursor.executemany(ONE_BY_ONE, [(lane.shard, n, *row) for n, row in numbered])


def by_unnest(session: Session, lane: Lane, rows: Sequence[Stored]) -> None:
    """One statement with an array for each column, as the ledger writes small commits."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    session.execute(INSERT, (lane.shard, lane.head, *columns), prepare=True)


def by_copy(session: Session, lane: Lane, rows: Sequence[Stored]) -> None:
    """The quickest that PostgreSQL has, packed as the ledger packs large commits."""
    with session.cursor() as cursor, cursor.copy(COPY) as copying:
        copying.write(packed(lane, rows))


WAYS: Mapping[str, Write] = {"executemany": by_executemany, "unnest": by_unnest, "COPY": by_copy}


class Floor:
    """A table of its own that is written in one way."""

    def __init__(self, table: str, write: Write, lane: int = LANE) -> None:
        """Write to the table at an address, in a lane that nobody else writes in."""
        self._write, self._lane, self._last = write, lane, 0
        self._session = psycopg.connect(table, autocommit=True)

    def write(self, batches: Sequence[Sequence[Stored]]) -> None:
        """Write them, a transaction for each batch."""
        for rows in batches:
            with self._session.transaction():
                self._write(self._session, Lane(self._lane, 0, self._last), rows)
            self._last += len(rows)

    def close(self) -> None:
        """Close the session."""
        self._session.close()


def copier(pipe: Connection, table: str, number: int) -> None:
    """Take batches of rows, say READY, and copy them when told; says its processor's seconds."""
    floor = Floor(table, by_copy, LANE + number)
    pipe.send(READY)
    while True:
        batches = pipe.recv()
        pipe.send(READY)
        pipe.recv()
        cpu = time.process_time()
        floor.write(batches)
        pipe.send(time.process_time() - cpu)


def filled_table(cluster: Cluster, ledger: str) -> str:
    """The address of a table of events with the rows of a ledger."""
    address = table_like("events", cluster, ledger)
    with psycopg.connect(address, autocommit=True) as session:
        session.execute(f"INSERT INTO events SELECT * FROM {schema_of(ledger)}.events")
        session.execute("ANALYZE events")
    return address


def table_like(table: str, cluster: Cluster, ledger: str) -> str:
    """The address of a schema with nothing in it but such a table, its indexes included."""
    address = cluster.schema()
    with psycopg.connect(address, autocommit=True) as session:
        session.execute(f"CREATE TABLE {table} (LIKE {schema_of(ledger)}.{table} INCLUDING ALL)")
    return address


def schema_of(address: str) -> str:
    """The schema that an address leads to."""
    return address.rpartition("%3D")[2]
