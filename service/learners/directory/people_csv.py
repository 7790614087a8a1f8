"""Read people from files: our own columns, or Adobe's report `generateUsers`."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from service.learners.directory.csv_cells import (
    EVERYWHERE,
    CsvColumns,
    Kind,
    RowCells,
    RowScope,
    no_id,
)
from service.learners.directory.csv_file import (
    CsvTable,
    RowProblem,
    UnreadableCsv,
    column_key,
    with_look_alike_of_cell,
)
from service.learners.directory.csv_import import read_rows
from service.learners.directory.leaving import left_as_row_says, state_places
from service.learners.directory.people_table import PersonRow
from service.learners.directory.time_zones import ReadName
from service.learners.text_form import text_form

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

ADDRESS = re.compile(
    r"""(?:[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+|"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])+")"""
    r"""@(?:[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*|\[[0-9A-Fa-fv:.]+\])"""
)
LANGUAGES_REMEMBERED = 1_024
LANGUAGE = re.compile(r"(?P<tag>[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)(?:\.[\w-]+)?(?:@\w+)?")
"""As RFC 5646 §2.1 writes it, or POSIX (XBD §8.2), which has an encoding and a variant beside."""


def people_in(table: CsvTable, scope: RowScope = EVERYWHERE) -> Iterator[PersonRow | RowProblem]:
    """Read the people of a file; raises UnreadableCsv if it has no column of ids.

    Rows without source and account of their own have those of the scope; Adobe's report is of
    the source `adobe`.
    """
    keys = {column_key(title) for title in table.header}
    adobe = "internaluserid" in keys
    if adobe:
        columns = CsvColumns(table, ADOBE)
        fields = {name: at for name, at in columns.extra.items() if _kept(name)}
        scope = scope._replace(source=scope.source or "adobe")
    elif "id" in keys:
        columns = CsvColumns(table, PLAIN)
        fields = columns.extra
    else:
        hint = ""
        if "manageremail" in keys or "useremail" in keys or "usertype" in keys:
            hint = "; a report downloaded from Adobe's pages has no ids, ask for generateUsers"
        expected = f"{table.name}:1: expected a column id or internalUserID{hint}"
        raise UnreadableCsv(with_look_alike_of_cell(expected, "".join(table.header)))
    columns.places |= state_places(columns.extra)
    return read_rows(table, columns, lambda cells: _row(cells, scope, fields, adobe=adobe))


def has_groups(table: CsvTable) -> bool:
    """Tell whether a file of people has a column of groups."""
    keys = {column_key(title) for title in table.header}
    names = ADOBE if "internaluserid" in keys else PLAIN
    return any(names.get(key) == "groups" for key in keys)


def _row(cells: RowCells, scope: RowScope, fields: Mapping[str, int], *, adobe: bool) -> PersonRow:
    source, account, lms_id = cells.key(scope, "the LMS's id of the person")
    return PersonRow(
        lms_id=lms_id,
        source=source,
        account=account,
        name=cells.text("name"),
        email=cells.text("email", EMAIL),
        manager=cells.other_id("manager", MANAGER),
        timezone=cells.value("timezone", lambda text: scope.zone(source, account, text)),
        locale=_locale(cells),
        groups=cells.names("groups"),
        fields=cells.fields(fields),
        left_as=left_as_row_says(cells, adobe=adobe),
    )


def is_address(text: str) -> bool:
    """Tell whether a text is one e-mail address (RFC 5321 §4.1.2, RFC 6531), no name, no list."""
    local = text.rpartition("@")[0]
    dots = not local.startswith('"') and (f".{local}.".find("..") >= 0)
    return len(local) <= 64 and len(text) <= 254 and not dots and bool(ADDRESS.fullmatch(text))


def _is_manager(text: str) -> bool:
    return "@" not in text or is_address(text)


def _locale(cells: RowCells) -> str | None:
    """Read the language; Adobe writes two of them."""
    said = cells.value("locale", read_language)
    return said or cells.value("content_locale", read_language) or said


@lru_cache(LANGUAGES_REMEMBERED)
def read_language(text: str) -> ReadName:
    """Read a language into the tag by which templates are found: en_US is en-US.

    What a system writes behind it is no part of the language: de_DE.UTF-8, sr_RS@latin.
    """
    found = LANGUAGE.fullmatch(text_form(text))
    if found:
        return ReadName(found["tag"].replace("_", "-"))
    return ReadName(None, "is no language", "write a tag like de or pt-BR")


def _kept(title: str) -> bool:
    return title.upper().startswith("AF_") or column_key(title) in ADOBE_FIELDS


EMAIL = Kind("one address, e.g. ann@example.org", is_address, no_id, text_form)
MANAGER = Kind("an id or one address", _is_manager, no_id, text_form)
