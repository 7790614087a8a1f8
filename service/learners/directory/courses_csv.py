"""Read courses from files: our own columns, or Adobe's Trainings report."""

import re
from collections.abc import Iterator
from itertools import chain

from service.learners.directory.course_links import is_web_address
from service.learners.directory.courses import CourseRow, kind_of
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
from service.learners.facts import KINDS, course_id, id_prefix
from service.learners.text_form import text_form

PLAIN = {
    name: name for name in ("id", "title", "kind", "tags", "url", "parents", "source", "account")
}
ADOBE = {
    "trainingid": "id",
    "trainingname": "title",
    "trainingtype": "kind",
    "cataloglabels&tags": "tags",
    "cataloglabels": "labels",
    "tags": "tags",
}
"""Labels and tags stand in one column, or since 2025 in two ("Training report")."""
JOB_AID = "jobaid"
"""Listed in the report, but nobody enrols in one."""


def courses_in(table: CsvTable, scope: RowScope = EVERYWHERE) -> Iterator[CourseRow | RowProblem]:
    """Read the courses of a file; raises UnreadableCsv if it has no column of ids.

    Rows without source and account of their own have those of the scope; Adobe's report is of
    the source `adobe`.
    """
    keys = {column_key(title) for title in table.header}
    if "trainingid" in keys:
        adobe = scope._replace(source=scope.source or "adobe")
        return read_rows(table, CsvColumns(table, ADOBE), lambda cells: _training(cells, adobe))
    if "id" in keys:
        return _plain(table, CsvColumns(table, PLAIN), scope)
    expected = f"{table.name}:1: expected a column id or Training Id"
    raise UnreadableCsv(with_look_alike_of_cell(expected, "".join(table.header)))


def _plain(
    table: CsvTable, columns: CsvColumns, scope: RowScope
) -> Iterator[CourseRow | RowProblem]:
    for name in columns.extra:
        known = "expected one of " + ", ".join(PLAIN)
        told = with_look_alike_of_cell(f"unknown column, left out; {known}", name)
        yield RowProblem(1, name, told, warning=True)
    yield from read_rows(table, columns, lambda cells: _course(cells, scope))


def _course(cells: RowCells, scope: RowScope) -> CourseRow:
    source, account, id = cells.key(scope, "the LMS's id of the course")
    kind, found = cells.text("kind", KIND), course_id(id)
    if kind and source == "adobe" and found.isdecimal():
        found = f"{id_prefix(kind)}:{found}"
    return CourseRow(
        id=found,
        source=source,
        account=account,
        title=cells.text("title"),
        kind=KINDS[id_prefix(kind) or "course"] if kind else None,
        tags=cells.names("tags"),
        url=cells.text("url", URL),
        parents=cells.names("parents", PARENTS),
    )


def _training(cells: RowCells, scope: RowScope) -> CourseRow | None:
    """Read a row of Adobe's report; None for a job aid."""
    kind = re.sub(r"\(.*\)", "", cells.raw("kind") or "")  # Learning Path (Higher Level)
    if column_key(kind) == JOB_AID:
        return None
    source, account, id = cells.key(scope, "the training's id")
    found = course_id(id)
    if ":" not in found:
        prefix = id_prefix(kind)
        if prefix is None:
            expected = "expected Course, Learning Path, Learning Program or Certification"
            raise cells.unusable("kind", expected)
        found = f"{prefix}:{found}"
    return CourseRow(
        id=found,
        source=source,
        account=account,
        title=cells.text("title"),
        kind=kind_of(found),
        tags=_labels_and_tags(cells),
    )


def _labels_and_tags(cells: RowCells) -> tuple[str, ...] | None:
    """Read both; a cell of no use spoils both, so that what was known of either stays."""
    found = [cells.names(name) for name in ("labels", "tags") if cells.raw(name) is not None]
    said = [names for names in found if names is not None]
    return tuple(chain.from_iterable(said)) if said and len(said) == len(found) else None


KIND = Kind(
    "course, learning_path or certification", lambda text: bool(id_prefix(text)), form=text_form
)
URL = Kind("an https:// address", is_web_address, form=text_form)
PARENTS = Kind("ids of courses", spoilt=no_id)
