"""Import the rows of a file in small transactions, and name the bad ones."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from service.learners.directory.csv_cells import CsvColumns, Key, RowCells, UnusableRow
from service.learners.directory.csv_file import CsvTable, RowProblem
from service.learners.directory.unread_values import UnreadValue, ValueTally
from service.ledger.ledger import Ledger

ROWS_PER_TRANSACTION = 1_000
PROBLEMS_KEPT = 20

# SQLite has no queue of writers: who waits asks again after up to 0.1 s, so a running service
# needs a gap to find.
SHARE_LEFT_TO_OTHERS = 0.25

SAID_BITS = 32
SAID = 2**SAID_BITS - 1
"""The bits of what a row says: beside its line they are one number, which takes little memory."""


class Keyed(Protocol):
    """Have what tells a row's subject from any other."""

    __struct_fields__: ClassVar[tuple[str, ...]]

    @property
    def key(self) -> Key:
        """Give source, account and LMS id."""
        ...


K = TypeVar("K", bound=Keyed)

Store = Callable[[sqlite3.Cursor, Sequence[K], int], tuple[int, int, int]]
"""Keeps rows inside a transaction at a time; return how many were added, changed, unchanged."""


class ImportResult(msgspec.Struct):
    """Sum up what became of a file; `problems` are the first bad rows and warnings.

    `values` are those that could not be read, or are doubtful, each with its rows; they are
    warnings too, and no problems of their rows.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    unusable: int = 0
    warnings: int = 0
    problems: list[RowProblem] = []
    values: list[UnreadValue] = []

    def note(self, problem: RowProblem) -> None:
        """Count a problem and keep it if it is one of the first."""
        if problem.by_value() is None and len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem)
        if problem.warning:
            self.warnings += 1
        else:
            self.unusable += 1


def import_rows(
    ledger: Ledger,
    store: Store[K],
    found: Iterable[K | RowProblem],
    now: int,
    moved: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Store the rows, a thousand in a transaction; call `moved` after each.

    Good rows go in whatever is wrong with others. If the file turns out to be unreadable
    half-way, the rows above that place are in.
    """
    result, tally = ImportResult(), ValueTally()
    good = _good(found, result, tally)
    while batch := list(islice(good, ROWS_PER_TRANSACTION)):
        began = time.monotonic()
        with ledger.transaction() as cursor:
            added, changed, unchanged = store(cursor, one_of_each(batch), now)
        result.added += added
        result.changed += changed
        result.unchanged += unchanged
        moved()
        time.sleep((time.monotonic() - began) * SHARE_LEFT_TO_OTHERS)
    result.values = tally.values()
    return result


def one_of_each(rows: Sequence[K]) -> list[K]:
    """Lay rows of one key over each other: what the later does not say is as the earlier says."""
    found: dict[Key, Any] = {}
    for row in rows:
        before = found.get(row.key)
        found[row.key] = row if before is None else _laid_over(before, row)
    return list(found.values())


def _laid_over(before: Any, row: Keyed) -> Any:
    said = {name: getattr(row, name) for name in row.__struct_fields__}
    return msgspec.structs.replace(
        before, **{name: value for name, value in said.items() if value is not None}
    )


def _good(found: Iterable[K | RowProblem], result: ImportResult, tally: ValueTally) -> Iterator[K]:
    for each in found:
        if isinstance(each, RowProblem):
            result.note(each)
            tally.note(each)
        else:
            yield each


def read_rows(
    table: CsvTable, columns: CsvColumns, make: Callable[[RowCells], K | None]
) -> Iterator[K | RowProblem]:
    """Make a row of each record that `make` has a use for; its problems come before it.

    `make` raises UnusableRow for one that has to be left out.
    """
    seen = SeenRows()
    for record in table:
        if isinstance(record, RowProblem):
            yield record
            continue
        cells = RowCells(columns, record)
        try:
            row = make(cells)
        except UnusableRow as unusable:
            yield unusable.problem
            continue
        if row is None:
            continue
        if before := seen.line_of_other(row, record.line):
            cells.note("id", f"expected each id once, got that of line {before}; this line counts")
        yield from cells.problems
        yield row


class SeenRows:
    """Know on which line each id stood before, and whether it said something else there."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def line_of_other(self, row: Keyed, line: int) -> int | None:
        """Give the line before with this row's key, if it says anything else."""
        key, said = hash(row.key), hash(msgspec.json.encode(row)) & SAID
        before = self._seen.get(key)
        self._seen[key] = line << SAID_BITS | said
        return None if before is None or before & SAID == said else before >> SAID_BITS
