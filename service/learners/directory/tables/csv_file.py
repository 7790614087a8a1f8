"""Read CSV files as people really have them, row by row in little memory."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator

import msgspec

from service.learners.directory.time_zones import ReadName
from service.learners.look_alikes import QUOTES, LookAlike, look_alikes, told
from service.learners.text_form import text_form, trimmed

LONGEST_LINE = 262_144
IN_CELL = "at character {} of it"
LONGEST_RECORD = 100
"""Lines; a quote still open after so many was never meant to be closed."""

BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""What Excel writes and reads in a line above the header."""

WANTED = (
    "expected a CSV file in UTF-8, or in UTF-16 with its byte order mark; "
    "for another encoding name it, as in --encoding windows-1252"
)


class UnreadableCsv(Exception):
    """Say why a file cannot be read as a table: the file, the line and the reason."""


class RowProblem(msgspec.Struct, frozen=True):
    """Say what is wrong with one row; never the value itself, which may be personal.

    With a `warning` the row goes in, without a cell that is of no use; else it is left out.
    """

    line: int
    column: str
    expected: str
    warning: bool = False

    def __str__(self) -> str:
        """Say `17: email: expected …`, to be put after the file's name and a colon."""
        place = f"{self.line}: {self.column}: " if self.column else f"{self.line}: "
        return f"{place}{'warning: ' if self.warning else ''}{self.expected}"

    def by_value(self) -> "ValueProblem | None":
        """Give what is told of a value, for all rows that have it; None where it must not be."""
        return None


class ValueProblem(RowProblem, frozen=True):
    """Say what is wrong with a value that says nothing of a person, and may be told: a zone.

    `expected` goes on after "which". The `value` is the text as it may be told.
    """

    warning: bool = True
    value: str = ""
    text: str = ""
    read: ReadName = ReadName(None)

    def advice(self) -> str:
        """Say what to do about it."""
        return with_look_alike_of_cell(self.read.advice, self.text)

    def by_value(self) -> "ValueProblem":
        """Give this one."""
        return self


def with_look_alike_of_cell(message: str, text: str) -> str:
    """Name the first character of a cell that is not what it looks like, if any."""
    return told_of_cell(message, next(look_alikes(text), None))


def told_of_cell(message: str, found: LookAlike | None) -> str:
    """Name a character of a cell that is not what it looks like; nothing there needs quotes."""
    if found and found.instead in QUOTES:
        found = found._replace(instead="")
    return told(message, found, IN_CELL)


class CsvRow(msgspec.Struct, frozen=True):
    """Hold one row: the line it begins on, and its cells in the order of the header."""

    line: int
    cells: list[str]


def column_key(name: str) -> str:
    """Make what spellings of a column's name share: `User E-Mail`, `user_email`, `userEmail`."""
    return re.sub(r"[\s_-]+", "", text_form(name)).casefold()


