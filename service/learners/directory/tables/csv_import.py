"""Import the rows of a file in small transactions, and name the bad ones."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, TypeVar

import msgspec

from service.learners.directory.named_managers import WithoutManager
from service.learners.directory.tables.csv_cells import CsvColumns, Key, RowCells, UnusableRow
from service.learners.directory.tables.csv_file import CsvTable, RowProblem
from service.learners.directory.tables.seen_rows import Keyed, SeenRows
from service.learners.directory.tables.unread_values import UnreadValue, ValueTally
from service.ledger.data_folder import is_in_use
from service.ledger.sql import TableWriter
from service.ledger.store import Store

ROWS_BESIDE_SERVICE, ROWS_ALONE = 2_000, 20_000
"""In one transaction: it touches most pages of each index, however few of its rows are there."""
PROBLEMS_KEPT = 20

# SQLite has no queue of writers: who waits asks again after up to 0.1 s, so a running service
# needs a gap to find.
SHARE_LEFT_TO_OTHERS = 0.25

K = TypeVar("K", bound=Keyed)

StoreRows = Callable[[TableWriter, Sequence[K], int], tuple[int, int, int]]
"""Keeps rows inside a transaction at a time; return how many were added, changed, unchanged."""


class ImportResult(msgspec.Struct):
    """Sum up what became of a file; `problems` are the first bad rows and warnings.

    Of a full one `missing` counts those who were known and are not in it, and `returned` those
    who had been missing; `kept` says why nobody is taken to be missing. `refused` says why the
    import is none.
    `values` are those that could not be read, or are doubtful, each with its rows; they are
    warnings too, and no problems of their rows. `managers` counts whose could not be found.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    missing: int = 0
    returned: int = 0
    kept: str | None = None
    refused: str | None = None
    unusable: int = 0
    warnings: int = 0
    problems: list[RowProblem] = []
    values: list[UnreadValue] = []
    managers: list[WithoutManager] = []

    @property
    def rows(self) -> int:
        """Count the rows that went in."""
        return self.added + self.changed + self.unchanged

    def is_good(self, *, lenient: bool) -> bool:
        """Tell whether all of it is in, or for who is `lenient` all that could be used."""
        return not self.refused and (lenient or not self.unusable)

    def note(self, problem: RowProblem) -> None:
        """Count a problem and keep it if it is one of the first."""
        if problem.by_value() is None and len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem)
        if problem.warning:
            self.warnings += 1
        else:
            self.unusable += 1


def import_rows(
    ledger: Store,
    store: StoreRows[K],
    found: Iterable[K | RowProblem],
    now: int,
    moved: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Store the rows, some thousands in a transaction; call `moved` after each.

    Good rows go in whatever is wrong with others. If the file turns out to be unreadable
    half-way, the rows above that place are in.
    """
    result, tally = ImportResult(), ValueTally()
    good = _good(found, result, tally)
    while batch := list(islice(good, rows_at_once(ledger))):
        with small_transaction(ledger) as cursor:
            added, changed, unchanged = store(cursor, one_of_each(batch), now)
        result.added += added
        result.changed += changed
        result.unchanged += unchanged
        moved()
    result.values = tally.values()
    return result


def rows_at_once(ledger: Store) -> int:
    """Tell how many rows go into one transaction: fewer beside a service, which waits for it."""
    return ROWS_BESIDE_SERVICE if _is_beside_others(ledger) else ROWS_ALONE


def _is_beside_others(ledger: Store) -> bool:
    return ledger.shared or is_in_use(ledger.folder)


@contextmanager
def small_transaction(ledger: Store) -> Iterator[TableWriter]:
    """Begin one of many transactions, and leave a service a gap behind it.

    A service that imports itself remembers people and courses, and is told to look again.
    """
    began, beside = time.monotonic(), _is_beside_others(ledger)
    if not beside:
        ledger.give_room()
    with ledger.transaction() as cursor:
        yield cursor
        ledger.as_others += 1  # before anybody else can write
    if beside:
        time.sleep((time.monotonic() - began) * SHARE_LEFT_TO_OTHERS)


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
    with closing(SeenRows()) as seen:
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
                said = f"expected each id once, got that of line {before}; this line counts"
                cells.note("id", said)
            yield from cells.problems
            yield row
