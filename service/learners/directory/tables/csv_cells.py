"""Read the cells of one row, and note those that are of no use: each costs itself, not the row."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from service.learners.directory.tables.csv_file import (
    CsvRow,
    CsvTable,
    RowProblem,
    UnreadableCsv,
    ValueProblem,
    column_key,
    told_of_cell,
    with_look_alike_of_cell,
)
from service.learners.directory.time_zones import ReadName, read_zone
from service.learners.facts import LONGEST_ID
from service.learners.look_alikes import HARDLY_MEANT, doubtful
from service.learners.text_form import text_form, trimmed

MONTHS = "jan|feb|mar|mrz|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez"
ERROR = re.compile(r"#(?:N/[A-Z]+|N[VD]|GETTING_DATA|[A-ZÀ-Þ0/]+[!?]|##+)")
ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
BEGINNINGS = "#+-0123456789"
DATE = re.compile(
    rf"\d{{4}}-\d\d-\d\d(?:[ T]00:00(?::00)?)?|\d{{1,2}}/\d{{1,2}}/(?:\d\d){{1,2}}"
    rf"|\d{{1,2}}\.\d{{1,2}}\.\d{{4}}|(?:\d{{1,2}}[-. ]{{1,2}})?(?:{MONTHS})\.?[- ]\d{{2,4}}"
    rf"|\d{{1,2}}[-. ]{{1,2}}(?:{MONTHS})\.?",
    re.IGNORECASE,
)
STRONG, WEAK = re.compile("[;|]"), re.compile(",")
TOLD = re.compile(r"[^@\x00-\x1f\x7f]{1,60}")
UNTOLD = "something else"
"""Instead of what is an address, or too long to be the name of anything."""

Key = tuple[str, str, str]
"""Source, account and LMS id."""


def spoilt(text: str) -> str | None:
    """Say what a spreadsheet has made of a cell; None if nothing can be seen of it."""
    if text[:1] not in BEGINNINGS:
        return None
    if ERROR.fullmatch(text):
        return "an error of a spreadsheet"
    return "a number that a spreadsheet has rounded" if ROUNDED.fullmatch(text) else None


def no_id(text: str) -> str | None:
    """Say why a text cannot be an id, or an address in its place; None if it can."""
    if text.startswith("'"):
        return "one behind the apostrophe of a spreadsheet"
    if text.startswith('="'):
        return "a formula of a spreadsheet"
    return f"more than {LONGEST_ID} characters" if len(text) > LONGEST_ID else spoilt(text)


def names_in(text: str) -> tuple[str, ...]:
    """Read several names in one cell: between `;` or `|`, or commas where neither is there."""
    parts = (STRONG if STRONG.search(text) else WEAK).split(text)
    return tuple(part for part in map(trimmed, parts) if part)


class Kind(NamedTuple):
    """Say what a cell may hold: what was expected, a test, what spoils it, and how it is kept.

    By itself it is kept as people wrote it, as they will read it.
    """

    expected: str
    is_good: Callable[[str], bool] = lambda _: True
    spoilt: Callable[[str], str | None] = spoilt
    form: Callable[[str], str] = str


TEXT = Kind("text")
NAMES = Kind("names")


class RowScope(NamedTuple):
    """Say where rows hold that name no source and account of their own; empty is everywhere.

    `refused` says what is wrong with a source, `doubted` with an account of one, if anything.
    `zone` reads a time zone as a source and account write it.
    """

    source: str = ""
    account: str = ""
    refused: Callable[[str], str | None] = lambda _: None
    doubted: Callable[[str, str], str | None] = lambda source, account: None
    zone: Callable[[str, str, str], ReadName] = lambda source, account, text: read_zone(text)


EVERYWHERE = RowScope()


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
            elif text_form(title):
                self.extra[text_form(title)] = place

    def title(self, name: str) -> str:
        """Read the column's name as the file has it."""
        return self.titles[self.places[name]] if name in self.places else name


