"""Doors in processes of their own: letters kept as fast as they can be, beside COPY of the same."""

import gc
import time
from collections.abc import Callable, Sequence
from itertools import count
from multiprocessing.connection import Connection

import msgspec
import psycopg

from bench.feed import Feed
from bench.postgresql.crew import READY
from bench.postgresql.stores import store_at
from service.incoming.letter import Arrival, encode
from service.incoming.letters import Letters
from service.ledger.sql import CONFLICTS

POOL = 2_048
NUMBERS_APART = 2**40
TYPES = ["int8", "text", "int8", "text", "bytea"]
COPY = "COPY letters (n, source, received_at, headers, body) FROM STDIN (FORMAT BINARY)"
Keep = Callable[[Sequence[Arrival]], object]


class Kept(msgspec.Struct, frozen=True):
    """What one of them did: letters on disk, its processor's seconds, the seconds each commit took.

    `beaten` counts the tries in vain, because another door was quicker with the next number.
    """

    letters: int
    seconds: float
    cpu: float
    waits: list[float]
    beaten: int


def door(pipe: Connection, where: str, number: int) -> None:
    """A door of the service without its HTTP: each commit as the door makes it."""
    letters = Letters(store_at(where))
    serve(pipe, letters.keep, number)


def copying(pipe: Connection, where: str, number: int) -> None:
    """COPY of the same letters in the same batches into a table of letters, and nothing else."""
    session = psycopg.connect(where, autocommit=True)
    numbers = count(number * NUMBERS_APART)

    def copy(letters: Sequence[Arrival]) -> None:
        with session.transaction(), session.cursor() as cursor, cursor.copy(COPY) as into:
            into.set_types(TYPES)
            for each in letters:
                headers = encode(each.headers).decode()
                into.write_row((next(numbers), each.source, each.received_at, headers, each.body))

    serve(pipe, copy, number)


def serve(pipe: Connection, keep: Keep, number: int) -> None:
    """Keep letters whenever told to, until this process is ended."""
    pool = list(Feed(number, 0).letters(POOL))
    gc.freeze()
    pipe.send(READY)
    while True:
        batch, seconds = pipe.recv()
        pipe.send(kept(pool, keep, batch, seconds))


def kept(pool: Sequence[Arrival], keep: Keep, batch: int, seconds: float) -> Kept:
    """Keep so many in each commit, one commit after the other, for so long."""
    waits: list[float] = []
    beaten = at = 0
    begun, cpu = time.perf_counter(), time.process_time()
    while (before := time.perf_counter()) - begun < seconds:
        beaten += until_kept(keep, pool[at : at + batch])
        waits.append(time.perf_counter() - before)
        at = (at + batch) % POOL
    spent = time.perf_counter() - begun, time.process_time() - cpu
    return Kept(len(waits) * batch, *spent, waits, beaten)


def until_kept(keep: Keep, letters: Sequence[Arrival]) -> int:
    """Keep them as a sender would who repeats; returns how many tries were in vain."""
    for beaten in count():
        try:
            keep(letters)
        except CONFLICTS:
            continue
        return beaten
    raise AssertionError
