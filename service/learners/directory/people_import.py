"""Import files of people and courses; a full one of people says who has left.

Who is in no full file any more is `missing`, as soon as the whole file has been read and nothing
in it was unusable. Half a file, or somebody else's, must not make half a company leave: too many
at once are refused (decision 33).
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from math import ceil
from operator import attrgetter
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from service.learners.directory.group_lists import MAIN, lists_in
from service.learners.directory.imports import RecordedImport, What, last_imports, record
from service.learners.directory.named_managers import NamedManagers
from service.learners.directory.people import People
from service.learners.directory.people_csv import has_groups, people_in
from service.learners.directory.people_table import MISSING, PersonRow
from service.learners.directory.tables.csv_cells import RowScope
from service.learners.directory.tables.csv_file import CsvTable, RowProblem, UnreadableCsv
from service.learners.directory.tables.csv_import import ImportResult, StoreRows, small_transaction
from service.learners.directory.tables.seen_rows import Keyed, SeenRows
from service.learners.text_form import text_form
from service.ledger.sql import Cursor, TableWriter
from service.ledger.store import Store

FEWEST_MISSING = 10
"""So few may be missing whatever share of the people they are."""
SHARE_MISSING = 20
"""Percent of the people of one source and account that may be missing at once."""

ROWS_PER_PAGE = 1_000

KNOWN = """
SELECT lms_id, left_as, group_names FROM people
WHERE source = ? AND account = ? AND lms_id > ? AND told_at IS NOT NULL
ORDER BY lms_id LIMIT ?
"""
NO_ROW = "no row of it could be used, so nothing was done"

K = TypeVar("K", bound=Keyed)

Scope = tuple[str, str]
"""Source and account."""


_scope = attrgetter("source", "account")


class ScopeCounts:
    """Count what became of the rows of one source and account."""

    def __init__(self) -> None:
        self.added = self.changed = self.unchanged = self.missing = self.known = 0


class ImportRun(Generic[K]):
    """Store the rows of one file and record at its end what it brought, by source and account."""

    list = MAIN
    full = False

    def __init__(self, ledger: Store, what: What, store: StoreRows[K]) -> None:
        self.ledger = ledger
        self.by_scope: dict[Scope, ScopeCounts] = {}
        self._what = what
        self._store = store

    def store(self, cursor: TableWriter, rows: Sequence[K], now: int) -> tuple[int, int, int]:
        """Store rows inside a transaction, those of each source and account apart."""
        total = [0, 0, 0]
        for scope, same in groupby(sorted(rows, key=_scope), _scope):
            counts = self._store(cursor, [*same], now)
            tally = self.by_scope.setdefault(scope, ScopeCounts())
            tally.added += counts[0]
            tally.changed += counts[1]
            tally.unchanged += counts[2]
            total = [sum(pair) for pair in zip(total, counts, strict=True)]
        return total[0], total[1], total[2]

    def finish(self, result: ImportResult, now: int) -> None:
        """Record the import, once the whole file is in; of no row there is none."""
        if not result.rows:
            result.refused = NO_ROW
            return
        self.take_leave(result, now)
        record(self.ledger, [self._recorded(scope, result, now) for scope in self.by_scope])

    def take_leave(self, result: ImportResult, now: int) -> None:
        """Do what follows from the whole of a file."""

    def _recorded(self, scope: Scope, result: ImportResult, now: int) -> RecordedImport:
        tally = self.by_scope[scope]
        return RecordedImport(
            what=self._what,
            source=scope[0],
            account=scope[1],
            list=self.list,
            at=now,
            rows=tally.added + tally.changed + tally.unchanged,
            added=tally.added,
            changed=tally.changed,
            missing=tally.missing,
            known=tally.known,
            full=self.full and not result.kept,
            refused=result.refused is not None,
        )


class PeopleOptions(msgspec.Struct, frozen=True):
    """Say how a file of people is meant.

    `list` names the list whose groups it has, and `full` that it is everybody of it. At most
    `allow_missing` percent of those known may be missing then.
    """

    list: str = MAIN
    full: bool = False
    allow_missing: int = SHARE_MISSING


class PeopleImport(ImportRun[PersonRow]):
    """Import one file of people; call `read`, `store` for all of it, then `finish`."""

    def __init__(self, ledger: Store, scope: RowScope, how: PeopleOptions) -> None:
        super().__init__(ledger, "people", self._kept)
        self.list, self.full = text_form(how.list), how.full
        self.returned = 0
        self._people = People(ledger)
        self._named = NamedManagers(self._people)
        self._scope, self._how = scope, how
        self._seen = SeenRows() if how.full else None
        self._everybody: tuple[str, ...] | None = None

    def read(self, table: CsvTable) -> Iterator[PersonRow | RowProblem]:
        """Read the rows of a file; without a column of groups a list is a group of all of it."""
        if self.list and not has_groups(table):
            self._everybody = (self.list,)
        try:
            yield from people_in(table, self._scope, self._named.note)
        except UnreadableCsv as error:
            nobody = "; nobody is taken to be missing" if self.full else ""
            raise UnreadableCsv(f"{error}{nobody}") from error

    def _kept(
        self, cursor: TableWriter, rows: Sequence[PersonRow], now: int
    ) -> tuple[int, int, int]:
        if self._everybody:
            rows = [replace(row, groups=self._everybody) for row in rows]
        if self._seen:
            self._seen.add(row.key for row in rows)
        before = _missing_now(cursor)
        counts = self._people.store(cursor, rows, now, from_list=self.list)
        self.returned += before - _missing_now(cursor)
        return counts

    def take_leave(self, result: ImportResult, now: int) -> None:
        """Mark who is missing from a full file, a page at a time, or say why nobody is."""
        result.returned, result.managers = self.returned, list(self._named.without())
        self._named.close()
        self._meet_moved(now)
        if self._seen is None:
            return
        if result.unusable:
            result.kept = "rows of it could not be used, so nobody is taken to be missing"
            return
        for scope, tally in self.by_scope.items():
            self._count(scope, tally)
        result.refused = next(filter(None, map(self._too_many, self.by_scope)), None)
        if result.refused:
            return
        for scope in (each for each, tally in self.by_scope.items() if tally.missing):
            for page in self._missing(scope):
                with small_transaction(self.ledger) as cursor:
                    self._people.store(cursor, page, now, from_list=self.list)
                result.missing += len(page)

    def _meet_moved(self, now: int) -> None:
        """Meet managers at the addresses by which rows name them, if later rows took these."""
        moved = self._named.moved
        for start in range(0, len(moved), ROWS_PER_PAGE):
            with small_transaction(self.ledger) as cursor:
                page = moved[start : start + ROWS_PER_PAGE]
                self._people.store(cursor, page, now, from_list=self.list)

    def _count(self, scope: Scope, tally: ScopeCounts) -> None:
        """Count who of a source and account is missing, and how many were known before."""
        there = 0
        for page in self._known(scope):
            there += len(page)
            tally.missing += len(self._others(scope, page))
        before = tally.missing + tally.changed + tally.unchanged
        tally.known = min(there, before, self._bases.get(scope, there))

    @cached_property
    def _bases(self) -> dict[Scope, int]:
        """Read how many the last full import had, or knew if it was refused; or a list had.

        Else the rows of a wrong file would be among those known the next time: they are in, also
        where it was refused, broke off, had a bad row or was no full one.
        """
        newest = last_imports(self.ledger, or_refused=True) if self.list else []
        return {
            (each.source, each.account): each.known if each.refused else each.rows
            for each in [*newest, *last_imports(self.ledger, or_refused=True, full=True)]
            if (each.what, each.list) == ("people", self.list)
        }

    def _too_many(self, scope: Scope) -> str | None:
        tally = self.by_scope[scope]
        share = min(100.0, 100 * tally.missing / max(1, tally.known))
        if tally.missing < FEWEST_MISSING or share <= self._how.allow_missing:
            return None
        of_list = f" of the list {self.list}" if self.list else ""
        where = f" of {', '.join(filter(None, scope))}" if any(scope) else ""
        return (
            f"{tally.missing:,} of {tally.known:,} people{of_list}{where} are not in it, more than "
            f"{self._how.allow_missing} %, so nobody is taken to be missing; its rows are in. Is "
            f"it the whole file? Then say --allow-missing {ceil(share)}"
        )

    def _missing(self, scope: Scope) -> Iterator[list[PersonRow]]:
        """Give what is to be said of those who are not in the file, a page at a time."""
        for page in self._known(scope):
            others = self._others(scope, page)
            if others and self.list:
                yield [PersonRow(lms_id, *scope, groups=()) for lms_id in others]
            elif others:
                yield [PersonRow(lms_id, *scope, left_as=MISSING) for lms_id in others]

    def _others(self, scope: Scope, page: Sequence[str]) -> list[str]:
        """Leave out who is in the file."""
        assert self._seen is not None
        return [key[2] for key in self._seen.others([(*scope, lms_id) for lms_id in page])]

    def _known(self, scope: Scope) -> Iterator[list[str]]:
        """Read the ids of those there who came by an import, a page at a time; of a list, its."""
        reader, after = self.ledger.reader(), ""
        while rows := reader.execute(KNOWN, (*scope, after, ROWS_PER_PAGE)).fetchall():
            after = rows[-1][0]
            yield [
                lms_id
                for lms_id, left_as, groups in rows
                if (self.list in lists_in(groups) if self.list else left_as is None)
            ]


def _missing_now(cursor: Cursor) -> int:
    """Count who is missing of all people."""
    query = "SELECT COUNT(*) FROM people WHERE left_as = 'missing'"
    found: int = cursor.execute(query).fetchone()[0]
    return found
