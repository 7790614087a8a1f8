"""Run `coursebell migrate`: move the ledger into PostgreSQL, or back into a file."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import rich_click as click
from rich.progress import MofNCompleteColumn

from service.cli.output.console import BAD, data_option, fail, progress, settings
from service.incoming import parts
from service.ledger.data_folder import lock_data_folder
from service.ledger.location import LedgerLocation
from service.ledger.migration.copying import STEPS, NotTheSame, Progress, migrate, size_of
from service.ledger.migration.sides import SourceLedger
from service.ledger.migration.table_shape import rows_in
from service.rules.text import counted

ADDRESS = "COURSEBELL_DATABASE_URL"
DATABASE = "postgresql"
SCHEMES = ("postgresql://", "postgres://")
TO_USE_IT = {
    True: f"Set {ADDRESS} to its address, leave COURSEBELL_DATA as it is, and start the service",
    False: f"Unset {ADDRESS}, set COURSEBELL_DATA to {{folder}}, and start the service",
}
"""What to do next, by whether the ledger is in a database now."""


@click.command("migrate")
@click.option(
    "--to",
    required=True,
    metavar="WHERE",
    help=f"`{DATABASE}` for the database of {ADDRESS}, an address postgresql://user@host/database, "
    "or a data folder, to move the ledger back out of that database.",
)
@data_option
def migrate_ledger(to: str, data: Path | None) -> None:
    """Move the ledger into PostgreSQL, or back into a file; no position changes.

    The service must not be running. All streams and tables are compared afterwards. One that was
    interrupted goes on where it was. The ledger that was moved stays where it is, and cannot be
    written to any more. Exits with 1 when the copy differs.
    """
    source, target = ends_of(to, data)
    with ExitStack() as stack:
        for folder in dict.fromkeys(each.folder.resolve() for each in (source, target)):
            stack.enter_context(lock_data_folder(folder))
        held = stack.enter_context(closing(source.source()))
        refuse_letters_in_parts(held)
        made = stack.enter_context(closing(target.target()))
        try:
            with shown(held) as told:
                migrate(held, made, told)
        except NotTheSame as error:
            fail(str(error), BAD)
        reader = held.reading.reader()
        events = rows_in(reader, reader.dialect.log)
        tables = len(held.tables())
    what_next = TO_USE_IT[target.database_url is not None].format(folder=target.folder)
    click.echo(
        f"{counted(events, 'event')} and {counted(tables, 'table')} moved, and all of it is the "
        f"same there. {what_next}. What was moved can only be read from now on."
    )


def ends_of(to: str, data: Path | None) -> tuple[LedgerLocation, LedgerLocation]:
    """Find the ledger that is to be moved, which is there, and where to; no address is quoted."""
    address = to if to.startswith(SCHEMES) else None
    chosen = settings(data, DATABASE_URL=address).ledger
    here = chosen._replace(database_url=None)
    if to == DATABASE or address:
        if chosen.database_url is None:
            fail(f"{ADDRESS}: expected the address of a database, got none; set it")
        source, target = here, chosen
    else:
        if chosen.database_url is None:
            fail(
                f"--to: expected `{DATABASE}` or an address that begins with postgresql://, got a "
                f"folder; set {ADDRESS} to move the ledger from there into one"
            )
        source, target = chosen, LedgerLocation(Path(to))
        refuse_views_of_another(source, target)
    return source, target


def refuse_views_of_another(source: LedgerLocation, target: LedgerLocation) -> None:
    """End the command when a folder has what a ledger has left there, and this is not that one."""
    if target.folder.resolve() == source.folder.resolve() or target.file.exists():
        return
    if (target.folder / "views.db").exists():
        fail(f"{target.folder}: expected an empty folder, got one with views; name another")


def refuse_letters_in_parts(source: SourceLedger) -> None:
    """End the command when letters wait for some of those who worked, and not for others."""
    if "parts" in source.tables() and parts.are_in(source.reading.reader()):
        fail(
            "the ledger: expected every letter to wait or to be taken, found some that were taken "
            "in part; start `coursebell work` again, stop it once no letter waits, and move then"
        )


@contextmanager
def shown(source: SourceLedger) -> Iterator[Progress]:
    """Show a bar for each step on a terminal; in a pipe say each step on a line when it begins."""
    total = size_of(source)
    with progress(MofNCompleteColumn()) as bar:
        tasks = {step: bar.add_task(step, total=total, start=False) for step in STEPS}
        begun: set[str] = set()

        def told(step: str, rows: int) -> None:
            if step not in begun:
                begun.add(step)
                bar.start_task(tasks[step])
                if bar.disable:
                    click.echo(f"{step} {counted(total, 'row')}", err=True)
            bar.update(tasks[step], advance=rows)

        yield told
