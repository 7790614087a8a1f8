"""Read a JSON list of objects as a table: their keys are its columns, one row in memory."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, cast

from service.learners.directory.tables.csv_file import (
    LONGEST_LINE,
    CsvRow,
    CsvTable,
    RowProblem,
    UnreadableCsv,
)
from service.learners.text_form import trimmed

CHUNK = 65_536
MOST_COLUMNS = 1_000
BEGINNING = re.compile(r'\s*(?:\{\s*"items"\s*:\s*)?\[\s*')
NEXT = re.compile(r"\s*(?:,\s*(?=\{)|(?=\]))")
END = re.compile(r"\]\s*\}?\s*")
APART = frozenset(";|")
"""What parts the names in one cell; so a name in a list cannot have it."""

EXPECTED = "expected a JSON list of objects, or an object with such a list as its `items`"


def _refused(_: str) -> NoReturn:
    """Refuse NaN and Infinity, which are no JSON (RFC 8259 §6)."""
    raise ValueError


DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refused)
"""Keeps numbers as they are written: most are ids."""


class UnfitCell(ValueError):
    """Say that a value is none that a cell can have."""


class JsonTable(CsvTable):
    """Read JSON as a CSV file; a key that an object lacks says nothing, null that there is none.

    Its lines are the numbers of the objects. It is read twice, first for the keys: what is no
    JSON anywhere is refused before a row goes in.
    """

    def __iter__(self) -> Iterator[CsvRow | RowProblem]:
        """Read the objects once, bad ones as problems."""
        self._text.seek(0)
        for number, item in enumerate(self._objects(), 1):
            yield from self._rows(number, item)

    def _header(self) -> list[str]:
        found: dict[str, None] = {}
        for item in self._objects():
            found |= dict.fromkeys(item)
            if len(found) > MOST_COLUMNS:
                raise UnreadableCsv(f"{self.name}: expected at most {MOST_COLUMNS:,} keys")
        if not is_text("".join(found)):
            raise UnreadableCsv(f"{self.name}: a key is not text; {EXPECTED}")
        return list(found)

    def _rows(self, number: int, item: dict[str, Any]) -> Iterator[CsvRow | RowProblem]:
        cells: list[str | None] = []
        for name in self.header:
            try:
                cells.append(cell_of(item[name]) if name in item else None)
            except UnfitCell as unfit:
                cells.append(None)
                yield RowProblem(number, trimmed(name), str(unfit), warning=True)
        if is_text("".join(filter(None, cells))):
            yield CsvRow(number, cast(list[str], cells))
        else:
            yield RowProblem(number, "", "expected text without NUL bytes and broken characters")

    def _objects(self) -> Iterator[dict[str, Any]]:
        text = self._chunk()
        begun = BEGINNING.match(text)
        if begun is None:
            raise UnreadableCsv(f"{self.name}: {EXPECTED}, got something else")
        at, number = begun.end(), 0
        while not text.startswith("]", at):
            number += 1
            while (found := _decoded(text, at)) is None:
                more = self._chunk()
                if not more or len(text) - at > LONGEST_LINE:
                    raise UnreadableCsv(f"{self.name}:{number}: no whole JSON object; {EXPECTED}")
                text, at = text[at:] + more, 0
            item, at = found
            yield item
        if not END.fullmatch(text[at:] + self._chunk()):
            raise UnreadableCsv(f"{self.name}: expected the end behind the list, got more")

    def _chunk(self) -> str:
        try:
            return self._text.read(CHUNK)
        except UnicodeError:
            words = f"not text in {self._encoding.upper()}; {EXPECTED}"
            raise UnreadableCsv(f"{self.name}: {words}") from None


def _decoded(text: str, at: int) -> tuple[dict[str, Any], int] | None:
    """Read an object and what parts it from the next; None while not all of it is there."""
    if not text.startswith("{", at):
        return None
    try:
        item, end = DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    following = NEXT.match(text, end)
    return None if following is None else (item, following.end())


def cell_of(value: Any) -> str:
    """Write a value as a cell of a CSV file; raises UnfitCell."""
    match value:
        case None:
            return ""
        case True | False:
            return str(value).lower()
        case str(text):
            return trimmed(text)
        case [*names] if all(type(name) is str and not APART.intersection(name) for name in names):
            return "".join(f"{name};" for name in names)
        case _:
            raise UnfitCell("expected text, a number, or a list of names without ; and |")


def is_text(text: str) -> bool:
    """Tell whether a text can be kept: no NUL, and no half of a pair of surrogates."""
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False
