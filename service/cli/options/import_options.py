"""Take the options of an import: what its rows are of, and what becomes of it."""

import codecs
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click

from service.app.known_scopes import row_scope
from service.cli.options.scope_options import SOURCE, ListName
from service.learners.directory.people_import import SHARE_MISSING, PeopleOptions
from service.learners.directory.tables.csv_cells import RowScope
from service.ledger.ledger import Ledger

PERCENT = click.IntRange(0, 100)
ALLOW_MISSING = "Percent of those known who may be missing from a full file."


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

    def scope(self, ledger: Ledger) -> RowScope:
        """Make the scope of the rows."""
        return row_scope(ledger, self.source, self.account)


def import_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what an import of a CSV file takes, as `how`."""

    @wraps(command)
    def run(**given: Any) -> None:
        own = {name: given.pop(name) for name in ImportOptions._fields}
        command(how=ImportOptions(**own), **given)

    encoding = "How the file is written if not in UTF-8, e.g. windows-1252."
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Write the result as JSON."),
        click.option("--data", type=click.Path(path_type=Path), help="The data folder."),
        click.option("--new", is_flag=True, help="Begin an installation if there is none."),
        click.option("--lenient", is_flag=True, help="Exit with 0 if rows had to be left out."),
        click.option("--encoding", type=Encoding(), help=encoding),
        click.option("--account", default="", help="Account of rows that name none."),
        click.option("--source", type=SOURCE, help="LMS of rows that name none, e.g. adobe."),
    ):
        run = option(run)
    return run


def people_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what an import of people takes beside that, as `meant`."""

    @wraps(command)
    def run(**given: Any) -> None:
        own = {name: given.pop(name) for name in PeopleOptions.__struct_fields__}
        told = {name: value for name, value in own.items() if value is not None}
        command(meant=PeopleOptions(**told), **given)

    full = "The file is everybody of its source and account: who is missing has left."
    of_list = "A list of its own: its groups do not take those of other files."
    for option in (
        click.option("--allow-missing", type=PERCENT, default=SHARE_MISSING, help=ALLOW_MISSING),
        click.option("--list", type=ListName(), help=of_list),
        click.option("--full", is_flag=True, help=full),
    ):
        run = option(run)
    return run
