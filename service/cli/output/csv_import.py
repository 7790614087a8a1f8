"""Import a file: a bar while it runs, then what went in and what did not."""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

import msgspec
import rich_click as click
from rich.progress import DownloadColumn

from service.cli.output.console import BAD, fail, print_json, printable, progress
from service.learners.directory.people_import import ImportRun
from service.learners.directory.tables.csv_file import CsvTable, RowProblem
from service.learners.directory.tables.csv_import import ImportResult, import_rows
from service.learners.directory.tables.seen_rows import Keyed
from service.learners.directory.tables.unread_values import UnreadValue
from service.rules.text import counted

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
OF_EACH = "`coursebell people show ID` tells whom each of them names, and why none is found"
VALUES_NAMED = 5
"""Of each column, those of most rows."""


def import_file(given: GivenFile, read: Read[R], run: ImportRun[R]) -> ImportResult:
    """Import a file, or standard input for `-`, with a progress bar.

    A file is read when nobody has written to it for a second, and what follows from the whole of
    it when nobody has meanwhile.
    """
    now = time.time_ns() // 1_000_000
    result = _rows_of(given, read, run, now)
    run.finish(result, now)
    return result


def _rows_of(given: GivenFile, read: Read[R], run: ImportRun[R], now: int) -> ImportResult:
    with _opened(given.path) as (file, name, size), progress(DownloadColumn()) as bar:
        task = bar.add_task(f"Importing {given.noun}", total=size)

        def moved() -> None:
            if size is not None:
                bar.update(task, completed=file.tell())

        table = CsvTable(file, name, given.encoding)
        try:
            return import_rows(run.ledger, run.store, read(table), now, moved)
        finally:
            table.detach()


def report(result: ImportResult, given: GivenFile, *, as_json: bool, lenient: bool = False) -> None:
    """Print what became of the file; exit with 1 when rows could not be used, 2 if it is none."""
    name = _name(given.path)
    ok = result.is_good(lenient=lenient)
    if as_json:
        print_json({"file": name, "ok": ok, **msgspec.to_builtins(result)})
    else:
        for problem in result.problems:
            click.echo(printable(f"{name}:{problem}"), err=True)
        told = len(result.problems) + sum(each.rows for each in result.values)
        beyond = result.unusable + result.warnings - told
        if beyond:
            click.echo(f"{name}: and {beyond:,} more", err=True)
        for line in _values_in_words(result.values):
            click.echo(printable(f"{name}: {line}"), err=True)
        for each in result.managers:
            click.echo(f"{name}: manager: {each}", err=True)
        if result.managers:
            click.echo(f"{name}: manager: {OF_EACH}", err=True)
        click.echo(_summary(result, given.noun))
    if result.kept:
        click.echo(f"{name}: {result.kept}", err=True)
    if result.refused:
        fail(f"{name}: {result.refused}")
    if not ok:
        raise SystemExit(BAD)


def _values_in_words(values: Sequence[UnreadValue]) -> Iterator[str]:
    """Name the values of most rows in each column, and how many more there are."""
    for column, found in groupby(values, key=lambda each: each.column):
        most = list(found)
        yield from map(str, most[:VALUES_NAMED])
        if more := most[VALUES_NAMED:]:
            rows = counted(sum(each.rows for each in more), "row")
            yield f"{column}: and {counted(len(more), 'more value')} ({rows})"


def _summary(result: ImportResult, noun: str) -> str:
    parts = [f"{result.added:,} new", f"{result.changed:,} changed"]
    parts.append(f"{result.unchanged:,} unchanged")
    if result.unusable:
        parts.append(f"{counted(result.unusable, 'row')} not usable")
    parts += [f"{result.missing:,} missing"] * bool(result.missing)
    parts += [f"{result.returned:,} back again"] * bool(result.returned)
    return f"{result.rows:,} {noun}: {', '.join(parts)}"


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
