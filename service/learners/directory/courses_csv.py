"""Read courses from files: our own columns, or Adobe's Trainings report."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from service.learners.directory.courses import CourseRow, kind_of
from service.learners.directory.csv_file import (
    CsvRow,
    CsvTable,
    RowProblem,
    UnreadableCsv,
    column_key,
)
from service.learners.directory.csv_import import CsvColumns, scope
from service.learners.facts import KINDS, course_id

PLAIN = {
    name: name for name in ("id", "title", "kind", "tags", "url", "parents", "source", "account")
}
ADOBE = {
    "trainingid": "id",
    "trainingname": "title",
    "trainingtype": "kind",
    "cataloglabels&tags": "tags",
}
PREFIXES = {
    "course": "course",
    "learningprogram": "learningProgram",
    "learningpath": "learningProgram",
    "certification": "certification",
}
"""The prefix of an id, by what the report and people call the kind."""

JOB_AID = "jobaid"
"""Listed in the report, but nobody enrols in one."""

EXPECTED_KIND = "expected course, learning_path or certification"


def courses_in(
    table: CsvTable, source: str = "", account: str = ""
) -> Iterator[CourseRow | RowProblem]:
    """Read the courses of a file; raises UnreadableCsv if it has no column of ids.

    Rows without source and account of their own have those given; Adobe's report is of
    the source `adobe`.
    """
    keys = {column_key(title) for title in table.header}
    if "trainingid" in keys:
        return _adobe(table, CsvColumns(table, ADOBE), (source or "adobe", account))
    if "id" in keys:
        return _plain(table, CsvColumns(table, PLAIN), source, account)
    raise UnreadableCsv(f"{table.name}:1: expected a column id or Training Id")


def _plain(
    table: CsvTable, columns: CsvColumns, source: str, account: str
) -> Iterator[CourseRow | RowProblem]:
    for name in columns.extra:
        known = "expected one of " + ", ".join(PLAIN)
        yield RowProblem(1, name, f"unknown column, left out; {known}", warning=True)
    for record in table:
        if isinstance(record, RowProblem):
            yield record
            continue
        where = scope(columns, record.cells, source, account)
        if where is None:
            yield RowProblem(record.line, "account", "expected a source beside it")
        elif not columns.cell(record.cells, "id"):
            yield RowProblem(
                record.line, columns.title("id"), "expected the LMS's id of the course"
            )
        else:
            yield from _plain_row(columns, record, where)


def _plain_row(
    columns: CsvColumns, record: CsvRow, where: tuple[str, str]
) -> Iterator[CourseRow | RowProblem]:
    cells = record.cells
    kind, url = columns.cell(cells, "kind"), columns.cell(cells, "url")
    if kind and _prefix(kind) is None:
        yield RowProblem(record.line, columns.title("kind"), EXPECTED_KIND, warning=True)
        kind = None
    if url and not _is_url(url):
        yield RowProblem(record.line, columns.title("url"), "expected an https:// address", True)
        url = None
    yield CourseRow(
        id=course_id(columns.cell(cells, "id") or ""),
        source=where[0],
        account=where[1],
        title=columns.cell(cells, "title"),
        kind=KINDS[_prefix(kind) or "course"] if kind else None,
        tags=columns.names(cells, "tags"),
        url=url,
        parents=columns.names(cells, "parents"),
    )


def _adobe(
    table: CsvTable, columns: CsvColumns, where: tuple[str, str]
) -> Iterator[CourseRow | RowProblem]:
    for record in table:
        if isinstance(record, RowProblem):
            yield record
        elif column_key(columns.cell(record.cells, "kind") or "") != JOB_AID:
            yield _adobe_row(columns, record, where)


def _adobe_row(
    columns: CsvColumns, record: CsvRow, where: tuple[str, str]
) -> CourseRow | RowProblem:
    cells = record.cells
    found = course_id(columns.cell(cells, "id") or "")
    if not found:
        return RowProblem(record.line, columns.title("id"), "expected the training's id")
    if ":" not in found:
        prefix = _prefix(columns.cell(cells, "kind") or "")
        if prefix is None:
            expected = "expected Course, Learning Path, Learning Program or Certification"
            return RowProblem(record.line, columns.title("kind"), expected)
        found = f"{prefix}:{found}"
    return CourseRow(
        id=found,
        source=where[0],
        account=where[1],
        title=columns.cell(cells, "title"),
        kind=kind_of(found),
        tags=columns.names(cells, "tags", ";|,"),
    )


def _prefix(kind: str) -> str | None:
    return PREFIXES.get(column_key(kind))


def _is_url(text: str) -> bool:
    """Tell whether a message may lead there: a web address and no blank, so no script either."""
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname) and not re.search(r"\s", text)
