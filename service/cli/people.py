"""Run `coursebell people`: import them from a file, list them, show one."""

from pathlib import Path

import msgspec
import rich_click as click

from service.cli.options.scope_options import ImportOptions, import_options
from service.cli.output.console import BAD, data_option, fail, json_option, open_ledger
from service.cli.output.csv_import import (
    Columns,
    GivenFile,
    import_file,
    print_each,
    print_page,
    report,
)
from service.cli.output.text import moment
from service.learners.directory.people import People, Person
from service.learners.directory.people_csv import people_in
from service.rules.text import side_by_side

NO_ID = "-"
"""Of a manager known by address alone; a row that begins with nothing is the end of another."""

COLUMNS: Columns[Person] = {
    "LMS id": lambda person: person.lms_id or NO_ID,
    "Source": lambda person: person.source,
    "Account": lambda person: person.account,
    "Name": lambda person: person.name,
    "Address": lambda person: person.email,
    "Manager": lambda person: person.manager,
    "Groups": lambda person: side_by_side(person.groups),
}
LEFT: Columns[Person] = {"Left": lambda person: person.left_as}
"""Shown where somebody has left: a terminal is narrow."""


@click.group()
def people() -> None:
    """Import, list and show people."""


@people.command("import")
@click.argument("file")
@import_options
@data_option
@click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
def import_people(file: str, how: ImportOptions, data: Path | None, as_json: bool) -> None:
    """Import people from FILE, or from standard input when FILE is `-`.

    FILE is a CSV with the columns id, name, email, manager, timezone, locale, groups, source,
    account (only id is required; others become extra fields), or Adobe's generateUsers report.
    What the file does not say stays as it was; importing it twice changes nothing.

    A cell that cannot be used is named with its line and left out, and what was known before
    stays; the exit code is 0. A row whose id cannot be used is left out, and the exit code is 1.
    Several groups in one cell stand between ; or |, or else between commas.
    """
    with open_ledger(data, new=True) as ledger:
        scope, store = how.scope(ledger), People(ledger).store
        given = GivenFile(file, "people", how.encoding)
        result = import_file(ledger, given, lambda table: people_in(table, scope), store)
    report(result, given, as_json=as_json)


@people.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--after", default="", help="Go on after this person id (`next` of the last page).")
@data_option
@json_option
def list_people(limit: int, after: str, data: Path | None, as_json: bool) -> None:
    """List people, those known longest first."""
    with open_ledger(data) as ledger:
        found = People(ledger).page(after, limit)
    columns = {**COLUMNS, **LEFT} if any(each.left_as for each in found) else COLUMNS
    print_page("people", found, limit, columns, as_json=as_json)


@people.command("show")
@click.argument("lms_id")
@data_option
@json_option
def show_person(lms_id: str, data: Path | None, as_json: bool) -> None:
    """Show all that is known of the people with one LMS id."""
    with open_ledger(data) as ledger:
        found = People(ledger).namesakes(lms_id)
    if not found:
        fail("nobody has this LMS id; `coursebell people list` shows who is known", BAD)
    print_each(found, _fields, as_json=as_json)


def _fields(person: Person) -> dict[str, str | None]:
    known = msgspec.structs.asdict(person)
    more, left_at = known.pop("fields"), known.pop("left_at")
    if left_at and person.left_as:
        known["left_as"] = f"{person.left_as}, as was said of {moment(left_at)}"
    return {**known, "groups": side_by_side(person.groups), **more}
