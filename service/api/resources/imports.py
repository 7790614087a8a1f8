"""Import people and courses over HTTP, as the commands do: the same columns, as CSV or JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from service.api.framework.operations import Operation
from service.api.framework.problems import ApiError
from service.api.framework.request import JSON, Text
from service.api.framework.uploads import Upload
from service.api.request_context import RequestContext, SourceName
from service.app.known_scopes import row_scope
from service.learners.directory.courses import Courses
from service.learners.directory.courses_csv import courses_in
from service.learners.directory.people_import import (
    SHARE_MISSING,
    ImportRun,
    PeopleImport,
    PeopleOptions,
)
from service.learners.directory.tables.csv_file import CsvTable, RowProblem, UnreadableCsv
from service.learners.directory.tables.csv_import import import_rows
from service.learners.directory.tables.json_table import JsonTable
from service.learners.directory.tables.seen_rows import Keyed
from service.learners.text_form import text_form

K = TypeVar("K", bound=Keyed)

CSV = "text/csv"
NAME = "body"
PROBLEMS_TOLD = 3
ROW = {"type": "object", "description": "A row: its keys are the columns of the CSV file."}
ROWS = {"type": "array", "items": ROW}
ITEMS = {"type": "object", "properties": {"items": ROWS}, "required": ["items"]}
TAKES: dict[str, Any] = {CSV: {"type": "string"}, JSON: {"anyOf": [ROWS, ITEMS]}}
REFUSALS = (
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class ImportProblem(msgspec.Struct, frozen=True):
    """What is wrong with a row, never its value; with a `warning` it went in all the same.

    `line` is the line of the CSV file, or the number of the object.
    """

    line: int
    column: str
    expected: str
    warning: bool


class ImportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. `ok` unless rows had to be left out of an import that is not lenient.

    `missing` counts those who were known and are not in a full one, `returned` those who had
    been missing; `kept` says why nobody is taken to be missing.
    """

    file: str
    ok: bool
    added: int
    changed: int
    unchanged: int
    missing: int
    returned: int
    kept: str | None
    refused: str | None
    unusable: int
    warnings: int
    problems: list[ImportProblem]


class CoursesImportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Say of whom rows are that do not say it."""

    source: Annotated[
        SourceName | None, Meta(description="LMS of rows that name none, e.g. adobe.")
    ] = None
    account: Annotated[Text | None, Meta(description="Account of rows that name none.")] = None
    lenient: Annotated[bool, Meta(description="`ok` also if rows had to be left out.")] = False


class PeopleImportQuery(CoursesImportQuery, frozen=True, kw_only=True):
    """Say how a list of people is meant, too."""

    list: Annotated[
        Text | None,
        Meta(description="A list of its own: its groups do not take those of other files."),
    ] = None
    full: Annotated[
        bool,
        Meta(description="It is everybody of its source and account: who is missing has left."),
    ] = False
    allow_missing: Annotated[
        int, Meta(ge=0, le=100, description="Percent of those known who may be missing.")
    ] = SHARE_MISSING


def import_people(context: RequestContext, query: PeopleImportQuery, body: Upload) -> ImportAnswer:
    """Import people."""
    ledger = context.app.ledger
    if query.list is not None and not text_form(query.list):
        raise ApiError(HTTPStatus.BAD_REQUEST, "list: expected a name, got none")
    how = PeopleOptions(query.list or "", query.full, query.allow_missing)
    with alone(context), table_of(body) as table:
        scope = row_scope(ledger, query.source, query.account)
        run = PeopleImport(ledger, scope, how)
        return imported(run, run.read(table), context.clock(), lenient=query.lenient)


def import_courses(
    context: RequestContext, query: CoursesImportQuery, body: Upload
) -> ImportAnswer:
    """Import courses."""
    ledger = context.app.ledger
    with alone(context), table_of(body) as table:
        scope = row_scope(ledger, query.source, query.account)
        run = ImportRun(ledger, "courses", Courses(ledger).store)
        return imported(run, courses_in(table, scope), context.clock(), lenient=query.lenient)


@contextmanager
def alone(context: RequestContext) -> Iterator[None]:
    """Let no two imports run at once; raises ApiError."""
    if not context.importing.acquire(blocking=False):
        raise ApiError(HTTPStatus.CONFLICT, "another import is running; send it again later")
    try:
        yield
    finally:
        context.importing.release()


@contextmanager
def table_of(body: Upload) -> Iterator[CsvTable]:
    """Read a body as a table; raises ApiError for one that cannot be read."""
    try:
        kind = CsvTable if body.media == CSV else JsonTable
        yield kind(body.file, NAME, body.charset)
    except UnreadableCsv as error:
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error


def imported(
    run: ImportRun[K], rows: Iterator[K | RowProblem], now: int, *, lenient: bool
) -> ImportAnswer:
    """Import rows and say what became of them; raises ApiError for an import that is none."""
    result = import_rows(run.ledger, run.store, rows, now)
    run.finish(result, now)
    if result.refused:
        first = [f"{NAME}:{problem}" for problem in result.problems[:PROBLEMS_TOLD]]
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join([result.refused, *first]))
    told = msgspec.to_builtins(result)
    return msgspec.convert(
        {"file": NAME, "ok": result.is_good(lenient=lenient), **told}, ImportAnswer
    )


OPERATIONS = (
    Operation(
        "/api/v1/people/import",
        "Import people from CSV or JSON, as `coursebell people import` does.",
        import_people,
        method="POST",
        takes=TAKES,
        refusals=REFUSALS,
    ),
    Operation(
        "/api/v1/courses/import",
        "Import courses from CSV or JSON, as `coursebell courses import` does.",
        import_courses,
        method="POST",
        takes=TAKES,
        refusals=REFUSALS,
    ),
)
