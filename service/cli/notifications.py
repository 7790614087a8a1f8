"""Run `coursebell notifications`: what is owed, sent or not, with each one's history."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.text import Text

from service.cli.explain import evidence, whole
from service.cli.notifications_watch import watch_notifications
from service.cli.options.installation import Installation
from service.cli.output.console import (
    BAD,
    console,
    data_option,
    fail,
    json_option,
    print_json,
    print_table,
    printable,
)
from service.cli.output.explain_page import read_by, reader
from service.cli.output.text import in_local_time, moment, print_words
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.world import Lookup
from service.rules import trace
from service.rules.explain.provenance import about
from service.rules.explain.provenance import whom as whom_for
from service.rules.notification import CANCELLED, HELD, STATES, SUPPRESSED
from service.rules.rule import ROOM, STEPS_UP, route_of
from service.rules.storm import HELD as STORM
from service.rules.text import counted
from service.sending import queue
from service.sending.operator import REDRIVABLE, of_those, redrive
from service.sending.streams import NotificationStreams

AGAIN = sorted({*REDRIVABLE, CANCELLED, SUPPRESSED})
TITLES = ("Notification", "Rule", "To", "About", "State", "Reason", "Decided", "Attempts")
WIDE = 140
"""Columns that a table needs: the id alone has 33, and stays whole to be copied."""


def print_notifications(found: Sequence[Mapping[str, Any]], people: People) -> None:
    """Print whom each is for and what it is about, in the LMS's own ids."""
    ids = people.lms_ids(
        row[name] for row in found for name in ("person", "recipient") if row[name]
    )
    screen = console()
    if not found:
        screen.print("no notifications")
    elif screen.width < WIDE:
        for row in found:
            print_narrow(screen, row, ids)
    else:
        print_table(TITLES, [columns(row, ids) for row in found])


def columns(row: Mapping[str, Any], ids: Mapping[str, str]) -> list[str | None]:
    """Put a notification into a row of the table."""
    about = row["instance"] or row["course"] or row["source"]
    return [
        row["id"],
        row["rule"],
        whom(row, ids),
        about,
        row["state"],
        row["reason"],
        moment(row["decided_at"]),
        str(row["attempts"]),
    ]


def print_narrow(screen: Console, row: Mapping[str, Any], ids: Mapping[str, str]) -> None:
    """Print a notification in two lines, or more if they are long."""
    id, rule, to, about, state, reason, decided, _ = columns(row, ids)
    standing = f"{state}: {reason}" if reason else state
    print_words(screen, Text(printable(str(standing))), f"{id}  ")
    of = f", {about}" if about else ""
    print_words(screen, Text(printable(f"{decided}  {rule} to {to}{of}")), "    ")


def whom(row: Mapping[str, Any], ids: Mapping[str, str]) -> str:
    """Name a room, a role with its learner, or which member of what."""
    recipient, learner = row["recipient"], ids.get(row["person"] or "")
    if recipient.startswith(ROOM):
        return f"room {recipient.removeprefix(ROOM)}"
    if recipient not in STEPS_UP:
        return f"{route_of(row['entry'])} {ids.get(recipient, '')}".rstrip()
    role = recipient.replace("_", " ")
    return f"{role} {'' if recipient == 'learner' else 'of '}{learner}" if learner else role


HELD_BY = "; `coursebell notifications list --state held` shows what is held, and why"


@click.group()
def notifications() -> None:
    """List, show and watch notifications, release what is held, try again what was given up."""


notifications.add_command(watch_notifications)


@notifications.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--rule", help="Only those of this rule.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@data_option
@json_option
def list_notifications(
    state: str | None, rule: str | None, limit: int, data: Path | None, as_json: bool
) -> None:
    """List notifications, the latest decided first."""
    with Installation(data) as office:
        found = queue.latest(office.views, state, rule, limit)
        if as_json:
            print_json({"items": found})
        else:
            print_notifications(found, People(office.ledger))


