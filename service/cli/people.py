"""Run `coursebell people`: import them from a file, list them, show one."""

from pathlib import Path

import msgspec
import rich_click as click

from service.cli.output.console import BAD, data_option, fail, json_option, open_ledger
from service.cli.output.csv_import import Columns, import_file, print_each, print_page, report
from service.learners.directory.people import People, Person
from service.learners.directory.people_csv import people_in

COLUMNS: Columns[Person] = {
    "LMS id": lambda person: person.lms_id,
    "Source": lambda person: person.source,
    "Account": lambda person: person.account,
    "Name": lambda person: person.name,
    "Address": lambda person: person.email,
    "Manager": lambda person: person.manager,
    "Groups": lambda person: ", ".join(person.groups),
}


@click.group()
def people() -> None:
    """Import, list and show people."""


@people.command("import")
@click.argument("file")
@click.option("--source", default="", help="LMS of rows that name none, e.g. adobe.")
@click.option("--account", default="", help="Account of rows that name none.")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
def import_people(file: str, source: str, account: str, data: Path | None, as_json: bool) -> None:
    """Import people from FILE, or from standard input when FILE is `-`.

    FILE is a CSV with the columns id, name, email, manager, timezone, locale, groups, source,
    account (only id is required; others become extra fields), or Adobe's generateUsers report.
    What the file does not say stays as it was; importing it twice changes nothing.
    """
    with open_ledger(data, new=True) as ledger:
        store = People(ledger).store
        result = import_file(ledger, file, "people", lambda t: people_in(t, source, account), store)
    report(result, file, "people", as_json=as_json)


@people.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--after", default="", help="Go on after this person id (`next` of the last page).")
@data_option
@json_option
def list_people(limit: int, after: str, data: Path | None, as_json: bool) -> None:
    """List people, those known longest first."""
    with open_ledger(data) as ledger:
        found = People(ledger).page(after, limit)
    print_page("people", found, limit, COLUMNS, as_json=as_json)


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
    more = known.pop("fields")
    return {**known, "groups": ", ".join(person.groups), **more}
