"""Import the rows of a file in small transactions, and name the bad ones."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from service.learners.directory.csv_file import CsvTable, RowProblem, UnreadableCsv, column_key
from service.ledger.ledger import Ledger

ROWS_PER_TRANSACTION = 1_000
PROBLEMS_KEPT = 20

# SQLite has no queue of writers: who waits asks again after up to 0.1 s, so a running service
# needs a gap to find.
SHARE_LEFT_TO_OTHERS = 0.25

R = TypeVar("R")

Store = Callable[[sqlite3.Cursor, Sequence[R], int], tuple[int, int, int]]
"""Keeps rows inside a transaction at a time; return how many were added, changed, unchanged."""


class ImportResult(msgspec.Struct):
    """Sum up what became of a file; `problems` are the first bad rows and warnings."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    unusable: int = 0
    warnings: int = 0
    problems: list[RowProblem] = []

    def note(self, problem: RowProblem) -> None:
        """Count a problem and keep it if it is one of the first."""
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem)
        if problem.warning:
            self.warnings += 1
        else:
            self.unusable += 1


def import_rows(
    ledger: Ledger,
    store: Store[R],
    found: Iterable[R | RowProblem],
    now: int,
    moved: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Store the rows, a thousand in a transaction; call `moved` after each.

    Good rows go in whatever is wrong with others. If the file turns out to be unreadable
    half-way, the rows above that place are in.
    """
    result = ImportResult()
    good = _good(found, result)
    while batch := list(islice(good, ROWS_PER_TRANSACTION)):
        began = time.monotonic()
        with ledger.transaction() as cursor:
            added, changed, unchanged = store(cursor, batch, now)
        result.added += added
        result.changed += changed
        result.unchanged += unchanged
        moved()
        time.sleep((time.monotonic() - began) * SHARE_LEFT_TO_OTHERS)
    return result


def _good(found: Iterable[R | RowProblem], result: ImportResult) -> Iterator[R]:
    for each in found:
        if isinstance(each, RowProblem):
            result.note(each)
        else:
            yield each


class CsvColumns:
    """Find each column we know in a table, by our name for it; the rest are extra."""

    def __init__(self, table: CsvTable, known: Mapping[str, str]) -> None:
        """Find the columns; `known` has our name by key. Raises UnreadableCsv if one is twice."""
        self.places: dict[str, int] = {}
        self.extra: dict[str, int] = {}
        self.titles = table.header
        for place, title in enumerate(table.header):
            ours = known.get(column_key(title))
            if ours in self.places:
                raise UnreadableCsv(f"{table.name}:1: {title}: the column is there twice")
            if ours:
                self.places[ours] = place
            elif title:
                self.extra[title] = place

    def __contains__(self, name: str) -> bool:
        return name in self.places

    def cell(self, cells: Sequence[str], name: str) -> str | None:
        """Read the cell of our column; None when the table has no such column."""
        place = self.places.get(name)
        return None if place is None else cells[place]

    def title(self, name: str) -> str:
        """Read the column's name as the file has it."""
        return self.titles[self.places[name]] if name in self.places else name

    def names(
        self, cells: Sequence[str], name: str, separators: str = ";|"
    ) -> tuple[str, ...] | None:
        """Read several names in one cell."""
        text = self.cell(cells, name)
        if text is None:
            return None
        parts = (part.strip() for part in re.split(f"[{re.escape(separators)}]", text))
        return tuple(part for part in parts if part)


def scope(
    columns: CsvColumns, cells: Sequence[str], source: str, account: str
) -> tuple[str, str] | None:
    """Read source and account of a row; None when it names an account of no source."""
    found = (columns.cell(cells, "source") or source, columns.cell(cells, "account") or account)
    return found if found[0] or not found[1] else None
