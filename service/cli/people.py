"""Run `coursebell people`: import them from a file, list them, show one."""

from pathlib import Path
from typing import NamedTuple

import msgspec
import rich_click as click

from service.cli.options.scope_options import ImportOptions, import_options
from service.cli.output.console import (
    BAD,
    data_option,
    fail,
    json_option,
    open_ledger,
    print_json,
)
from service.cli.output.csv_import import (
    Columns,
    GivenFile,
    import_file,
    print_each,
    print_page,
    report,
)
from service.cli.people_merge import merge_people
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


@click.group()
def people() -> None:
    """Import, list, show and merge people."""


people.add_command(merge_people)


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
    print_page("people", found, limit, COLUMNS, as_json=as_json)


@people.command("show")
@click.argument("lms_id")
@data_option
@json_option
def show_person(lms_id: str, data: Path | None, as_json: bool) -> None:
    """Show all that is known of the people with one LMS id.

    `records` are the LMS ids of who has several, the one that counts first.
    """
    with open_ledger(data) as ledger:
        known = People(ledger)
        found = [Shown(each, _records(known, each)) for each in known.namesakes(lms_id)]
    if not found:
        fail("nobody has this LMS id; `coursebell people list` shows who is known", BAD)
    if as_json:
        items = [msgspec.structs.asdict(p) | ({"records": r} if r else {}) for p, r in found]
        print_json({"items": items, "next": None})
        return
    print_each(found, _fields, as_json=False)


class Shown(NamedTuple):
    """Hold a record of a person, and the LMS ids of all of theirs where there are several."""

    person: Person
    records: list[str]

    @property
    def id(self) -> str:
        """Give the person id."""
        return self.person.id


def _records(people: People, person: Person) -> list[str]:
    """Give the LMS ids of a person's records, the one that counts first; none of a single one."""
    records = people.records_of(person.id)
    named = people.lms_ids(records) if len(records) > 1 else {}
    return list(dict.fromkeys(named[each] for each in records if each in named))


def _fields(shown: Shown) -> dict[str, str | None]:
    known = msgspec.structs.asdict(shown.person)
    more = known.pop("fields")
    groups, records = side_by_side(shown.person.groups), side_by_side(shown.records)
    return {**known, "groups": groups, **more, "records": records}
