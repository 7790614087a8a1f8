"""Write to the console: colours for people, plain lines for pipes, one line for an error."""

import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from service.app.app import settings_of
from service.learners.directory.tables.csv_file import UnreadableCsv
from service.ledger.location import LedgerLocation
from service.ledger.sql import FILE_ERRORS, STORE_ERRORS
from service.ledger.store import LedgerError, Store
from service.settings import Settings, SettingsError

WIDTH_OF_PIPES = 200
PAGE_WIDTH = 80
CANNOT_RUN = 2
BAD = 1


def console(*, stderr: bool = False) -> Console:
    """Make a console for people; it honours NO_COLOR, and in a pipe writes wide and plain."""
    found = Console(stderr=stderr, highlight=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = WIDTH_OF_PIPES
    return found


def page_wide() -> Console:
    """Make a console for a page of 80 columns; no encoding breaks it, NO_COLOR is plain text."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    screen = console()
    if screen.no_color:
        screen = Console(color_system=None, highlight=False, width=screen.width)
    screen.width = min(screen.width, PAGE_WIDTH)
    return screen


def fail(message: str, code: int = CANNOT_RUN) -> NoReturn:
    """Say in one line what is wrong, and exit: with 2 because the command cannot run."""
    click.echo(printable(f"coursebell: {message}"), err=True)
    raise SystemExit(code)


def fail_with(mistakes: Sequence[str]) -> NoReturn:
    """Say a line for each mistake, and exit with 2 because the command cannot run."""
    for mistake in mistakes[:-1]:
        click.echo(printable(f"coursebell: {mistake}"), err=True)
    fail(mistakes[-1])


class Commands(click.RichGroup):
    """End commands that cannot run with a line and exit 2, not with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            fail_with(error.mistakes)
        except (LedgerError, UnreadableCsv) as error:
            fail(str(error))
        except FILE_ERRORS as error:
            fail(f"the ledger cannot be used ({error}); is the disk full, or the folder read-only?")
        except STORE_ERRORS as error:
            fail(
                f"the ledger cannot be used ({error}); is the server up, does "
                "COURSEBELL_DATABASE_URL lead to it, and may its role use the database?"
            )
        except BrokenPipeError:
            raise
        except OSError as error:
            fail(f"{error.filename or 'a file'}: {error.strerror}; expected it to be usable")


def settings(data: Path | None = None, **given: object) -> Settings:
    """Read the settings of the environment and `.env`; options win over them, None is not given."""
    environ = dict(os.environ)
    for name, value in {"DATA": data, **given}.items():
        if value is not None:
            environ.pop(f"COURSEBELL_{name}_FILE", None)
            environ[f"COURSEBELL_{name}"] = str(value)
    return settings_of(environ, dotenv=Path(".env"))


def installation(data: Path | None = None, or_else: str = "") -> LedgerLocation:
    """Find the ledger, which is there: a mistyped folder must not look like an empty one."""
    found = settings(data).ledger
    if missing := found.missing():
        fail(f"{missing}; set {found.settings_in_words}{or_else}")
    return found


@contextmanager
def open_ledger(data: Path | None = None, *, new: bool | None = None) -> Iterator[Store]:
    """Open the ledger of the data folder; with `new` make one if there is none.

    False says that the command could be told to.
    """
    or_else = "" if new is None else ", or begin an installation there with --new"
    ledger = (settings(data).ledger if new else installation(data, or_else)).open()
    try:
        yield ledger
    finally:
        ledger.close()


def progress(count: ProgressColumn) -> Progress:
    """Show a bar with a count on stderr; nothing at all when that is not a terminal."""
    screen = console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        count,
        TimeRemainingColumn(),
        console=screen,
        disable=not screen.is_terminal,
        transient=True,
    )


def printable(text: str) -> str:
    """Put a text on one line, without what would steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """Print a table for people to read."""
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(titles))
    for place, title in enumerate(titles):
        table.add_column(title, overflow="fold", no_wrap=place == 0)  # what is copied stays whole
    for row in rows:
        table.add_row(*(_cell(text) for text in row))
    console().print(table)


def _cell(text: str | None) -> Text:
    return Text(printable(text or ""))


def print_json(value: object) -> None:
    """Print a value for a program to read, on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


data_option = click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
