"""Read people from files: our own columns, or Adobe's report `generateUsers`."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from zoneinfo import available_timezones

from service.learners.directory.csv_file import (
    CsvRow,
    CsvTable,
    RowProblem,
    UnreadableCsv,
    column_key,
)
from service.learners.directory.csv_import import CsvColumns, scope
from service.learners.directory.people_table import PersonRow

PLAIN = {
    column_key(name): name
    for name in (
        *("id", "name", "email", "manager", "timezone", "locale", "groups"),
        *("source", "account"),
    )
}
ADOBE = {
    "internaluserid": "id",
    "name": "name",
    "useremail": "email",
    "manageremail": "manager",
    "timezonecode": "timezone",
    "uilocale": "locale",
    "contentlocale": "content_locale",
    "group": "groups",
}
ADOBE_FIELDS = ("profile", "roles", "state", "usertype")
"""Kept as extra fields beside every AF_ one; the others are ids or change with every visit."""

ADOBE_SEPARATORS = ";|,"

ADDRESS = re.compile(
    r"""(?:[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+|"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])+")"""
    r"""@(?:[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*|\[[0-9A-Fa-fv:.]+\])"""
)
LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


def people_in(
    table: CsvTable, source: str = "", account: str = ""
) -> Iterator[PersonRow | RowProblem]:
    """Read the people of a file; raises UnreadableCsv if it has no column of ids.

    Rows without source and account of their own have those given; Adobe's report is of
    the source `adobe`.
    """
    keys = {column_key(title) for title in table.header}
    if "internaluserid" in keys:
        return _rows(table, CsvColumns(table, ADOBE), source or "adobe", account, adobe=True)
    if "id" in keys:
        return _rows(table, CsvColumns(table, PLAIN), source, account, adobe=False)
    hint = ""
    if "manageremail" in keys or "useremail" in keys or "usertype" in keys:
        hint = "; a report downloaded from Adobe's pages has no ids, ask for generateUsers"
    raise UnreadableCsv(f"{table.name}:1: expected a column id or internalUserID{hint}")


def _rows(
    table: CsvTable, columns: CsvColumns, source: str, account: str, *, adobe: bool
) -> Iterator[PersonRow | RowProblem]:
    fields = {name: at for name, at in columns.extra.items() if not adobe or _kept(name)}
    separators = ADOBE_SEPARATORS if adobe else ";|"
    for record in table:
        if isinstance(record, RowProblem):
            yield record
            continue
        where = scope(columns, record.cells, source, account)
        problem = _problem(columns, record)
        if problem or where is None:
            yield problem or RowProblem(record.line, "account", "expected a source beside it")
            continue
        yield from _warnings(columns, record)
        yield _row(columns, record, where, fields, separators)


def _row(
    columns: CsvColumns,
    record: CsvRow,
    where: tuple[str, str],
    fields: dict[str, int],
    separators: str,
) -> PersonRow:
    cells = record.cells
    return PersonRow(
        lms_id=columns.cell(cells, "id") or "",
        source=where[0],
        account=where[1],
        name=columns.cell(cells, "name"),
        email=columns.cell(cells, "email"),
        manager=_if(columns.cell(cells, "manager"), _is_manager),
        timezone=_if(columns.cell(cells, "timezone"), _is_timezone),
        locale=_locale(_said_locale(columns, cells)),
        groups=columns.names(cells, "groups", separators),
        fields={name: cells[at] for name, at in fields.items()},
    )


def _problem(columns: CsvColumns, record: CsvRow) -> RowProblem | None:
    """Say what makes the whole row useless."""
    if not columns.cell(record.cells, "id"):
        return RowProblem(record.line, columns.title("id"), "expected the LMS's id of the person")
    email = columns.cell(record.cells, "email")
    if email and not is_address(email):
        expected = "expected one address, e.g. ann@example.org"
        return RowProblem(record.line, columns.title("email"), expected)
    return None


def _warnings(columns: CsvColumns, record: CsvRow) -> Iterator[RowProblem]:
    """Say what the row has to go in without."""
    cells = record.cells
    checks = (
        ("manager", columns.cell(cells, "manager"), _is_manager, "an id or one address"),
        ("timezone", columns.cell(cells, "timezone"), _is_timezone, "a zone, e.g. Europe/Berlin"),
        ("locale", _said_locale(columns, cells), _is_locale, "a language, e.g. de or pt-BR"),
    )
    for name, text, is_good, expected in checks:
        if text and not is_good(text):
            yield RowProblem(record.line, columns.title(name), f"expected {expected}", warning=True)


def is_address(text: str) -> bool:
    """Tell whether a text is one e-mail address (RFC 5321 §4.1.2, RFC 6531), no name, no list."""
    local = text.rpartition("@")[0]
    dots = not local.startswith('"') and (f".{local}.".find("..") >= 0)
    return len(local) <= 64 and len(text) <= 254 and not dots and bool(ADDRESS.fullmatch(text))


def _if(text: str | None, is_good: Callable[[str], bool]) -> str | None:
    """Read the cell; None (nothing said) when it says something that is of no use."""
    return text if not text or is_good(text) else None


def _is_manager(text: str) -> bool:
    return "@" not in text or is_address(text)


def _is_timezone(text: str) -> bool:
    return text in _timezones()


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_locale(text: str) -> bool:
    return bool(LOCALE.fullmatch(text))


def _said_locale(columns: CsvColumns, cells: list[str]) -> str | None:
    return columns.cell(cells, "locale") or columns.cell(cells, "content_locale")


def _locale(text: str | None) -> str | None:
    """Read the language as templates name it: Adobe writes en_US for en-US."""
    found = _if(text, _is_locale)
    return found and found.replace("_", "-")


def _kept(title: str) -> bool:
    return title.upper().startswith("AF_") or column_key(title) in ADOBE_FIELDS
