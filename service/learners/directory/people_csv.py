"""Read people from files: our own columns, or Adobe's report `generateUsers`."""

import re
from collections.abc import Callable, Iterator, Mapping

from service.learners.directory.languages import read_language
from service.learners.directory.leaving import left_as_row_says, state_places
from service.learners.directory.people_table import PersonRow
from service.learners.directory.tables.csv_cells import (
    EVERYWHERE,
    CsvColumns,
    Kind,
    RowCells,
    RowScope,
    no_id,
)
from service.learners.directory.tables.csv_file import (
    CsvTable,
    RowProblem,
    UnreadableCsv,
    column_key,
    with_look_alike_of_cell,
)
from service.learners.directory.tables.csv_import import read_rows
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
    "manageremail": "manager_email",
    "customerdefineduniqueuserid": "unique_id",
    "timezonecode": "timezone",
    "uilocale": "locale",
    "contentlocale": "content_locale",
    "group": "groups",
}
ALSO = {
    **dict.fromkeys(("uniqueid", "useruniqueid", "employeeid", "employeenumber"), "unique_id"),
    **{
        f"{leader}{column}": ours
        for leader in ("manager", "linemanager", "directmanager", "supervisor", "reportsto")
        for ours, columns in (
            ("manager_email", ("email", "emailaddress", "mail")),
            ("manager_id", ("id", "userid", "uniqueid", "employeeid", "employeenumber")),
            ("manager", ("",)),
            ("manager_name", ("name", "fullname", "displayname")),
        )
        for column in columns
    },
}
"""What other systems call it; the first of a file counts, and each is an extra field as before."""

MANAGERS = ("manager_email", "manager_id", "manager", "manager_name")

ADOBE_FIELDS = ("profile", "roles", "state", "usertype")
"""Kept as extra fields beside every AF_ one; the others are ids or change with every visit."""

ADDRESS = re.compile(
    r"""(?:[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+|"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])+")"""
    r"""@(?:[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*|\[[0-9A-Fa-fv:.]+\])"""
)


def people_in(
    table: CsvTable,
    scope: RowScope = EVERYWHERE,
    note: Callable[[int, PersonRow], None] = lambda line, row: None,
) -> Iterator[PersonRow | RowProblem]:
    """Read the people of a file; raises UnreadableCsv if it has no column of ids.

    Rows without source and account of their own have those of the scope; Adobe's report is of
    the source `adobe`. `note` hears of each row and the line that it stands on.
    """
    keys = {column_key(title) for title in table.header}
    adobe = "internaluserid" in keys
    if adobe:
        columns, extra = _columns(table, ADOBE)
        fields = {name: at for name, at in extra.items() if _kept(name)}
        scope = scope._replace(source=scope.source or "adobe")
    elif "id" in keys:
        columns, fields = _columns(table, PLAIN)
    else:
        hint = ""
        if "manageremail" in keys or "useremail" in keys or "usertype" in keys:
            hint = "; a report downloaded from Adobe's pages has no ids, ask for generateUsers"
        expected = f"{table.name}:1: expected a column id or internalUserID{hint}"
        raise UnreadableCsv(with_look_alike_of_cell(expected, "".join(table.header)))
    columns.places |= state_places(columns.extra)

    def noted(cells: RowCells) -> PersonRow:
        row = _row(cells, scope, fields, adobe=adobe)
        note(cells.line, row)
        return row

    return read_rows(table, columns, noted)


def _columns(table: CsvTable, known: Mapping[str, str]) -> tuple[CsvColumns, dict[str, int]]:
    """Find the columns, also by what other systems call them, and those that are extra fields."""
    keys = [column_key(title) for title in table.header]
    found = {key: known[key] for key in keys if key in known}
    for key in keys:
        ours = ALSO.get(key)
        if ours and ours not in found.values() and keys.count(key) == 1:
            found[key] = ours
    columns = CsvColumns(table, found)
    others = {key for key in found if key not in known}
    also = {
        text_form(title): at
        for at, (key, title) in enumerate(zip(keys, table.header, strict=True))
        if key in others
    }
    return columns, columns.extra | also


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
        manager=_manager(cells),
        timezone=cells.value("timezone", lambda text: scope.zone(source, account, text)),
        locale=_locale(cells),
        groups=cells.names("groups"),
        fields=cells.fields(fields),
        unique_id=cells.text("unique_id", UNIQUE_ID),
        left_as=left_as_row_says(cells, adobe=adobe),
    )


def is_address(text: str) -> bool:
    """Tell whether a text is one e-mail address (RFC 5321 §4.1.2, RFC 6531), no name, no list."""
    local = text.rpartition("@")[0]
    dots = not local.startswith('"') and (f".{local}.".find("..") >= 0)
    return len(local) <= 64 and len(text) <= 254 and not dots and bool(ADDRESS.fullmatch(text))


def _manager(cells: RowCells) -> str | None:
    """Read who the manager is: an address, or else an id before a name; empty if all are empty."""
    said = [cells.other_id(name, MANAGER) for name in MANAGERS if cells.raw(name) is not None]
    found = sorted(filter(None, said), key=lambda text: "@" not in text)
    return found[0] if found else ("" if said and None not in said else None)


def _is_manager(text: str) -> bool:
    return "@" not in text or is_address(text)


def _locale(cells: RowCells) -> str | None:
    """Read the language; Adobe writes two of them."""
    said = cells.value("locale", read_language)
    return said or cells.value("content_locale", read_language) or said


def _kept(title: str) -> bool:
    return title.upper().startswith("AF_") or column_key(title) in ADOBE_FIELDS


EMAIL = Kind("one address, e.g. ann@example.org", is_address, no_id, text_form)
MANAGER = Kind("an id or one address", _is_manager, no_id, text_form)
UNIQUE_ID = Kind("the employer's id", spoilt=no_id, form=text_form)
