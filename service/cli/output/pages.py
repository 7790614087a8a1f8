"""Print people or courses: a page of them, one in each line, or one after the other, whole."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import rich_click as click
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from service.cli.output.console import console, print_json, print_table, printable
from service.rules.text import together

BETWEEN = 2
LEAST = 10
"""Columns of a terminal that a text is not cut below; rather the last texts are left out."""


class Identified(Protocol):
    """Have an id that pages go on after."""

    @property
    def id(self) -> str: ...


K = TypeVar("K", bound=Identified)
Columns = Mapping[str, Callable[[K], str | None]]


def print_page(
    command: str, found: Sequence[K], limit: int, columns: Columns[K], *, as_json: bool
) -> None:
    """Print a page of a command, and where the next one begins if this one is full.

    A column that says nothing of anybody is left out: there are only so many beside each other.
    """
    following = found[-1].id if len(found) >= limit else None
    if as_json:
        print_json({"items": found, "next": following})
        return
    said = {
        title: [printable(text(each) or "") for each in found] for title, text in columns.items()
    }
    print_lines({title: texts for title, texts in said.items() if any(texts) or not found})
    if following:
        click.echo(f"More: coursebell {command} --after {following}", err=True)


def print_lines(columns: Mapping[str, Sequence[str]]) -> None:
    """Print columns, the most important first, with one line for each row.

    The first is what is copied, and stays whole. In a terminal others are cut, and if that is not
    enough the last are left out; in a pipe everything is whole.
    """
    screen = console()
    widths = {title: max(map(cell_len, [title, *texts])) for title, texts in columns.items()}
    if not screen.is_terminal and "COLUMNS" not in os.environ:
        screen.width = sum(widths.values()) + BETWEEN * len(widths)
    shown = fitted(widths, screen.width)
    screen.width = max(screen.width, next(iter(shown.values())))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title, width in shown.items():
        table.add_column(title, width=width)
    for row in zip(*(columns[title] for title in shown), strict=True):
        table.add_row(*(Text(text, no_wrap=True, overflow="ellipsis") for text in row))
    screen.print(table)
    if without := [title for title in columns if title not in shown]:
        click.echo(
            f"Without {together(without)}; a wider terminal shows them, and --json", err=True
        )


def fitted(widths: Mapping[str, int], room: int) -> dict[str, int]:
    """Choose how wide columns are beside each other: the widest are cut first, never the first."""
    (first, whole), *others = widths.items()
    found = dict(others)
    while found and whole + sum(found.values()) + BETWEEN * len(found) > room:
        widest = max(found, key=lambda title: found[title])
        if found[widest] > LEAST:
            found[widest] -= 1
        else:
            found.popitem()
            found |= {title: widths[title] for title in found}
    return {first: whole, **found}


def print_each(
    found: Sequence[K], fields: Callable[[K], Mapping[str, str | None]], *, as_json: bool
) -> None:
    """Print one after the other, with every field that says something."""
    if as_json:
        print_json({"items": found, "next": None})
        return
    for number, each in enumerate(found):
        if number:
            click.echo()
        print_table(["", ""], [[name, text] for name, text in fields(each).items() if text])
