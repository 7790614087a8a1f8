"""Run `coursebell people`: import them from a file, list them, show one."""

import sys
from contextlib import redirect_stdout
from pathlib import Path

import msgspec
import rich_click as click

from service.app.event_types import event_store
from service.cli.directory.people_api import fetch_person, people_status
from service.cli.directory.people_choices import (
    link_of_person,
    resume_person,
    stop_person,
)
from service.cli.directory.people_merge import merge_people
from service.cli.options.import_options import ImportOptions, import_options, people_options
from service.cli.output.console import BAD, data_option, fail, json_option, open_ledger
from service.cli.output.csv_import import GivenFile, import_file, report
from service.cli.output.pages import Columns, print_each, print_page
from service.cli.output.text import moment
from service.learners.directory.managers import FoundManager, How, Managers
from service.learners.directory.people import People, Person
from service.learners.directory.people_import import ImportRun, PeopleImport, PeopleOptions
from service.learners.directory.tables.csv_cells import RowScope
from service.learners.directory.zone_codes import ZoneCodes, zone_codes_in
from service.ledger.store import Store
from service.rules.readers.choice_requests import ChoiceRequests
from service.rules.readers.choices import ChoicesKept, chosen_at
from service.rules.text import side_by_side

NO_ID = "-"
"""Of a manager known by address alone; a row that begins with nothing is the end of another."""

TAKEN = {
    True: "the row for every source is about whom letters call so",
    False: "the row for every source is about somebody else",
}
FOUND_BY: dict[How, str] = {
    "none": "",
    "id": "found by id",
    "address": "found by address",
    "unique id": "found by unique id",
    "name": "found by name",
    "nobody": "none: nobody has this id or name",
    "several": "none: several have this name or unique id",
    "self": "none: it is the person itself",
    "circle": "none: a circle of managers",
}

COLUMNS: Columns[Person] = {
    "LMS id": lambda person: person.lms_id or NO_ID,
    "Source": lambda person: person.source,
    "Account": lambda person: person.account,
    "Name": lambda person: person.name,
    "Address": lambda person: person.email,
    "Left": lambda person: person.left_as,
    "Manager": lambda person: person.manager,
    "Groups": lambda person: side_by_side(person.groups),
}


@click.group()
def people() -> None:
    """Import, list, show and merge people."""


@people.command("import")
@click.argument("file")
@import_options(
    people_options,
    click.option("--zones", metavar="FILE", help="A CSV that says which zone a code means; kept."),
)
def import_people(file: str, zones: str | None, how: ImportOptions, meant: PeopleOptions) -> None:
    """Import people from FILE, or from standard input when FILE is `-`.

    FILE is a CSV with the columns id, name, email, manager, timezone, locale, groups, source,
    account (only id is required; others become extra fields), or Adobe's generateUsers report.
    What the file does not say stays as it was; importing it twice changes nothing.

    With --full the file is everybody of each source and account in it: who was imported before
    and is missing has left, until a row comes again. Nobody is taken to be missing from a file
    with rows that cannot be used, nor when more than a fifth would be (--allow-missing).

    With --list NAME the groups of its rows stand beside those of other files, and a file without
    a column of groups puts everybody in it into the group NAME; who is new is added. With --full
    too who is missing is out of the groups of this list, and has not left.

    A cell that cannot be used is named with its line and left out, and what was known before
    stays; the exit code is 0. A row whose id cannot be used is left out, and the exit code is 1,
    or 0 with --lenient. It is 2 when nothing was done: the file cannot be read, no row of it can
    be used, or too many are missing from it.

    Several groups in one cell stand between ; or |, or else between commas. Zones and languages
    are read as systems write them. Where a source has numbers for its zones, say once what they
    mean: --zones FILE, a CSV with the columns code,zone.
    """
    with open_ledger(how.data, new=how.new) as ledger:
        scope = how.scope(ledger)
        if zones:
            learn_zones(ledger, GivenFile(zones, "zones", how.encoding), scope, lenient=how.lenient)
        run = PeopleImport(ledger, scope, meant)
        given = GivenFile(file, "people", how.encoding)
        result = import_file(given, run.read, run)
    report(result, given, as_json=how.as_json, lenient=how.lenient)


