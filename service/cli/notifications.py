"""`coursebell notifications`: what is owed, sent or not, with each one's history."""

from pathlib import Path

import rich_click as click

from service.app import SHAPES
from service.cli.console import (
    BAD,
    console,
    data_option,
    fail,
    installation,
    json_option,
    print_json,
    print_table,
)
from service.cli.times import moment
from service.learners.events import EventMapper
from service.learners.knowledge import events_of
from service.learners.ledger import Ledger, LedgerError
from service.learners.lock import sole
from service.learners.roster import Roster
from service.learners.views import Projection, Views
from service.rules.notifications import GIVEN_UP, STATES
from service.running import wall_clock
from service.sending import queue
from service.sending.docket import Docket
from service.sending.queue import Queue
from service.sending.redriving import redrive


class Office:
    """The files of one installation, opened for looking things up."""

    def __init__(self, data: Path | None) -> None:
        folder = installation(data)
        self.ledger = Ledger(folder / "ledger.db")
        self.mapper = EventMapper(SHAPES)
        try:
            with sole(folder):
                self.views = self._views(folder, owner=True)
                self.views.catch_up()
        except LedgerError:  # a running service follows the log itself
            self.views = self._views(folder, owner=False)

    def _views(self, folder: Path, *, owner: bool) -> Views:
        parts: list[Projection] = [Roster(), Queue()]
        return Views(folder / "views.db", self.ledger, self.mapper, parts, owner=owner)

    def close(self) -> None:
        """Closes them."""
        self.views.close()
        self.ledger.close()


@click.group()
def notifications() -> None:
    """List and show notifications, and try again what was given up."""


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
    office = Office(data)
    try:
        found = queue.latest(office.views, state, rule, limit)
    finally:
        office.close()
    if as_json:
        print_json({"items": found})
        return
    rows = [
        [
            n["id"], n["rule"], n["recipient"], n["state"], n["reason"], moment(n["decided_at"]),
            str(n["attempts"]),
        ]
        for n in found
    ]  # fmt: skip
    print_table(["Notification", "Rule", "To", "State", "Reason", "Decided", "Attempts"], rows)


@notifications.command("show")
@click.argument("id")
@data_option
@json_option
def show_notification(id: str, data: Path | None, as_json: bool) -> None:
    """Show one notification and its history."""
    office = Office(data)
    try:
        events = events_of(office.ledger, office.mapper, id)
        kept = office.ledger.erasable(id)
    finally:
        office.close()
    if not events:
        fail(f"{id}: no such notification; `coursebell notifications list` shows them", BAD)
    history = [
        {"place": e.originator_version, "event": e.body.topic, **fields_of(e.body)} for e in events
    ]
    if as_json:
        print_json({"id": id, "history": history, "kept_apart": kept})
        return
    console().print(f"Notification {id}")
    for entry in history:
        place, topic = entry.pop("place"), entry.pop("event")
        console().print(f"{place:>3}  [bold]{topic}[/]")
        print_table(["", ""], [[f"     {k}", shown(k, v)] for k, v in entry.items()])
        if f"reply/{place}" in kept:
            print_table(["", ""], [["     reply", kept[f"reply/{place}"]]])


@notifications.command("redrive")
@click.argument("ids", nargs=-1)
@click.option("--state", type=click.Choice([GIVEN_UP, "expired", "held"]), help="All in it.")
@click.option("--rule", help="With --state: only those of this rule.")
@data_option
def redrive_notifications(
    ids: tuple[str, ...], state: str | None, rule: str | None, data: Path | None
) -> None:
    """Try again what was given up, expired or is held; what the rules say now still holds.

    A running service sends them within a second.
    """
    if bool(ids) == bool(state):
        fail("notifications redrive: expected ids, or --state")
    office = Office(data)
    try:
        chosen = list(ids) or [n["id"] for n in queue.latest(office.views, state, rule, -1)]
        docket = Docket(office.ledger, office.mapper, {})
        done, refused = redrive(office.ledger, office.mapper, docket, chosen, wall_clock())
    finally:
        office.close()
    click.echo(f"{len(done)} of {len(chosen)} notifications are tried again")
    for id, reason in refused:
        click.echo(f"{id}: {reason}", err=True)
    raise SystemExit(BAD if refused else 0)


def fields_of(body: object) -> dict[str, object]:
    """What an event says, without what it leaves empty."""
    names = getattr(body, "__struct_fields__", ())
    found = {name: getattr(body, name) for name in names}
    return {name: value for name, value in found.items() if value not in (None, {}, "")}


def shown(name: str, value: object) -> str:
    """A field as a person reads it."""
    if isinstance(value, int) and (name.endswith("at") or name == "until"):
        return moment(value)
    return str(value)
