"""Run `coursebell run`, the whole service in one process, and `coursebell clock accept`."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import rich_click as click
import uvicorn
from rich.text import Text

from service.api import AsgiApplication, refusal
from service.api.access import api_in_words
from service.api.bounce_doors import open_doors
from service.api.webhooks import door_in_words, opened_to_try
from service.app.active_rules import Refused, read_files_of
from service.app.app import SOURCES, App
from service.app.ways_out import REDIRECTED, way_in_words
from service.cli.options.listening import handed_over, listen, place_of
from service.cli.options.rule_files import RuleFiles, rule_file_options
from service.cli.output.console import console, data_option, fail, installation
from service.cli.output.log_lines import configure, line_for_programs
from service.cli.output.text import local_time
from service.incoming.adobe_api.budget import REQUESTS_AN_HOUR
from service.incoming.group_commit import GroupCommit
from service.incoming.http_protocol import ImpatientProtocol, LastAnswersServer
from service.incoming.webhook import BOUNCES
from service.ledger.data_folder import lock_data_folder
from service.rules.known_values import KnownValues
from service.rules.rule import muting_of
from service.rules.text import counted
from service.running import Service, keep_in_memory, wall_clock
from service.settings import Settings

LAST_REQUESTS_SECONDS = 2
LAST_OUTCOMES_SECONDS = 2.0

log = logging.getLogger(__name__)


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes any.")
@data_option
@rule_file_options
@click.option(
    "--try",
    "trying",
    is_flag=True,
    help="Open every door to this machine, unless there "
    "are credentials or a queue, or the address is not loopback.",
)
def run(
    host: str | None,
    port: int | None,
    data: Path | None,
    given: RuleFiles,
    trying: bool,
) -> None:
    """Run the whole service: door, writer, views and delivery."""
    handed = handed_over()
    chosen = given.settings(data, **{"HOST": host, "PORT": port, **place_of(handed)})
    if trying:
        chosen = opened_to_try(chosen)
    configure(chosen.log_format, chosen.log_level)
    if reason := refusal(chosen):
        fail(reason)
    with lock_data_folder(chosen.data):
        try:
            app = App(chosen)
        except Refused as refused:
            fail(str(refused))
        try:
            serve(app, chosen, handed or listen(chosen))
        finally:
            app.close()


def serve(app: App, chosen: Settings, listening: socket.socket) -> None:
    """Answer who connects, run the threads, and stop them when a signal comes."""
    group_commit = GroupCommit(app.letters)
    service = Service(app, memory=chosen.data)
    trusted = service.clock
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
    signal.signal(signal.SIGHUP, lambda *_: service.reload())
    try:
        service.start()
    except Refused as refused:
        fail(str(refused))
    for asked in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it is done
        signal.signal(asked, lambda *_: setattr(server, "should_exit", True))
    greet(app, listening)
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


def greet(app: App, listening: socket.socket) -> None:
    """Print where the service is and what is open, in the form of its log."""
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    said = list(setup_in_words(app, address))
    if app.settings.log_format == "json":
        words = f"Coursebell on {address} with {len(app.active.decider.by_id)} rules"
        lines = [{"event": "service.started", "address": address, "message": words}]
        for part, words in said:
            words = words.replace("\n", ": ")
            lines.append({"event": "service.setup", "part": part, "message": words})
        for line in lines:
            click.echo(line_for_programs(line, time.time(), "info"))
        return
    screen = console()
    screen.print(Text.assemble(("Coursebell ", "bold"), f"on {address}"))
    for part, words in said:
        shown = words.replace("\n", f"\n{'':13}")
        screen.print(f"  {part:<10} {shown}", markup=False, soft_wrap=True)


def setup_in_words(app: App, address: str) -> Iterator[tuple[str, str]]:
    """Say what is open and in use, part by part."""
    chosen = app.settings
    if chosen.redirect_all_to:
        yield "redirected", REDIRECTED
    known = KnownValues(app.people, app.courses, app.views)
    read = read_files_of(chosen, SOURCES, name=chosen.rules.name, known=known)
    warnings = counted(len(read.problems), "warning")
    warned = f"; {warnings}, see `coursebell check`" if read.problems else ""
    yield "rules", f"{len(app.active.decider.by_id)} active in {chosen.rules}{warned}"
    yield "data", str(chosen.data)
    _, muting = muting_of(app.store.latest)
    if muting.everything or muting.rules:
        yield "muted", f"{muting.names}; `coursebell unmute` lets them speak again"
    for name, source in chosen.sources.items():
        yield "webhook", f"POST {address}/webhooks/{name}\n{door_in_words(source, chosen.host)}"
    for name in open_doors(chosen.bounces):
        yield "bounces", f"POST {address}{BOUNCES}{name}"
    if chosen.bounces.imap_url:
        yield "bounces", "a mailbox, read once a minute"
    for queue in app.queues:
        yield "queue", f"{queue.name}, for {queue.source}"
    if chosen.adobe_api.client_id is not None:
        reports = "; reports each day" if chosen.adobe_api.report_at is not None else ""
        yield "people", f"Adobe's API, by {REQUESTS_AN_HOUR} requests an hour at most{reports}"
    yield "API", api_in_words(chosen)
    yield "readers", readers_in_words(chosen)
    for name, url in app.active.decider.rules.channels.items():
        way = app.held_channels.get(name) or way_in_words(name, url, chosen)
        yield "channel", f"{name}: {way}"


def readers_in_words(chosen: Settings) -> str:
    """Say whether mails lead to a page where their reader chooses."""
    if chosen.public_url:
        return f"each mail has a link to its reader's choices, at {chosen.public_url}"
    return "mails have no link to stop or to choose; expected COURSEBELL_PUBLIC_URL, got none"


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