def learn_zones(ledger: Store, given: GivenFile, scope: RowScope, *, lenient: bool) -> None:
    """Keep the codes of a file of zones; unless lenient, one with a bad row ends the command."""
    run = ImportRun(ledger, "zones", ZoneCodes(ledger).store)
    result = import_file(given, lambda table: zone_codes_in(table, scope), run)
    if result.is_good(lenient=False):
        return
    with redirect_stdout(sys.stderr):
        report(result, given, as_json=False, lenient=True)
    if not lenient:
        fail(
            f"{given.path}: a row of it cannot be used, so no people were imported; "
            "mend it, or go on without it by --lenient"
        )


@people.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--after", default="", help="Go on after this person id (`next` of the last page).")
@click.option("--left", is_flag=True, help="Only those who have left.")
@data_option
@json_option
def list_people(limit: int, after: str, left: bool, data: Path | None, as_json: bool) -> None:
    """List people, those known longest first.

    What is too long for the terminal ends with …; a wider one shows it whole, as --json does.
    """
    with open_ledger(data) as ledger:
        found = People(ledger).page(after, limit, left=left)
    command = "people list --left" if left else "people list"
    print_page(command, found, limit, COLUMNS, as_json=as_json)


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
        chosen = ChoiceRequests(event_store(ledger), known)
        found = [_shown(known, each, chosen) for each in known.namesakes(lms_id)]
    if not found:
        fail("nobody has this LMS id; `coursebell people list` shows who is known", BAD)
    print_each(found, _fields, as_json=as_json)


people.add_command(fetch_person)
people.add_command(people_status)
people.add_command(merge_people)
for command in (stop_person, resume_person, link_of_person):
    people.add_command(command)


class ShownPerson(Person, frozen=True, kw_only=True):
    """Show a person, how their manager is found, what decides whom a row is about, what they chose.

    `is_one_with` tells of each pair of a row for every source and what letters say; `records` are
    the LMS ids of who has several, the one that counts first.
    """

    manager_found: str
    is_one_with: tuple[str, ...]
    records: tuple[str, ...]
    choices: str


def _shown(people: People, person: Person, chosen: ChoicesKept) -> ShownPerson:
    decided = (
        f"{' '.join(filter(None, each.seen_from)) or 'everywhere'}: {TAKEN[each.verdict.same]}, "
        f"{each.verdict.why}"
        for each in people.verdicts(person)
    )
    seen = people.get(person.id) or person
    return ShownPerson(
        **msgspec.structs.asdict(person),
        manager_found=_manager_in_words(Managers(people).find(seen)),
        is_one_with=tuple(decided),
        records=tuple(_records(people, person)),
        choices=chosen_at(seen.email or "", chosen).choices.in_words,
    )


def _manager_in_words(found: FoundManager) -> str:
    has_left = "; has left, so theirs is told" if found.person and found.person.left_as else ""
    return f"{FOUND_BY[found.how]}{has_left}"


def _records(people: People, person: Person) -> list[str]:
    """Give the LMS ids of a person's records, the one that counts first; none of a single one."""
    records = people.records_of(person.id)
    named = people.lms_ids(records) if len(records) > 1 else {}
    found = list(dict.fromkeys(named[each] for each in records if each in named))
    return found if len(found) > 1 else []


def _fields(person: ShownPerson) -> dict[str, str | None]:
    known = msgspec.structs.asdict(person)
    more, left_at = known.pop("fields"), known.pop("left_at")
    if left_at and person.left_as:
        known["left_as"] = f"{person.left_as}, as was said of {moment(left_at)}"
    listed = {name: side_by_side(getattr(person, name)) for name in ("groups", "records")}
    return {**known, **listed, "is_one_with": "; ".join(person.is_one_with), **more}