@notifications.command("show")
@click.argument("notification")
@data_option
@json_option
def show_notification(notification: str, data: Path | None, as_json: bool) -> None:
    """Show one notification and its history.

    NOTIFICATION is an id or its beginning.
    """
    with evidence(data) as found:
        id = whole(found.past, notification, missing=BAD)
        rows, kept = found.past.stream(id), found.past.kept(id)
        who = reader(found.past.people, about(found, rows[0].body), whom_for(found, rows[0].body))
    history = [
        {"place": row.version, "event": row.body.topic, **fields_of(row.body)} for row in rows
    ]
    if as_json:
        print_json({"id": id, "history": history, "kept_apart": kept})
        return
    console().print(f"Notification {id}")
    if who is not None and who.passed:
        print_words(console(), Text(printable(read_by(who, None))), "     ")
    for entry in history:
        place, topic = entry.pop("place"), entry.pop("event")
        console().print(f"{place:>3}  [bold]{topic}[/]")
        if f"reply/{place}" in kept:
            entry["reply"] = kept[f"reply/{place}"]
        print_table(["", ""], lines_of(entry))


@notifications.command("redrive")
@click.argument("ids", nargs=-1)
@click.option("--state", type=click.Choice(AGAIN), help="All in it, as far as it can be.")
@click.option("--rule", help="With --state: only those of this rule.")
@data_option
def redrive_notifications(
    ids: tuple[str, ...], state: str | None, rule: str | None, data: Path | None
) -> None:
    """Try again what was given up, expired, held or cancelled because its rule was gone.

    Of what is cancelled also what was `merged`, once the two are two people again, and what was
    suppressed as `bounced` or `complained`, once its address is written to; nothing else.
    What the rules say now still holds. A running service sends them within a second.
    """
    if bool(ids) == bool(state):
        fail("notifications redrive: expected ids, or --state")
    office = Installation(data)
    try:
        world = Lookup(office.store, People(office.ledger), Courses(office.ledger))
        streams = NotificationStreams(office.store)
        wanted = queue.latest(office.views, state, rule, -1)
        chosen = list(ids) or of_those(streams, wanted, world)
        done, refused = redrive(streams, chosen, office.clock(), world)
    finally:
        office.close()
    click.echo(f"{len(done)} of {counted(len(chosen), 'notification')} tried again")
    tell_refused(refused)


@notifications.command("release")
@click.argument("ids", nargs=-1)
@click.option("--rule", help="What the storm guard holds of this rule.")
@click.option("--all", "everything", is_flag=True, help="Whatever the storm guard holds.")
@data_option
def release_notifications(
    ids: tuple[str, ...], rule: str | None, everything: bool, data: Path | None
) -> None:
    """Let go of what is held; a running service sends it within a second.

    Before a message leaves it is tested again: what is no longer true is not sent.
    """
    if (bool(ids), bool(rule), everything).count(True) != 1:
        fail("notifications release: expected ids, or --rule, or --all")
    with Installation(data) as office:
        chosen = list(ids) or queue.because(office.views, HELD, STORM, rule=rule)
        if not chosen:
            fail(f"the storm guard holds nothing{f' of rule {rule}' if rule else ''}{HELD_BY}", BAD)
        streams = NotificationStreams(office.store)
        held = {n.id for n in streams.notifications(chosen) if n.state == HELD}
        other = [(id, "it is not held") for id in chosen if id not in held]
        wanted = [id for id in chosen if id in held]
        done, refused = redrive(streams, wanted, office.clock())
    click.echo(f"{len(done)} of {counted(len(chosen), 'notification')} let go")
    tell_refused(other + refused)


def tell_refused(refused: Sequence[tuple[str, str]]) -> None:
    """Print why some were not done, and exit with 1 if there are any."""
    for id, reason in refused:
        click.echo(f"{id}: {reason}", err=True)
    raise SystemExit(BAD if refused else 0)


def fields_of(body: object) -> dict[str, object]:
    """Give what an event says, without what it leaves empty."""
    names = getattr(body, "__struct_fields__", ())
    found = {name: getattr(body, name) for name in names}
    return {
        name: value
        for name, value in found.items()
        if value is not False and value not in (None, {}, (), "")
    }


def lines_of(fields: Mapping[str, object]) -> Iterator[list[str]]:
    """Write each field with its value; what has several values goes on underneath."""
    for name, value in fields.items():
        label = name
        for line in shown(name, value):
            yield [f"     {label}", line]
            label = ""


def shown(name: str, value: object) -> Iterator[str]:
    """Write the lines of a field as a person reads them."""
    if isinstance(value, Mapping):
        yield from (f"{field}: {value_in_words(field, each)}" for field, each in value.items())
    elif isinstance(value, tuple):
        yield from map(str, value)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int) and (name.endswith("at") or name in ("until", "since")):
        yield moment(value)
    else:
        yield str(value)


def value_in_words(field: str, value: object) -> str:
    """Write what a condition read, as its type is read."""
    return in_local_time(trace.shown(field, value))
