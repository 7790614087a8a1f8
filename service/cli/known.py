"""What is known of people or courses: a page of them, or all with one id."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import rich_click as click

from service.cli.console import print_json, print_table


class Known(Protocol):
    """Something with an id that pages go on after."""

    @property
    def id(self) -> str: ...


K = TypeVar("K", bound=Known)
Columns = Mapping[str, Callable[[K], str | None]]


def print_page(
    noun: str, found: Sequence[K], limit: int, columns: Columns[K], *, as_json: bool
) -> None:
    """A page, and where the next one begins if this one is full."""
    following = found[-1].id if len(found) >= limit else None
    if as_json:
        print_json({"items": found, "next": following})
        return
    rows = [[text(each) for text in columns.values()] for each in found]
    print_table(list(columns), rows)
    if following:
        click.echo(f"More: coursebell {noun} list --after {following}", err=True)


def print_each(
    found: Sequence[K], fields: Callable[[K], Mapping[str, str | None]], *, as_json: bool
) -> None:
    """One after the other, with every field that says something."""
    if as_json:
        print_json({"items": found, "next": None})
        return
    for each in found:
        print_table(["", ""], [[name, text] for name, text in fields(each).items() if text])
