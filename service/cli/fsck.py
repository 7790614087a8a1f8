"""Run `coursebell fsck` and `rebuild`: check that nothing is lost, build the views anew."""

import time
from collections import Counter
from pathlib import Path

import rich_click as click
from rich.progress import MofNCompleteColumn

from service.app.event_types import event_store
from service.app.installed_views import open_views
from service.cli.output.console import (
    BAD,
    console,
    data_option,
    installation,
    json_option,
    print_json,
    progress,
)
from service.incoming.letters import LETTER_STATES, Letters, unaccounted
from service.incoming.parts_check import wrong_parts
from service.ledger.data_folder import lock_data_folder
from service.ledger.events import EventStore
from service.ledger.location import LedgerLocation
from service.rules import notification
from service.rules.notification import STATES, Notification, Owed
from service.rules.text import counted


@click.command()
@data_option
@json_option
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Take a ledger that ends earlier than it did as it is; the service must not be running.",
)
def fsck(data: Path | None, as_json: bool, accept_loss: bool) -> None:
    """Check that every letter and every match is accounted for, and that the file is whole.

    On PostgreSQL also that every shard is there, and parts of letters are put together.

    Exits with 1 when something is missing. Without --accept-loss it only reads, and the service
    may be running.
    """
    found = installation(data)
    if accept_loss:
        with lock_data_folder(found.folder):
            found.accept_loss()
    letters, matched, states, damage = examined(found)
    sums = {
        "letters": letters,
        "letters_unaccounted": unaccounted(letters),
        "matched": matched,
        "notifications": {state: states[state] for state in STATES},
        "notifications_unaccounted": matched - sum(states[state] for state in STATES),
        "damage": damage,
    }
    if as_json:
        print_json(sums)
    else:
        show(sums, letters, states, matched, damage)
    bad = sums["letters_unaccounted"] or sums["notifications_unaccounted"] or damage
    raise SystemExit(BAD if bad else 0)


def examined(location: LedgerLocation) -> tuple[dict[str, int], int, Counter[str], list[str]]:
    """Count letters by state, matches, and notifications by state, and look for damage."""
    damage, matched, states = location.shortfalls(), 0, Counter[str]()
    letters = dict.fromkeys(("accepted", *LETTER_STATES), 0)
    ledger = location.open_to_read()
    try:
        if ledger.columns("letters"):
            letters = Letters(ledger).counts()
            damage += wrong_parts(ledger)
        if ledger.columns("stored_events"):
            matched, states = notification_states(event_store(ledger))
        damage += ledger.damage()
    finally:
        ledger.close()
    if ledger.is_out_of_date():
        return examined(location)
    return letters, matched, states, damage


def notification_states(store: EventStore) -> tuple[int, Counter[str]]:
    """Count the matches, and the notifications in each state, by the log."""
    found: dict[str, Notification] = {}
    matched = 0
    for _, id, _, body in store.follow(0, notification.SHAPES):
        if isinstance(body, Owed):
            matched += 1
            found[id] = Notification.load(id, [body])
        elif id in found:
            found[id] = found[id].apply(body)
    return matched, Counter(each.state for each in found.values())


def show(
    found: dict[str, object],
    letters: dict[str, int],
    states: Counter[str],
    matched: int,
    damage: list[str],
) -> None:
    """Print the two sums, and whether they come out."""
    screen = console()
    parts = " + ".join(f"{letters[s]} {s.replace('_', ' ')}" for s in letters if s != "accepted")
    screen.print(f"letters        {letters['accepted']} accepted = {parts}")
    known = " + ".join(f"{n} {state.replace('_', ' ')}" for state, n in states.items()) or "0"
    screen.print(f"notifications  {matched} matched = {known}")
    for line in damage:
        screen.print(f"[red]damage[/] {line}")
    lost = (found["letters_unaccounted"], found["notifications_unaccounted"])
    screen.print("nothing is missing" if lost == (0, 0) and not damage else "[red]NOT whole[/]")


@click.command()
@data_option
def rebuild(data: Path | None) -> None:
    """Build the views anew from the log, in a new file that is swapped in when it is complete.

    The service must not be running: it rebuilds by itself what it misses. No rule is called
    and nothing is sent.
    """
    found = installation(data)
    with lock_data_folder(found.folder):
        ledger = found.open()
        store = event_store(ledger)
        views = open_views(found.folder, store)
        begun = time.monotonic()
        with progress(MofNCompleteColumn()) as bar:
            task = bar.add_task("Reading the log", total=ledger.end())
            total = views.rebuild(lambda position: bar.update(task, completed=position))
        seconds = time.monotonic() - begun
        views.close()
        ledger.close()
    rate = total / seconds if seconds else 0
    read = counted(total, "event")
    click.echo(f"{read} read in {seconds:.1f} s ({rate:,.0f} a second); nothing was sent")