class UnusableRow(Exception):
    """Say that a row is left out, as nobody can tell whom or what it is about."""

    def __init__(self, problem: RowProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class RowCells:
    """Read one row; `problems` are the cells that it has to go in without.

    None is a column that is not there, or a cell of no use: what was known before stays.
    """

    def __init__(self, columns: CsvColumns, row: CsvRow) -> None:
        self.line = row.line
        self.problems: list[RowProblem] = []
        self._columns, self._cells = columns, row.cells

    def raw(self, name: str) -> str | None:
        """Read a cell as it is; None when the table has no such column."""
        place = self._columns.places.get(name)
        return None if place is None else self._cells[place]

    def text(self, name: str, kind: Kind = TEXT) -> str | None:
        """Read a cell of one kind; an empty one is empty."""
        text = self.raw(name)
        return self._of_use(self._columns.title(name), text, kind) if text else text

    def value(self, name: str, read: Callable[[str], ReadName]) -> str | None:
        """Read a cell that says nothing of a person, so that its text may be told; see `read`."""
        text = self.raw(name)
        if not text:
            return text
        got = spoilt(text)
        found = ReadName(None, f"is {got}", "take it out") if got else read(text)
        if found.doubt:
            title, shown = self._columns.title(name), text if TOLD.fullmatch(text) else UNTOLD
            told = ValueProblem(self.line, title, found.doubt, value=shown, text=text, read=found)
            self.problems.append(told)
        return found.name

    def other_id(self, name: str, kind: Kind) -> str | None:
        """Read a cell with the id or the address of another."""
        found = self.text(name, kind)
        self._doubt(self._columns.title(name), (found,) if found else ())
        return found

    def names(self, name: str, kind: Kind = NAMES) -> tuple[str, ...] | None:
        """Read several names in one cell; one that is of no use spoils the cell."""
        text = self.raw(name)
        if text is None:
            return None
        title = self._columns.title(name)
        read = [self._of_use(title, each, kind) for each in names_in(text)]
        found = tuple(each for each in read if each)
        self._doubt(title, found)
        return found if len(found) == len(read) else None

    def fields(self, places: Mapping[str, int]) -> dict[str, str]:
        """Read extra columns; one that is of no use is not said."""
        cells = ((title, self._cells[at]) for title, at in places.items())
        said = (
            (title, self._of_use(title, text, TEXT)) for title, text in cells if text is not None
        )
        found = {title: text for title, text in said if text is not None}
        for title, text in found.items():
            self._doubt(title, (text,))
        return found

    def key(self, scope: RowScope, expected: str) -> Key:
        """Read what tells the row's subject from any other; raises UnusableRow."""
        id = self.own_id(expected)
        source = text_form(self.raw("source") or scope.source)
        account = text_form(self.raw("account") or scope.account)
        if source and (refused := scope.refused(source)):
            raise self.unusable("source", refused)
        if account and not source:
            raise self.unusable("account", "expected a source beside it")
        if got := no_id(account):
            raise self.unusable("account", f"expected an account's id, got {got}")
        if account and (doubt := scope.doubted(source, account)):
            self.note("account", doubt)
        return source, account, id

    def own_id(self, expected: str) -> str:
        """Read the id of whom or what the row is about; raises UnusableRow."""
        text = text_form(self.raw("id") or "")
        got = no_id(text)
        if got or not text:
            raise self.unusable("id", f"expected {expected}{f', got {got}' if got else ''}")
        self._doubt(self._columns.title("id"), (text,))
        if DATE.fullmatch(text):
            self.note("id", f"expected {expected}, got what may be a spreadsheet's date")
        return text

    def note(self, name: str, message: str) -> None:
        """Note what is doubtful in a column, or left out of it."""
        self._warn(self._columns.title(name), message)

    def unusable(self, name: str, message: str) -> UnusableRow:
        """Make what to raise when the row has to be left out because of a column."""
        return UnusableRow(RowProblem(self.line, self._columns.title(name), message))

    def _doubt(self, title: str, texts: Iterable[str]) -> None:
        """Note texts that are kept as they are, and are hardly the ones that were meant."""
        for found in filter(None, map(doubtful, texts)):
            self._warn(title, told_of_cell(HARDLY_MEANT, found))

    def _of_use(self, title: str, text: str, kind: Kind) -> str | None:
        text = kind.form(text)
        got = kind.spoilt(text)
        if not got and kind.is_good(text):
            return text
        message = f"expected {kind.expected}{f', got {got}' if got else ''}"
        self._warn(title, with_look_alike_of_cell(message, text))
        return None

    def _warn(self, title: str, message: str) -> None:
        self.problems.append(RowProblem(self.line, title, message, warning=True))
