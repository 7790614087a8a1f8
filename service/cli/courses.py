"""`coursebell courses`: import them from a file, list them, show one."""

from pathlib import Path

import msgspec
import rich_click as click

from service.cli.console import BAD, fail, open_ledger, print_json, print_table
from service.cli.imports import import_file, report
from service.learners.courses import Course, Courses
from service.learners.courses_import import courses_in


@click.group()
def courses() -> None:
    """Import, list and show courses."""


@courses.command("import")
@click.argument("file")
@click.option("--source", default="", help="LMS of rows that name none, e.g. adobe.")
@click.option("--account", default="", help="Account of rows that name none.")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
def import_courses(file: str, source: str, account: str, data: Path | None, as_json: bool) -> None:
    """Import courses from FILE, or from standard input when FILE is `-`.

    FILE is a CSV with the columns id, title, kind, tags, url, parents, source, account (only id
    is required), or Adobe's Trainings report. What the file does not say stays as it was;
    importing it twice changes nothing.
    """
    ledger = open_ledger(data)
    try:
        store = Courses(ledger).store
        result = import_file(
            ledger, file, "courses", lambda t: courses_in(t, source, account), store
        )
    finally:
        ledger.close()
    report(result, file, "courses", as_json=as_json)


@courses.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--after", default="", help="Go on after this course id.")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_courses(limit: int, after: str, data: Path | None, as_json: bool) -> None:
    """List courses, in order of id."""
    ledger = open_ledger(data)
    try:
        found = Courses(ledger).page(after, limit)
    finally:
        ledger.close()
    following = found[-1].id if len(found) >= limit else None
    if as_json:
        print_json({"items": found, "next": following})
        return
    print_table(
        ["Id", "Source", "Account", "Title", "Kind", "Tags"],
        [[c.id, c.source, c.account, c.title, c.kind, ", ".join(c.tags)] for c in found],
    )
    if following:
        click.echo(f"More: coursebell courses list --after {following}", err=True)


@courses.command("show")
@click.argument("course_id")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def show_course(course_id: str, data: Path | None, as_json: bool) -> None:
    """Show all that is known of the courses with one LMS id."""
    ledger = open_ledger(data)
    try:
        found = Courses(ledger).namesakes(course_id)
    finally:
        ledger.close()
    if not found:
        fail("no course has this id; `coursebell courses list` shows what is known", BAD)
    if as_json:
        print_json({"items": found, "next": None})
        return
    for course in found:
        print_table(["", ""], _lines(course))


def _lines(course: Course) -> list[list[str | None]]:
    known = msgspec.structs.asdict(course)
    known.update(tags=", ".join(course.tags), parents=", ".join(course.parents))
    return [[name, text] for name, text in known.items() if text]
