"""Run the service: whole in one process, or its doors and its work in one each."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import rich_click as click
import uvicorn

from service.api import AsgiApplication, refusal
from service.api.webhooks import opened_to_try
from service.app.active_rules import Refused
from service.app.app import App
from service.cli.options.listening import Doorway, listen_options
from service.cli.options.rule_files import RuleFiles, rule_file_options
from service.cli.output.console import data_option, fail, installation
from service.cli.output.greeting import greet
from service.cli.output.log_lines import configure
from service.cli.output.text import local_time
from service.incoming.group_commit import GroupCommit
from service.incoming.http_protocol import ImpatientProtocol, LastAnswersServer
from service.ledger.data_folder import is_in_use, lock_data_folder
from service.ledger.location import LedgerLocation
from service.ledger.sql import STORE_ERRORS
from service.running import Service, keep_in_memory, wall_clock
from service.settings import Settings

LAST_REQUESTS_SECONDS = 2
LAST_OUTCOMES_SECONDS = 2.0
AWAY_SECONDS = 60.0
ASK_AGAIN_SECONDS = 1.0

log = logging.getLogger(__name__)


activate_option = click.option(
    "--activate",
    is_flag=True,
    help="Where PostgreSQL holds the ledger: make the rule file and the templates here the active "
    "ones, though another machine has made others so.",
)


@click.command()
@listen_options
@data_option
@rule_file_options
@click.option(
    "--try",
    "trying",
    is_flag=True,
    help="Open every door to this machine, unless there "
    "are credentials or a queue, or the address is not loopback.",
)
@activate_option
def run(
    doorway: Doorway, data: Path | None, given: RuleFiles, trying: bool, activate: bool
) -> None:
    """Run the whole service: door, writer, views and delivery.

    Where PostgreSQL holds the ledger it shares the work with others, as `coursebell work` does.
    """
    chosen = given.settings(data, **doorway.place)
    if trying:
        chosen = opened_to_try(chosen)
    prepare(chosen)
    with lock_data_folder(chosen.data), _opened(chosen) as app:
        service = Service(app, memory=chosen.data, activates=activate)
        answer(app, service, doorway.open(chosen))


@click.command()
@listen_options
@data_option
@rule_file_options
def serve(doorway: Doorway, data: Path | None, given: RuleFiles) -> None:
    """Keep letters and answer; `coursebell work` takes them, in the same folder or another.

    Several may run beside each other, and go on while `work` is stopped and started.
    """
    chosen = given.settings(data, **doorway.place)
    prepare(chosen)
    alone = not is_in_use(chosen.data)
    with _opened(chosen, owns_views=alone) as app:
        answer(app, Service(app, works=False), doorway.open(chosen))


@click.command()
@data_option
@rule_file_options
@activate_option
def work(data: Path | None, given: RuleFiles, activate: bool) -> None:
    """Take letters, decide and deliver, without a door of its own.

    Where PostgreSQL holds the ledger several share the learners, on other machines too: each
    takes what is of its shards, one also sends, and others go on when one ends.
    """
    chosen = given.settings(data)
    configure(chosen.log_format, chosen.log_level)
    with lock_data_folder(chosen.data), _opened(chosen) as app:
        service = Service(app, memory=chosen.data, activates=activate)
        ending = threading.Event()
        begin(service)
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, lambda *_: ending.set())
        greet(app, works=True)
        ending.wait()
        if left := service.stop():
            leave(app, left)


def prepare(chosen: Settings) -> None:
    """Log as the settings say; ends the command where nobody could be answered as they say."""
    configure(chosen.log_format, chosen.log_level)
    if reason := refusal(chosen):
        fail(reason)


@contextmanager
def _opened(chosen: Settings, *, owns_views: bool = True) -> Iterator[App]:
    """Open everything, and close it at the end; ends the command where it cannot be."""
    wait_for(chosen.ledger)
    try:
        app = App(chosen, owns_views=owns_views)
    except Refused as refused:
        fail(str(refused))
    try:
        yield app
    finally:
        app.close()


def wait_for(ledger: LedgerLocation) -> None:
    """Wait a while for a database that does not answer, as when all machines start at once.

    Raises what it does not do then: whoever supervises the service starts it again.
    """
    until = time.monotonic() + AWAY_SECONDS
    said = False
    while True:
        try:
            ledger.missing()
        except STORE_ERRORS as error:
            if time.monotonic() > until:
                raise
            if not said:
                log.warning("waits for the database: %s", error, extra={"event": "database.away"})
            said = True
            time.sleep(ASK_AGAIN_SECONDS)
        else:
            return


def begin(service: Service) -> None:
    """Start the threads; ends the command where a channel or a queue cannot be opened."""
    signal.signal(signal.SIGHUP, lambda *_: service.reload())
    try:
        service.start()
    except Refused as refused:
        fail(str(refused))


def answer(app: App, service: Service, listening: socket.socket) -> None:
    """Answer who connects, run the threads, and stop them when a signal comes."""
    group_commit, trusted = GroupCommit(app.letters), service.clock
    site = AsgiApplication(app, service, group_commit, trusted, moments=trusted.moments)
    server = LastAnswersServer(
        uvicorn.Config(
            site,
            http=ImpatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=LAST_REQUESTS_SECONDS,
        )
    )
    begin(service)
    for asked in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it is done
        signal.signal(asked, lambda *_: setattr(server, "should_exit", True))
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    greet(app, address, works=service.works)
    try:
        server.run(sockets=[listening])
    finally:
        site.close()
        group_commit.close()
        if left := service.stop():
            leave(app, left)


def leave(app: App, left: list[str]) -> NoReturn:
    """End the process under threads that hang: what they use must not be closed beneath them.

    What became of other messages is recorded, if that takes no longer than a moment.
    """
    closing = threading.Thread(target=app.deliveries.close, daemon=True)
    closing.start()
    closing.join(LAST_OUTCOMES_SECONDS)
    words = "left without waiting for: %s; what they had in hand is unknown"
    log.warning(words, ", ".join(left), extra={"event": "service.left", "parts": len(left)})
    logging.shutdown()
    os._exit(0)


@click.group()
def clock() -> None:
    """Say what to make of the time this machine shows."""


@clock.command()
@data_option
def accept(data: Path | None) -> None:
    """Say that the clock of this machine is right now, though the service doubts it.

    A running service goes on within a second or two, and what has become too late expires.
    """
    now = wall_clock()
    if not keep_in_memory(installation(data).folder, now):
        fail("this system does not say when it was started; restart the service instead")
    shown = local_time(datetime.fromtimestamp(now / 1000, UTC))
    click.echo(f"{shown} is taken as right")