class CsvTable:
    """Read a CSV file with a header; iterating gives its rows once, bad ones as problems."""

    def __init__(self, file: io.BufferedReader, name: str, encoding: str | None = None) -> None:
        """Read the header; raises UnreadableCsv when there is none.

        A byte order mark says what the `encoding` is, whatever is given.
        """
        self.name = name
        start = file.peek(4)[:4]
        marked = next((e for bom, e in BOMS.items() if start.startswith(bom)), None)
        self._encoding = marked or encoding or "utf-8"
        # What cannot be read is met in its line, not with the 8 KiB around it.
        self._text = io.TextIOWrapper(file, encoding=self._encoding, errors="surrogateescape")
        self._again: deque[str] = deque()
        self._line = 0
        if start.startswith(b"PK\x03\x04"):
            raise UnreadableCsv(f"{name}: an Excel workbook or ZIP file; {WANTED}")
        self._delimiter = ","
        self.header = self._header()

    def __iter__(self) -> Iterator[CsvRow | RowProblem]:
        """Read the rows below the header; empty ones are passed over."""
        while (found := self._next()) is not None:
            if isinstance(found, RowProblem):
                yield found
            elif found.cells == self.header:
                yield RowProblem(found.line, "", "expected a row, got the header again")
            elif any(found.cells):
                if self._reads_as_utf8("".join(found.cells)):
                    yield RowProblem(found.line, "", self._not_as_said(), warning=True)
                yield self._fitted(found)

    def detach(self) -> None:
        """Leave the file open for its owner to close."""
        self._text.detach()

    def _header(self) -> list[str]:
        line = self._filled_line()
        if separator := SEPARATOR.fullmatch(line):
            self._delimiter = separator[1]
            line = self._filled_line()
        elif line:
            self._delimiter = max(",;\t", key=line.count)
        self._unread([line] if line else [])
        found = self._next()
        if not isinstance(found, CsvRow) or not any(found.cells) or "\0" in line:
            raise UnreadableCsv(f"{self.name}: no header in the first line; {WANTED}")
        return found.cells

    def _filled_line(self) -> str:
        """Read the next line with anything in it; nothing at the end."""
        line = self._readline()
        while line.isspace():
            line = self._readline()
        return line

    def _reads_as_utf8(self, text: str) -> bool:
        """Tell whether what was read in a code page of one byte a sign would be UTF-8 too."""
        if text.isascii() or self._encoding.lower().startswith("utf"):
            return False
        try:
            raw = text.encode(self._encoding)
            raw.decode()
        except UnicodeError:
            return False
        return len(raw) == len(text)

    def _not_as_said(self) -> str:
        return f"expected text in {self._encoding.upper()}, got UTF-8; leave --encoding out"

    def _fitted(self, found: CsvRow) -> CsvRow | RowProblem:
        """Read the row with as many cells as the header; empty cells beyond it do not count."""
        wanted = len(self.header)
        if len(found.cells) < wanted or any(found.cells[wanted:]):
            expected = f"expected {wanted} cells as in the header, got {len(found.cells)}"
            return RowProblem(found.line, "", expected)
        return CsvRow(found.line, found.cells[:wanted])

    def _next(self) -> CsvRow | RowProblem | None:
        """Read one row, which goes on over lines while a quote is open; None at the end."""
        lines: list[str] = []
        first, size = self._line + 1, 0
        while line := self._readline():
            lines.append(line)
            size += len(line)
            if size > LONGEST_LINE or len(lines) > LONGEST_RECORD:
                break
            found = self._parsed(first, lines) if len(lines) == 1 or '"' in line else None
            if found is not None:
                return found
        if not lines:
            return None
        self._unread(lines[1:])
        if len(lines[0]) > LONGEST_LINE:
            return RowProblem(first, "", f"expected at most {LONGEST_LINE:,} characters in a line")
        return RowProblem(first, "", "expected a closing quotation mark")

    def _parsed(self, first: int, lines: list[str]) -> CsvRow | RowProblem | None:
        if "\0" in lines[-1]:
            self._unread(lines[1:])
            return RowProblem(first, "", "expected text without NUL bytes")
        try:
            row = next(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end" in str(error):
                return None
            self._unread(lines[1:])
            return RowProblem(first, "", f"expected cells between {self._delimiter!r}: {error}")
        return CsvRow(first, [trimmed(cell) for cell in row])

    def _unread(self, lines: list[str]) -> None:
        self._again.extendleft(reversed(lines))
        self._line -= len(lines)

    def _readline(self) -> str:
        """Read one line; of one that is too long only the beginning, but more than is allowed."""
        if self._again:
            self._line += 1
            return self._again.popleft()
        try:
            line = self._text.readline(LONGEST_LINE + 1)
            line.encode()
        except UnicodeError:
            place = f"{self.name}:{self._line + 1}"
            encoding = self._encoding.removesuffix("-sig").upper()
            raise UnreadableCsv(f"{place}: not text in {encoding}; {WANTED}") from None
        self._line += bool(line)
        rest = line
        while len(rest) >= LONGEST_LINE and not rest.endswith("\n"):
            rest = self._text.readline(LONGEST_LINE)
        return line
