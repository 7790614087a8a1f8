"""Say in the first lines of a service where it is, what is open and what is in use."""

import time
from collections.abc import Iterator

import rich_click as click
from rich.text import Text

from service.api.access import api_in_words
from service.api.bounce_doors import open_doors
from service.api.webhooks import door_in_words
from service.app.active_rules import read_files_of
from service.app.app import SOURCES, App
from service.app.ways_out import REDIRECTED, way_in_words
from service.cli.output.console import console
from service.cli.output.log_lines import line_for_programs
from service.incoming.adobe_api.budget import REQUESTS_AN_HOUR
from service.incoming.webhook import BOUNCES
from service.rules.known_values import KnownValues
from service.rules.rule import muting_of
from service.rules.text import counted
from service.settings import Settings

Said = Iterator[tuple[str, str]]
"""What is said of each part; a line break begins another line of it."""


def greet(app: App, address: str = "", *, works: bool) -> None:
    """Print where it listens, unless it has no door, and its parts, in the form of its log."""
    said = [*_ledger(app), *_doors(app, address), *(_ways(app) if works else ())]
    where = f"on {address}" if address else "at work"
    if app.settings.log_format == "json":
        words = f"Coursebell {where} with {len(app.active.decider.by_id)} rules"
        lines = [{"event": "service.started", "address": address, "message": words}]
        for part, words in said:
            words = words.replace("\n", ": ")
            lines.append({"event": "service.setup", "part": part, "message": words})
        for line in lines:
            click.echo(line_for_programs(line, time.time(), "info"))
        return
    screen = console()
    screen.print(Text.assemble(("Coursebell ", "bold"), where))
    for part, words in said:
        shown = words.replace("\n", f"\n{'':13}")
        screen.print(f"  {part:<10} {shown}", markup=False, soft_wrap=True)


def _ledger(app: App) -> Said:
    chosen = app.settings
    if chosen.redirect_all_to:
        yield "redirected", REDIRECTED
    known = KnownValues(app.people, app.courses, app.views)
    read = read_files_of(chosen, SOURCES, name=chosen.rules.name, known=known)
    warnings = counted(len(read.problems), "warning")
    warned = f"; {warnings}, see `coursebell check`" if read.problems else ""
    yield "rules", f"{len(app.active.decider.by_id)} active in {chosen.rules}{warned}"
    if chosen.database_url:
        yield "ledger", "in PostgreSQL"
    yield "data", str(chosen.data)
    _, muting = muting_of(app.store.latest)
    if muting.everything or muting.rules:
        yield "muted", f"{muting.names}; `coursebell unmute` lets them speak again"


def _doors(app: App, address: str) -> Said:
    chosen = app.settings
    if not address:
        return
    for name, source in chosen.sources.items():
        yield "webhook", f"POST {address}/webhooks/{name}\n{door_in_words(source, chosen.host)}"
    for name in open_doors(chosen.bounces):
        yield "bounces", f"POST {address}{BOUNCES}{name}"
    yield "API", api_in_words(chosen)
    yield "readers", readers_in_words(chosen)


def readers_in_words(chosen: Settings) -> str:
    """Say whether mails lead to a page where their reader chooses."""
    if chosen.public_url:
        return f"each mail has a link to its reader's choices, at {chosen.public_url}"
    return "mails have no link to stop or to choose; expected COURSEBELL_PUBLIC_URL, got none"


def _ways(app: App) -> Said:
    chosen = app.settings
    if chosen.bounces.imap_url:
        yield "bounces", "a mailbox, read once a minute"
    for queue in app.queues:
        yield "queue", f"{queue.name}, for {queue.source}"
    if chosen.adobe_api.client_id is not None:
        reports = "; reports each day" if chosen.adobe_api.report_at is not None else ""
        yield "people", f"Adobe's API, by {REQUESTS_AN_HOUR} requests an hour at most{reports}"
    for name, url in app.active.decider.rules.channels.items():
        way = app.held_channels.get(name) or way_in_words(name, url, chosen)
        yield "channel", f"{name}: {way}"
