"""Take the options that name a source, an account or a list; what nothing here has is refused."""

from typing import Any

import rich_click as click

from service.app.known_scopes import SOURCE_NAMES, refused_source, unnamed_account
from service.cli.output.console import fail
from service.learners.text_form import text_form
from service.ledger.store import Store


class SourceName(click.Choice[str]):
    """Take the name of a source, with the nearest where it is another."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Stand for the names, which are too long to stand in a column of a help."""
        return "LMS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the name."""
        refused = refused_source(value)
        if refused:
            self.fail(f"{value!r}: {refused}", param, ctx)
        return str(value)


SOURCE = SourceName(SOURCE_NAMES)


class ListName(click.ParamType[str]):
    """Take the name of a list."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the name."""
        return text_form(value) or self.fail("expected a name, got none", param, ctx)


def check_account(ledger: Store, source: str | None, account: str | None) -> None:
    """End the command where it asks about an account that nothing has named."""
    if account is not None and (unnamed := unnamed_account(ledger, source, account)):
        fail(f"--account: {unnamed}")
