"""Copy a ledger page by page; one that was interrupted goes on where it was."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, takewhile
from typing import Any

from service.ledger.migration.comparing import Told, differences
from service.ledger.migration.sides import WHAT_MOVED_IS, Reading, Source, Target
from service.ledger.migration.table_shape import (
    ROWS_PER_PAGE,
    Column,
    Key,
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
        Column("notification_id", "INTEGER", True),
        Column("originator_id", "TEXT", True),
        Column("originator_version", "INTEGER", True),
        Column("topic", "TEXT", True),
        Column("state", "BLOB", True),
    ),
    ("notification_id",),
)
"""What each engine has the log as, be it a table or a view."""

STEPS = ("Checking", "Copying", "Comparing")
Progress = Callable[[str, int], None]
"""Hears the step, and how many rows more of it are done."""


class NotTheSame(LedgerError):
    """Say that a copy is not what was copied."""


def size_of(source: Source) -> int:
    """Count the rows there are, the events among them."""
    reader = source.reading.reader()
    return sum(rows_in(reader, name) for name in (LOG.name, *source.tables()))


def migrate(source: Source, target: Target, progress: Progress) -> None:
    """Copy all of a ledger, compare both, and let the copy be used instead.

    Raises LedgerError before anything is written when it cannot be done; NotTheSame when the
    copy is another, which stays marked as not finished then.
    """
    if source.is_moved and not target.is_begun:
        raise LedgerError(WHAT_MOVED_IS)
    _check(source, target, _of(progress, "Checking"))
    target.begin()
    copy(source.reading, list(source.tables().values()), target, _of(progress, "Copying"))
    if found := differences(source, target, _of(progress, "Comparing")):
        raise NotTheSame(
            f"expected the copy to be what was copied, and it differs in {', '.join(found)}; the "
            "ledger that was copied is as it was. Begin again with an empty target"
        )
    source.leave()
    target.finish()


def _of(progress: Progress, step: str) -> Told:
    return lambda rows: progress(step, rows)


def _check(source: Source, target: Target, told: Told) -> None:
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


def _check_page(table: TableShape, page: Sequence[Any], target: Target) -> None:
    for place, column in enumerate(table.columns):
        for row in page:
            if why := target.refusal(column, row[place]):
                raise LedgerError(_where(table, column, row) + why)


def _where(table: TableShape, column: Column, row: Any) -> str:
    """Name a value by its place; by a number if the key is one, as a text may be somebody's."""
    key = [f"{name} {value}" for name, value in zip(table.key, table.key_of(row), strict=True)]
    numbers = all(each.kind == "INTEGER" for each in table.columns if each.name in table.key)
    place = f" at {', '.join(key)}" if numbers else ""
    return f"the table {table.name}, column {column.name}{place}: "


def copy(reading: Reading, tables: Iterable[TableShape], target: Target, told: Told) -> None:
    """Copy what is not there yet, the log first."""
    _copy_log(reading, target, told)
    for table in tables:
        target.make(table)
        after = _copied(reading, table, target)
        for page in pages(reading.reader(), table, after):
            target.add(table, page)
            told(len(page))
    target.settle()


def _copy_log(reading: Reading, target: Target, told: Told) -> None:
    after = target.reading.end()
    while page := reading.log(after, ROWS_PER_PAGE):
        target.add_log(page)
        told(len(page))
        after = page[-1][0]


def _copied(reading: Reading, table: TableShape, target: Target) -> Key:
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


def _rows(reader: TableReader, table: TableShape) -> Iterator[Any]:
    return chain.from_iterable(pages(reader, table))
