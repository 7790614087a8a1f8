"""Import a file: a bar while it runs, then what went in and what did not."""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, cast

import msgspec
import rich_click as click
from rich.progress import DownloadColumn

from service.cli.output.console import BAD, fail, print_json, print_table, printable, progress
from service.learners.directory.csv_file import CsvTable, RowProblem
from service.learners.directory.csv_import import ImportResult, Keyed, Store, import_rows
from service.learners.directory.named_managers import WithoutManager
from service.ledger.ledger import Ledger

R = TypeVar("R", bound=Keyed)

Read = Callable[[CsvTable], Iterator[R | RowProblem]]


class GivenFile(NamedTuple):
    """Name a file to import, what it is of, and its encoding if the file does not say it."""

    path: str
    noun: str
    encoding: str | None = None


STILL_SECONDS = 1.0
RECENT_SECONDS = 2.0
"""How long ago a file was written to if somebody may be writing still; some file systems know
the time to a second or two."""
PATIENCE = 10


def import_file(ledger: Ledger, given: GivenFile, read: Read[R], store: Store[R]) -> ImportResult:
    """Import a file, or standard input for `-`, into the ledger, with a progress bar.

    A file is read when nobody has written to it for a second.
    """
    with _opened(given.path) as (file, name, size), progress(DownloadColumn()) as bar:
        task = bar.add_task(f"Importing {given.noun}", total=size)

        def moved() -> None:
            if size is not None:
                bar.update(task, completed=file.tell())

        table = CsvTable(file, name, given.encoding)
        try:
            now = time.time_ns() // 1_000_000
            return import_rows(ledger, store, read(table), now, moved)
        finally:
            table.detach()


def report(
    result: ImportResult,
    given: GivenFile,
    *,
    as_json: bool,
    managers: Sequence[WithoutManager] = (),
) -> None:
    """Print what became of the file; exit with 1 when rows could not be used.

    `managers` are those who were named and could not be found.
    """
    name = _name(given.path)
    if as_json:
        also = {"managers": msgspec.to_builtins(managers)} if managers else {}
        print_json({"file": name, **msgspec.to_builtins(result), **also})
    else:
        for problem in result.problems:
            click.echo(printable(f"{name}:{problem}"), err=True)
        beyond = result.unusable + result.warnings - len(result.problems)
        if beyond:
            click.echo(f"{name}: and {beyond:,} more", err=True)
        for each in managers:
            click.echo(f"{name}: manager: {each}", err=True)
        click.echo(_summary(result, given.noun))
    if result.unusable:
        raise SystemExit(BAD)


def _summary(result: ImportResult, noun: str) -> str:
    total = result.added + result.changed + result.unchanged
    parts = [f"{result.added:,} new", f"{result.changed:,} changed"]
    parts.append(f"{result.unchanged:,} unchanged")
    if result.unusable:
        parts.append(f"{result.unusable:,} row{'s'[: result.unusable != 1]} not usable")
    return f"{total:,} {noun}: {', '.join(parts)}"


@contextmanager
def _opened(path: str) -> Iterator[tuple[io.BufferedReader, str, int | None]]:
    """Open a file; give its name in messages, and its size if it has one."""
    if path == "-":
        stdin: io.BufferedReader = io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer))
        yield stdin, _name(path), None
        stdin.detach()
        return
    try:
        file: io.BufferedReader = io.BufferedReader(io.FileIO(path))
    except OSError as error:
        fail(f"{path}: cannot be read ({error.strerror}); expected a CSV file")
    with file:
        if not _stands_still(file):
            fail(f"{path}: somebody is writing to it; import it when it is whole")
        state = os.fstat(file.fileno())
        yield file, _name(path), state.st_size
        if _written(state) != _written(os.fstat(file.fileno())):
            fail(f"{path}: it was written to while it was read; import it again, whole", BAD)


def _stands_still(file: io.BufferedReader) -> bool:
    """Wait until nobody has written to a file for a second; false when somebody always has."""
    before = os.fstat(file.fileno())
    for _ in range(PATIENCE):
        if time.time() - before.st_mtime > RECENT_SECONDS:
            return True
        time.sleep(STILL_SECONDS)
        after = os.fstat(file.fileno())
        if _written(before) == _written(after):
            return True
        before = after
    return False


def _written(state: os.stat_result) -> tuple[int, int]:
    return state.st_size, state.st_mtime_ns


def _name(path: str) -> str:
    return "stdin" if path == "-" else Path(path).name


class Identified(Protocol):
    """Have an id that pages go on after."""

    @property
    def id(self) -> str: ...


K = TypeVar("K", bound=Identified)
Columns = Mapping[str, Callable[[K], str | None]]


def print_page(
    noun: str, found: Sequence[K], limit: int, columns: Columns[K], *, as_json: bool
) -> None:
    """Print a page, and where the next one begins if this one is full."""
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
    """Print one after the other, with every field that says something."""
    if as_json:
        print_json({"items": found, "next": None})
        return
    for each in found:
        print_table(["", ""], [[name, text] for name, text in fields(each).items() if text])
