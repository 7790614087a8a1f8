"""Run `coursebell letters`: what came in, what became of it, second tries of what was set aside."""

import io
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import rich_click as click
from rich.progress import DownloadColumn

from service.app.active_rules import Refused
from service.app.app import App
from service.cli.options.scope_options import SOURCE
from service.cli.output.console import (
    BAD,
    console,
    data_option,
    fail,
    json_option,
    open_ledger,
    print_json,
    print_table,
    progress,
    settings,
)
from service.cli.output.text import moment
from service.incoming.archive_import import (
    WAITING_AT_MOST,
    UnreadableArchive,
    became,
    bring_in,
    files_in,
    payloads_in,
)
from service.incoming.letters import Letters
from service.incoming.set_aside import SetAsideQuery
from service.ledger.data_folder import lock_data_folder
from service.ledger.store import LeaseLost, LedgerError
from service.rules.text import counted
from service.running import TrustedClock
from service.settings import Settings

LIVE = (
    "letters that came by the door still wait, and what an import says first nobody is told of; "
    "start the service until it has taken them, then import again"
)
MakeRoom = Callable[[int], object]
"""Returns once at most so many imported letters wait."""

NOBODY_TAKES_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.05
TOLD = ("recorded", "superseded", "duplicate", "ignored", "set_aside")


@click.command("import")
@click.argument("file")
@click.option(
    "--source",
    required=True,
    type=SOURCE,
    help="The LMS that wrote the payloads.",
)
@data_option
@json_option
def import_letters(file: str, source: str, data: Path | None, as_json: bool) -> None:
    """Bring in archived payloads from FILE, a folder, or standard input when FILE is `-`.

    Each line is a delivery as the LMS would post it (JSON lines, also gzipped), or a whole file
    is one. They go the way of all letters, but nobody is told of anything they say, nor
    reminded of what they make already due. Twice is harmless: what is known is a duplicate.
    The service may be running, and then takes them itself.
    """
    begun = time.monotonic()
    try:
        chosen = settings(data)
        clock = TrustedClock(folder=chosen.data)
        with _taken_in(chosen, clock) as (kept, make_room):
            receipts = _bring_in(kept, make_room, source, file, clock=clock)
            found = became(kept, receipts)
    except (UnreadableArchive, Refused, NobodyTakes) as error:
        fail(str(error), BAD)
    report(found, time.monotonic() - begun, as_json=as_json)


class NobodyTakes(Exception):
    """Say that letters stay waiting: of an import, or others that must be told of first."""


@contextmanager
def _taken_in(chosen: Settings, clock: TrustedClock) -> Iterator[tuple[Letters, MakeRoom]]:
    """Take the letters, or wait for the service that works on this ledger to do it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock_data_folder(chosen.data))
        except LedgerError:
            kept = Letters(stack.enter_context(open_ledger(chosen.data)))
            yield kept, lambda at_most: _wait(kept, at_most)
        else:
            app = App(chosen)
            stack.callback(app.close)
            taker = Taker(app, clock)
            if taker.decides() and app.letters.waiting_more_than(app.letters.imported_waiting()):
                raise NobodyTakes(LIVE)
            yield app.letters, lambda at_most: _wait(app.letters, at_most, taker)


class Taker:
    """Take letters whenever nobody else does: on another machine somebody may work, or begin to."""

    def __init__(self, app: App, clock: TrustedClock) -> None:
        """Take nothing yet."""
        self._app = app
        self._clock = clock
        self._decides = False

    def decides(self) -> bool:
        """Tell whether it is up to this process, from now on if it can be."""
        self._decides = self._decides or self._app.ledger.lease.acquire()
        return self._decides

    def take(self) -> bool:
        """Take some; false when another process is to do it."""
        try:
            return self.decides() and bool(self._app.intake.take(self._clock()))
        except LeaseLost:
            self._app.writer.forget()
            self._decides = False
            return False


def _bring_in(
    kept: Letters, make_room: MakeRoom, source: str, file: str, *, clock: TrustedClock
) -> list[range]:
    with progress(DownloadColumn()) as bar:
        task = bar.add_task("Importing letters", total=_size(file))
        payloads = _payloads(file, lambda done: bar.update(task, completed=done))
        room = partial(make_room, WAITING_AT_MOST)
        try:
            receipts = list(bring_in(kept, source, payloads, clock, room))
        except UnreadableArchive as error:
            make_room(0)
            raise UnreadableArchive(f"{error}; what stands before that place is in") from error
        bar.update(task, description="Taking the last ones")
        make_room(0)
    return receipts


def _wait(kept: Letters, at_most: int, taker: Taker | None = None) -> None:
    before, since = -1, time.monotonic()
    while (waiting := kept.imported_waiting()) > at_most:
        if taker and taker.take():
            continue
        if waiting != before:
            before, since = waiting, time.monotonic()
        elif time.monotonic() - since > NOBODY_TAKES_SECONDS:
            raise NobodyTakes(
                f"{counted(waiting, 'letter')} not taken by the service; expected it to run; "
                "start it again, what is kept will be taken"
            )
        time.sleep(LOOK_EVERY_SECONDS)


def _size(file: str) -> int | None:
    return None if file == "-" else sum(each.stat().st_size for each in files_in(Path(file)))


def _payloads(file: str, read: Callable[[int], object]) -> Iterator[bytes]:
    """Read the payloads of every file; tell how many bytes of them were read."""
    if file == "-":
        stdin: Any = io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer))
        yield from payloads_in(Path("stdin"), stdin)
        stdin.detach()
        return
    done = 0
    for path in files_in(Path(file)):
        with path.open("rb") as raw:
            for payload in payloads_in(path, raw):
                if raw.seekable():
                    read(done + raw.tell())
                yield payload
            done += os.fstat(raw.fileno()).st_size


def report(found: Counter[str], seconds: float, *, as_json: bool) -> None:
    """Print what became of letters; exit with 1 when something was set aside."""
    if as_json:
        print_json({name: found[name] for name in ("letters", *TOLD)})
    else:
        count = found["letters"]
        rate = count / seconds if seconds else 0.0
        events = ", ".join(f"{found[s]:,} {s.replace('_', ' ')}" for s in TOLD if found[s])
        click.echo(
            f"{count:,} letter{'s'[: count != 1]} in {seconds:.1f} s ({rate:,.0f} a second): "
            f"{events or 'no events'}; nothing is sent"
        )
    if found["set_aside"]:
        click.echo("coursebell: see `coursebell letters reasons` for what was set aside", err=True)
        raise SystemExit(BAD)


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
        found = SetAsideQuery(ledger).reasons(100)
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
    click.echo(f"{count} of {counted(len(chosen), 'letter')} set to wait again")
