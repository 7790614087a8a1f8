"""The table: what was measured, its floor in the same run, the ratio, and the aim."""

import os
from collections.abc import Sequence
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_OF_PIPES = 150
COLUMNS = 5
"""Of every table; one more where processors' time is told."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: `values` are its repetitions, `floors` what it is compared with.

    `ratios` are values by floors where both were measured in turn. `aim` is in words;
    `reached` tells whether it was, None when there is no aim. `cpu` says how much of processors'
    time each one took.
    """

    what: str
    unit: str
    values: Sequence[float]
    floor: str = ""
    floors: Sequence[float] = ()
    ratios: Sequence[float] = ()
    aim: str = ""
    reached: bool | None = None
    cpu: str = ""


def console(*, stderr: bool = False) -> Console:
    """A console for people; it honours NO_COLOR, and in a pipe writes wide and plain."""
    found = Console(stderr=stderr, highlight=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = WIDTH_OF_PIPES
    return found


def show(subject: str, rows: Sequence[Row]) -> None:
    """Prints the figures of one subject."""
    table = titled(subject)
    table.add_column("what", overflow="fold")
    for title in ("median (min–max)", "floor in the same run", "ratio", "aim"):
        table.add_column(title, justify="right" if title != "aim" else "left", overflow="fold")
    if any(row.cpu for row in rows):
        table.add_column("CPU µs of each, Python + PostgreSQL", justify="right", overflow="fold")
    for row in rows:
        table.add_row(
            row.what, spread(row.values, row.unit), floor(row), spread(row.ratios), aim(row),
            *([row.cpu] if len(table.columns) > COLUMNS else []),
        )  # fmt: skip
    console().print(table, "")


def titled(title: str) -> Table:
    """A table without lines."""
    return Table(title=title, title_justify="left", box=None, header_style="bold")


def show_columns(title: str, names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Prints numbers as they followed one another, a line each."""
    table = titled(title)
    for name in names:
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(*line)
    console().print(table, "")


def spread(values: Sequence[float], unit: str = "") -> str:
    """`123 (120–130) /s`, or only the number when there is one."""
    if not values:
        return ""
    middle = number(median(values))
    if len(values) > 1:
        middle += f" ({number(min(values))}–{number(max(values))})"
    return f"{middle} {unit}".strip()


def floor(row: Row) -> str:
    """What the figure stands beside."""
    return f"{row.floor} {spread(row.floors, row.unit)}".strip()


def aim(row: Row) -> Text:
    """The aim, and whether it was reached."""
    if row.reached is None:
        return Text(row.aim)
    mark, style = ("yes", "green") if row.reached else ("short of it", "bold red")
    return Text.assemble(f"{row.aim}: ", (mark, style))


def number(value: float) -> str:
    """As many digits as a measurement deserves."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
