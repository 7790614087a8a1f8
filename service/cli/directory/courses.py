"""Run `coursebell courses`: import them from a file, list them, show one."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import rich_click as click

from service.cli.options.import_options import ImportOptions, import_options
from service.cli.output.console import (
    BAD,
    data_option,
    fail,
    json_option,
    open_ledger,
    print_json,
    print_table,
)
from service.cli.output.csv_import import GivenFile, import_file, report
from service.cli.output.pages import Columns, print_each, print_page
from service.cli.output.report_fetch import fetch_report
from service.cli.output.text import moment
from service.learners.directory.course_instances import CourseInstance, CourseInstances
from service.learners.directory.courses import Course, Courses
from service.learners.directory.courses_csv import courses_in
from service.learners.directory.people_import import ImportRun
from service.rules.text import side_by_side

COLUMNS: Columns[Course] = {
    "Id": lambda course: course.id,
    "Source": lambda course: course.source,
    "Account": lambda course: course.account,
    "Title": lambda course: course.title,
    "Kind": lambda course: course.kind,
    "Tags": lambda course: side_by_side(course.tags),
}

INSTANCE_COLUMNS: Columns[CourseInstance] = {
    "Instance": lambda instance: instance.id,
    "Account": lambda instance: instance.account,
    "Name": lambda instance: instance.name,
    "State": lambda instance: instance.state,
    "Complete until": lambda instance: moment(instance.completion_deadline),
    "Enrol until": lambda instance: moment(instance.enrollment_deadline),
    "Leave until": lambda instance: moment(instance.unenrollment_deadline),
}


@click.group()
def courses() -> None:
    """Import, list and show courses."""


@courses.command("import")
@click.argument("file")
@import_options()
def import_courses(file: str, how: ImportOptions) -> None:
    """Import courses from FILE, or from standard input when FILE is `-`.

    FILE is a CSV with the columns id, title, kind, tags, url, parents, source, account (only id
    is required), or Adobe's Trainings report. What the file does not say stays as it was;
    importing it twice changes nothing.

    A cell that cannot be used is named with its line and left out, and what was known before
    stays; the exit code is 0. A row whose id cannot be used is left out, and the exit code is 1,
    or 0 with --lenient. It is 2 when nothing was done: the file cannot be read, or no row of it
    can be used.

    Several tags or parents in one cell stand between ; or |, or else between commas.
    """
    with open_ledger(how.data, new=how.new) as ledger:
        scope, run = how.scope(ledger), ImportRun(ledger, "courses", Courses(ledger).store)
        given = GivenFile(file, "courses", how.encoding)
        result = import_file(given, lambda table: courses_in(table, scope), run)
    report(result, given, as_json=how.as_json, lenient=how.lenient)


@courses.command("fetch")
@click.option("--report", is_flag=True, required=True, help="All, by a report that Adobe makes.")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
def fetch_courses(data: Path | None, as_json: bool, **_: bool) -> None:
    """Let Adobe make its Trainings report, which may take minutes, and import it like a file.

    Exits with 0 when all of it is in, 1 when rows were left out, 2 when nothing came of it. A job
    that Adobe has begun is gone on with.
    """
    fetch_report("trainings", "courses", data, as_json=as_json)


@courses.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--after", default="", help="Go on after this course id.")
@data_option
@json_option
def list_courses(limit: int, after: str, data: Path | None, as_json: bool) -> None:
    """List courses, in order of id.

    What is too long for the terminal ends with …; a wider one shows it whole, as --json does.
    """
    with open_ledger(data) as ledger:
        found = Courses(ledger).page(after, limit)
    print_page("courses list", found, limit, COLUMNS, as_json=as_json)


@courses.command("show")
@click.argument("course_id")
@data_option
@json_option
def show_course(course_id: str, data: Path | None, as_json: bool) -> None:
    """Show all that is known of the courses with one LMS id, and of their instances."""
    with open_ledger(data) as ledger:
        found = Courses(ledger).namesakes(course_id)
        instances = CourseInstances(ledger).of_course(course_id)
    if not found:
        fail("no course has this id; `coursebell courses list` shows what is known", BAD)
    if as_json:
        print_json({"items": [_with_instances(each, instances) for each in found], "next": None})
        return
    print_each(found, _fields, as_json=False)
    if instances:
        rows = [[text(each) for text in INSTANCE_COLUMNS.values()] for each in instances]
        print_table(list(INSTANCE_COLUMNS), rows)


def _with_instances(course: Course, instances: Sequence[CourseInstance]) -> dict[str, object]:
    place = (course.source, course.account)
    own = [each for each in instances if (each.source, each.account) == place]
    return {**msgspec.structs.asdict(course), "instances": own}


def _fields(course: Course) -> dict[str, str | None]:
    known = msgspec.structs.asdict(course)
    lists = {"tags": course.tags, "parents": course.parents}
    return known | {name: side_by_side(names) for name, names in lists.items()}
