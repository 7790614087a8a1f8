"""Take the options that name a source and an account; what nothing here has is refused."""

import codecs
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import rich_click as click

from service.app.known_scopes import SOURCE_NAMES, refused_source, unnamed_account
from service.cli.output.console import fail
from service.learners.directory.csv_cells import RowScope
from service.learners.directory.zone_codes import ZoneCodes
from service.ledger.ledger import Ledger


class SourceName(click.Choice[str]):
    """Take the name of a source, with the nearest where it is another."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the name."""
        refused = refused_source(value)
        if refused:
            self.fail(f"{value!r}: {refused}", param, ctx)
        return str(value)


SOURCE = SourceName(SOURCE_NAMES)


class Encoding(click.ParamType[str]):
    """Take the name of an encoding of text."""

    name = "encoding"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the name."""
        try:
            "".encode(value)
            return codecs.lookup(value).name
        except LookupError:
            self.fail(f"{value!r}: expected an encoding of text, e.g. windows-1252", param, ctx)


class ImportOptions(NamedTuple):
    """Hold where the rows of a file hold that say nothing of it, and how the file is written."""

    source: str | None
    account: str
    encoding: str | None

    def scope(self, ledger: Ledger) -> RowScope:
        """Make the scope of the rows; of an account that is new it is told once, and may be."""
        told = set[tuple[str, str]]()

        def doubted(source: str, account: str) -> str | None:
            if (source, account) in told:
                return None
            told.add((source, account))
            return unnamed_account(ledger, source, account)

        return RowScope(
            self.source or "",
            self.account,
            refused=refused_source,
            doubted=doubted,
            zone=ZoneCodes(ledger).read,
        )


def import_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what an import of a CSV file takes, as `how`."""

    @wraps(command)
    def run(*, source: str | None, account: str, encoding: str | None, **others: Any) -> None:
        command(how=ImportOptions(source, account, encoding), **others)

    encoding = "How the file is written if not in UTF-8, e.g. windows-1252."
    for option in (
        click.option("--encoding", type=Encoding(), help=encoding),
        click.option("--account", default="", help="Account of rows that name none."),
        click.option("--source", type=SOURCE, help="LMS of rows that name none, e.g. adobe."),
    ):
        run = option(run)
    return run


def check_account(ledger: Ledger, source: str | None, account: str | None) -> None:
    """End the command where it asks about an account that nothing has named."""
    if account is not None and (unnamed := unnamed_account(ledger, source, account)):
        fail(f"--account: {unnamed}")
