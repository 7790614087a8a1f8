"""`coursebell people`: import them from a file, list them, show one."""

from pathlib import Path

import msgspec
import rich_click as click

from service.cli.console import BAD, fail, open_ledger, print_json, print_table
from service.cli.imports import import_file, report
from service.learners.people import People, Person
from service.learners.people_import import people_in


@click.group()
def people() -> None:
    """Import, list and show people."""


@people.command("import")
@click.argument("file")
@click.option("--source", default="", help="LMS of rows that name none, e.g. adobe.")
@click.option("--account", default="", help="Account of rows that name none.")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
def import_people(file: str, source: str, account: str, data: Path | None, as_json: bool) -> None:
    """Import people from FILE, or from standard input when FILE is `-`.

    FILE is a CSV with the columns id, name, email, manager, timezone, locale, groups, source,
    account (only id is required; others become extra fields), or Adobe's generateUsers report.
    What the file does not say stays as it was; importing it twice changes nothing.
    """
    ledger = open_ledger(data)
    try:
        store = People(ledger).store
        result = import_file(ledger, file, "people", lambda t: people_in(t, source, account), store)
    finally:
        ledger.close()
    report(result, file, "people", as_json=as_json)


@people.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--after", default="", help="Go on after this person id (`next` of the last page).")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_people(limit: int, after: str, data: Path | None, as_json: bool) -> None:
    """List people, those known longest first."""
    ledger = open_ledger(data)
    try:
        found = People(ledger).page(after, limit)
    finally:
        ledger.close()
    following = found[-1].id if len(found) == limit else None
    if as_json:
        print_json({"items": found, "next": following})
        return
    print_table(
        ["LMS id", "Source", "Account", "Name", "Address", "Manager", "Groups"],
        [
            [p.lms_id, p.source, p.account, p.name, p.email, p.manager, ", ".join(p.groups)]
            for p in found
        ],
    )
    if following:
        click.echo(f"More: coursebell people list --after {following}", err=True)


@people.command("show")
@click.argument("lms_id")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def show_person(lms_id: str, data: Path | None, as_json: bool) -> None:
    """Show all that is known of the people with one LMS id."""
    ledger = open_ledger(data)
    try:
        found = People(ledger).namesakes(lms_id)
    finally:
        ledger.close()
    if not found:
        fail("nobody has this LMS id; `coursebell people list` shows who is known", BAD)
    if as_json:
        print_json({"items": found, "next": None})
        return
    for person in found:
        print_table(["", ""], _lines(person))


def _lines(person: Person) -> list[list[str | None]]:
    known = msgspec.structs.asdict(person)
    fields = known.pop("fields")
    known["groups"] = ", ".join(person.groups)
    return [[name, text] for name, text in {**known, **fields}.items() if text]
