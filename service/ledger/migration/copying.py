"""Copy a ledger page by page and compare both; one that was interrupted goes on where it was."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby, takewhile
from operator import itemgetter
from typing import Any

from service.ledger.migration.sides import (
    WHAT_MOVED_IS,
    LedgerReading,
    Side,
    SourceLedger,
    TargetLedger,
)
from service.ledger.migration.table_shape import (
    ROWS_PER_PAGE,
    ColumnShape,
    Key,
    Sum,
    TableShape,
    pages,
    rows_in,
    sum_of,
)
from service.ledger.sql import TableReader
from service.ledger.store import LedgerError

LOG = TableShape(
    "stored_events",
    (
        ColumnShape("notification_id", "INTEGER", True),
        ColumnShape("originator_id", "TEXT", True),
        ColumnShape("originator_version", "INTEGER", True),
        ColumnShape("topic", "TEXT", True),
        ColumnShape("state", "BLOB", True),
    ),
    ("notification_id",),
)
"""What each engine has the log as, be it a table or a view."""

STREAMS = """
SELECT originator_id, originator_version, notification_id, topic, state FROM stored_events
WHERE (originator_id, originator_version) > (?, ?)
ORDER BY originator_id, originator_version LIMIT ?
"""

STEPS = ("Checking", "Copying", "Comparing")
Told = Callable[[int], None]
"""Hears how many rows more are done."""

Progress = Callable[[str, int], None]
"""Hears the step, and how many rows more of it are done."""


def _silent(_: int) -> None:
    """Tell nobody: each row counts once, though it is read in both."""


class NotTheSame(LedgerError):
    """Say that a copy is not what was copied."""


def size_of(source: SourceLedger) -> int:
    """Count the rows there are, the events among them."""
    reader = source.reading.reader()
    return sum(rows_in(reader, name) for name in (reader.dialect.log, *source.tables()))


def migrate(source: SourceLedger, target: TargetLedger, progress: Progress) -> None:
    """Copy all of a ledger, compare both, and let the copy be used instead.

    Raises LedgerError before anything is written when it cannot be done; NotTheSame when the
    copy is another, which stays marked as not finished then.
    """
    if source.is_moved and not target.is_begun:
        raise LedgerError(WHAT_MOVED_IS)
    _check(source, target, _of(progress, "Checking"))
    target.begin()
    tables = source.tables().values()
    copy(source.reading, tables, target, told=_of(progress, "Copying"))
    if found := differences(source, target, _of(progress, "Comparing")):
        raise NotTheSame(
            f"expected the copy to be what was copied, and it differs in {', '.join(found)}; the "
            "ledger that was copied is as it was. Begin again with an empty target"
        )
    source.leave()
    target.finish()


def _of(progress: Progress, step: str) -> Told:
    return lambda rows: progress(step, rows)


def _check(source: SourceLedger, target: TargetLedger, told: Told) -> None:
    """Raise LedgerError for a value that cannot be kept in the target, and for another's copy."""
    end = target.reading.end() if target.has_log else 0
    if end and target.reading.log(end - 1, 1) != source.reading.log(end - 1, 1):
        raise LedgerError(
            "the target: expected nothing, or a part of a copy of this ledger, got a ledger that "
            "says something else; begin with an empty one"
        )
    for table in () if target.takes_all else (LOG, *source.tables().values()):
        for page in pages(source.reading.reader(), table):
            _check_page(table, page, target)
            told(len(page))


def _check_page(table: TableShape, page: Sequence[Any], target: TargetLedger) -> None:
    for place, column in enumerate(table.columns):
        for row in page:
            if why := target.refusal(column, row[place]):
                raise LedgerError(_where(table, column, row) + why)


def _where(table: TableShape, column: ColumnShape, row: Any) -> str:
    """Name a value by its place; by a number if the key is one, as a text may be somebody's."""
    key = [f"{name} {value}" for name, value in zip(table.key, table.key_of(row), strict=True)]
    numbers = all(each.kind == "INTEGER" for each in table.columns if each.name in table.key)
    place = f" at {', '.join(key)}" if numbers else ""
    return f"the table {table.name}, column {column.name}{place}: "


def copy(
    reading: LedgerReading, tables: Iterable[TableShape], target: TargetLedger, told: Told = _silent
) -> None:
    """Copy what is not there yet, the log first."""
    _copy_log(reading, target, told)
    for table in tables:
        target.make(table)
        after = _copied(reading, table, target)
        for page in pages(reading.reader(), table, after):
            target.add(table, page)
            told(len(page))
    target.settle()


def _copy_log(reading: LedgerReading, target: TargetLedger, told: Told) -> None:
    after = target.reading.end()
    while page := reading.log(after, ROWS_PER_PAGE):
        target.add_log(page)
        told(len(page))
        after = page[-1][0]


def _copied(reading: LedgerReading, table: TableShape, target: TargetLedger) -> Key:
    """Find the key up to which a table is copied already; it is emptied if it says another thing.

    So it does when the ledger was written to after a copying that was interrupted.
    """
    there = target.reading.reader()
    last = _last_key(there, table)
    if not last:
        return ()
    beginning = takewhile(lambda row: table.key_of(row) <= last, _rows(reading.reader(), table))
    if sum_of(beginning) == sum_of(_rows(there, table)):
        return last
    target.empty(table)
    return ()


def _last_key(reader: TableReader, table: TableShape) -> Key:
    order = ", ".join(f'"{name}" DESC' for name in table.key)
    found = reader.execute(
        f'SELECT {table.names} FROM "{table.name}" ORDER BY {order} LIMIT 1'
    ).fetchone()
    return table.key_of(found) if found else ()


def _rows(reader: TableReader, table: TableShape, told: Told = _silent) -> Iterator[Any]:
    for page in pages(reader, table):
        yield from page
        told(len(page))


def differences(source: Side, target: Side, told: Told) -> list[str]:
    """Say what is not the same in both; nothing when all is."""
    streams = differing_streams(_streams(source.reading, told), _streams(target.reading, _silent))
    found = [f"{streams} of the log's streams"] if streams else []
    tables, there = source.tables(), target.tables()
    reader = target.reading.reader()
    found += [f"the table {name}" for name in there.keys() - tables.keys() if rows_in(reader, name)]
    for name, table in tables.items():
        ours = sum_of(_rows(source.reading.reader(), table, told))
        if name not in there or ours != sum_of(_rows(reader, table)):
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


def _streams(reading: LedgerReading, told: Told) -> Iterator[tuple[str, Sum]]:
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
