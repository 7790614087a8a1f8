"""`coursebell rebuild`: the views anew from the log; nothing is decided, nothing is sent."""

import time
from pathlib import Path

import rich_click as click
from rich.progress import MofNCompleteColumn

from service.app.event_types import event_store
from service.cli.output.console import data_option, installation, progress
from service.learners.enrollment_views import EnrollmentViews
from service.ledger.ledger import Ledger, lock_data_folder
from service.ledger.views import Views
from service.sending.queue import SendQueue


@click.command()
@data_option
def rebuild(data: Path | None) -> None:
    """Build the views anew from the log, in a new file that is swapped in when it is complete.

    The service must not be running: it rebuilds by itself what it misses. No rule is called
    and nothing is sent.
    """
    folder = installation(data)
    with lock_data_folder(folder):
        ledger = Ledger(folder / "ledger.db")
        store = event_store(ledger)
        views = Views(folder / "views.db", store, [EnrollmentViews(), SendQueue()])
        begun = time.monotonic()
        with progress(MofNCompleteColumn()) as bar:
            task = bar.add_task("Reading the log", total=ledger.max_notification_id())
            total = views.rebuild(lambda position: bar.update(task, completed=position))
        seconds = time.monotonic() - begun
        views.close()
        ledger.close()
    rate = total / seconds if seconds else 0
    click.echo(f"{total:,} events read in {seconds:.1f} s ({rate:,.0f} a second); nothing was sent")
