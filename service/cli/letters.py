"""`coursebell letters`: what came in, what became of it, and trying again what was set aside."""

import sys
from pathlib import Path

import rich_click as click

from service.cli.console import (
    BAD,
    console,
    data_option,
    fail,
    json_option,
    open_ledger,
    print_json,
    print_table,
)
from service.cli.letters_import import import_letters
from service.cli.times import moment
from service.incoming.letters import Letters

STATES = click.Choice(["waiting", "taken", "set_aside"])


@click.group()
def letters() -> None:
    """List and show letters, try again what was set aside, bring in archived ones."""


letters.add_command(import_letters)


@letters.command("list")
@click.option("--state", type=STATES, help="Only letters in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@data_option
@json_option
def list_letters(state: str | None, limit: int, data: Path | None, as_json: bool) -> None:
    """List letters, newest first."""
    with open_ledger(data) as ledger:
        found = Letters(ledger).listing(state, limit, None)
    if as_json:
        print_json({"items": found})
        return
    rows = []
    for letter in found:
        states = [event["state"] for event in letter["events"]]
        told = ", ".join(f"{states.count(s)} {s.replace('_', ' ')}" for s in dict.fromkeys(states))
        told += " (imported)" if letter["imported"] else ""
        when = moment(letter["received_at"])
        rows.append([str(letter["n"]), letter["source"], when, letter["state"], told])
    print_table(["Letter", "Source", "Came", "State", "Events"], rows)


@letters.command("show")
@click.argument("number", type=int)
@click.option("--body", is_flag=True, help="Write the bytes as they came, and nothing else.")
@data_option
@json_option
def show_letter(number: int, body: bool, data: Path | None, as_json: bool) -> None:
    """Show one letter and what became of each event in it."""
    with open_ledger(data) as ledger:
        found, raw = Letters(ledger).show(number), Letters(ledger).body(number)
    if found is None:
        fail(f"letter {number}: no such letter; `coursebell letters list` shows them", BAD)
    if body:
        sys.stdout.buffer.write(raw or b"")
        return
    if as_json:
        print_json(found)
        return
    console().print(
        f"Letter {number} from {found['source']}, {moment(found['received_at'])}: {found['state']}"
        f"{', imported' if found['imported'] else ''}"
    )
    events = [[e["name"], e["state"], e["reason"] or e["stream"]] for e in found["events"]]
    print_table(["Event", "State", "Reason or stream"], events)


@letters.command("reasons")
@data_option
@json_option
def list_reasons(data: Path | None, as_json: bool) -> None:
    """List why events are set aside, the most frequent first."""
    with open_ledger(data) as ledger:
        found = Letters(ledger).reasons(100)
    if as_json:
        print_json({"items": found})
        return
    rows = [[str(r["events"]), r["name"], r["reason"], str(r["last"])] for r in found]
    print_table(["Events", "Name", "Reason", "Last letter"], rows)


@letters.command("retry")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every letter that was set aside.")
@data_option
def retry_letters(numbers: tuple[int, ...], everything: bool, data: Path | None) -> None:
    """Let letters that were set aside wait again; only what was set aside is tried.

    A running service takes them within a second. Twice is harmless.
    """
    if everything == bool(numbers):
        fail("letters retry: expected the numbers of letters, or --all")
    with open_ledger(data) as ledger:
        found = Letters(ledger)
        chosen = list(numbers) or [
            letter["n"] for letter in found.listing("set_aside", 1_000_000, None)
        ]
        count = found.retry(chosen)
    click.echo(f"{count} of {len(chosen)} letters wait again")
