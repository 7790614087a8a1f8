"""Take the options of an import: what its rows are of, and what becomes of it."""

import codecs
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click

from service.app.known_scopes import SOURCE_NAMES, row_scope
from service.cli.options.scope_options import SOURCE, ListName
from service.learners.directory.people_import import SHARE_MISSING, PeopleOptions
from service.learners.directory.tables.csv_cells import RowScope
from service.ledger.store import Store
from service.rules.text import listed

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


class Encoding(click.ParamType[str]):
    """Take the name of an encoding of text."""

    name = "encoding"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the name."""
        try:
            "".encode(value)
            return codecs.lookup(value).name
        except (LookupError, ValueError):
            self.fail(f"{value!r}: expected an encoding of text, e.g. windows-1252", param, ctx)


class ImportOptions(NamedTuple):
    """Hold what rows are of that say nothing of it, how the file is written, and where it goes.

    `lenient` tells whether an import is good that had to leave out rows.
    """

    source: str | None
    account: str
    encoding: str | None
    data: Path | None
    new: bool
    lenient: bool
    as_json: bool

    def scope(self, ledger: Store) -> RowScope:
        """Make the scope of the rows."""
        return row_scope(ledger, self.source, self.account)


NAMES = listed(SOURCE_NAMES)
WHERE: tuple[Decorator, ...] = (
    click.option("--source", type=SOURCE, help=f"LMS of rows that name none: {NAMES}."),
    click.option("--account", default="", help="Account of rows that name none."),
)
HOW: tuple[Decorator, ...] = (
    click.option(
        "--encoding",
        type=Encoding(),
        help="How the file is written if not in UTF-8, e.g. windows-1252.",
    ),
    click.option("--lenient", is_flag=True, help="Exit with 0 if rows had to be left out."),
    click.option("--new", is_flag=True, help="Begin an installation if there is none."),
    click.option("--data", type=click.Path(path_type=Path), help="The data folder."),
    click.option("--json", "as_json", is_flag=True, help="Write the result as JSON."),
)
ALLOW_MISSING: Decorator = click.option(
    "--allow-missing",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    default=SHARE_MISSING,
    show_default=True,
    help="How many of those known may be missing from a full file.",
)
OF_PEOPLE: tuple[Decorator, ...] = (
    click.option(
        "--full",
        is_flag=True,
        help="The file is everybody of its source and account: who is missing has left.",
    ),
    click.option(
        "--list",
        type=ListName(),
        help="A list of its own: its groups do not take those of other files.",
    ),
    ALLOW_MISSING,
)


def import_options(*own: Decorator) -> Decorator:
    """Add what an import of a CSV file takes, as `how`, with the command's own options inside."""

    def added(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            of_import = {name: given.pop(name) for name in ImportOptions._fields}
            command(how=ImportOptions(**of_import), **given)

        return _with((*WHERE, *own, *HOW), run)

    return added


def people_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what an import of people takes beside that, as `meant`."""

    @wraps(command)
    def run(**given: Any) -> None:
        own = {name: given.pop(name) for name in PeopleOptions.__struct_fields__}
        told = {name: value for name, value in own.items() if value is not None}
        command(meant=PeopleOptions(**told), **given)

    return _with(OF_PEOPLE, run)


def _with(options: Sequence[Decorator], command: Callable[..., None]) -> Callable[..., None]:
    """Add options, which a help lists in this order."""
    for option in reversed(options):
        command = option(command)
    return command
