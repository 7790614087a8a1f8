"""Compare two ledgers: each stream of the log, and each table."""

from collections.abc import Callable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from service.ledger.migration.sides import Reading, Side
from service.ledger.migration.table_shape import ROWS_PER_PAGE, Sum, TableShape, pages, sum_of
from service.ledger.sql import TableReader

STREAMS = """
SELECT originator_id, originator_version, notification_id, topic, state FROM stored_events
WHERE (originator_id, originator_version) > (?, ?)
ORDER BY originator_id, originator_version LIMIT ?
"""
Told = Callable[[int], None]
"""Hears how many rows more are done."""


def differences(source: Side, target: Side, told: Told) -> list[str]:
    """Say what is not the same in both; nothing when all is."""
    streams = differing_streams(_streams(source.reading, told), _streams(target.reading, _silent))
    found = [f"{streams} of the log's streams"] if streams else []
    there = target.tables()
    for name, table in source.tables().items():
        ours = sum_of(_rows(source.reading.reader(), table, told))
        if name not in there or ours != sum_of(_rows(target.reading.reader(), table, _silent)):
            found.append(f"the table {name}")
    return found


def differing_streams(one: Iterator[tuple[str, Sum]], other: Iterator[tuple[str, Sum]]) -> int:
    """Count the streams that are not the same in both, or in one only; both are in order."""
    count = 0
    mine, yours = next(one, None), next(other, None)
    while mine or yours:
        count += mine != yours
        first = min(each[0] for each in (mine, yours) if each)
        at_mine, at_yours = (each and each[0] == first for each in (mine, yours))
        mine = next(one, None) if at_mine else mine
        yours = next(other, None) if at_yours else yours
    return count


def _silent(_: int) -> None:
    """Tell nobody: each row counts once, though it is read in both."""


def _streams(reading: Reading, told: Told) -> Iterator[tuple[str, Sum]]:
    """Add up each stream, with the positions of its events; they come in the order of their ids."""
    rows = chain.from_iterable(_by_stream(reading.reader(), told))
    for stream, events in groupby(rows, itemgetter(0)):
        yield stream, sum_of(events)


def _by_stream(reader: TableReader, told: Told) -> Iterator[list[Any]]:
    stream, version = "", 0
    while page := reader.execute(STREAMS, (stream, version, ROWS_PER_PAGE)).fetchall():
        yield page
        told(len(page))
        stream, version = page[-1][:2]


def _rows(reader: TableReader, table: TableShape, told: Told) -> Iterator[Any]:
    for page in pages(reader, table):
        yield from page
        told(len(page))
