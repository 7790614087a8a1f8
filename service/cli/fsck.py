"""`coursebell fsck`: the law that nothing is lost, checked on the files."""

import sqlite3
from collections import Counter
from pathlib import Path

import rich_click as click

from service.app.event_types import event_store
from service.cli.output.console import (
    BAD,
    console,
    data_option,
    installation,
    json_option,
    print_json,
)
from service.incoming.letters import Letters
from service.ledger.database import BUSY_SECONDS, SCHEMA_VERSION
from service.ledger.events import EventStore
from service.ledger.ledger import Ledger, LedgerError
from service.rules import notification
from service.rules.notification import STATES, Notification, Owed


class Untouched(Ledger):
    """A ledger opened only to be read: no file of it is made or changed."""

    def __init__(self, path: Path) -> None:
        """Raises LedgerError when a newer program wrote it.

        A file nobody has open is read as one that cannot change, because SQLite otherwise
        leaves two new files beside it even when it only reads.
        """
        self.path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._at_rest = not self._wal.exists()
        way = "mode=ro&immutable=1" if self._at_rest else "mode=ro"
        address = f"{path.absolute().as_uri()}?{way}"
        self._only = sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        found = self._only.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA_VERSION:
            raise LedgerError(
                f"{path}: the ledger has schema {found}, this program knows {SCHEMA_VERSION}; "
                "run the Coursebell version that wrote it, or a newer one"
            )

    def is_out_of_date(self) -> bool:
        """Whether a service began to write while the file was read as unchanging."""
        return self._at_rest and self._wal.exists()

    def create(self, script: str) -> None:
        """Makes nothing: the tables are there, or this is no ledger."""

    def reader(self) -> sqlite3.Connection:
        """The one connection."""
        return self._only

    def close(self) -> None:
        """Closes it."""
        self._only.close()


@click.command()
@data_option
@json_option
def fsck(data: Path | None, as_json: bool) -> None:
    """Check that every letter and every match is accounted for, and that the file is whole.

    Exits with 1 when something is missing. It only reads, and the service may be running.
    """
    letters, matched, states, damage = examined(installation(data) / "ledger.db")
    found = {
        "letters": letters,
        "letters_unaccounted": letters["accepted"]
        - letters["taken"]
        - letters["set_aside"]
        - letters["waiting"],
        "matched": matched,
        "notifications": {state: states[state] for state in STATES},
        "notifications_unaccounted": matched - sum(states[state] for state in STATES),
        "damage": damage,
    }
    if as_json:
        print_json(found)
    else:
        show(found, letters, states, matched, damage)
    bad = found["letters_unaccounted"] or found["notifications_unaccounted"] or damage
    raise SystemExit(BAD if bad else 0)


def examined(path: Path) -> tuple[dict[str, int], int, Counter[str], list[str]]:
    """The letters by state, the matches, the notifications by state, and the damage."""
    ledger = Untouched(path)
    try:
        letters = Letters(ledger).counts()
        matched, states = notification_states(event_store(ledger))
        damage = damage_of(ledger.reader())
    finally:
        ledger.close()
    if ledger.is_out_of_date():
        return examined(path)
    return letters, matched, states, damage


def notification_states(store: EventStore) -> tuple[int, Counter[str]]:
    """How many matches there were, and how many notifications are in each state, by the log."""
    found: dict[str, Notification] = {}
    matched = 0
    for _, id, _, body in store.follow(0, notification.SHAPES):
        if isinstance(body, Owed):
            matched += 1
            found[id] = Notification.load(id, [body])
        elif id in found:
            found[id] = found[id].apply(body)
    return matched, Counter(each.state for each in found.values())


def damage_of(reader: sqlite3.Connection) -> list[str]:
    """What SQLite itself finds wrong with the file."""
    rows = [row[0] for row in reader.execute("PRAGMA quick_check")]
    return [] if rows == ["ok"] else rows


def show(
    found: dict[str, object],
    letters: dict[str, int],
    states: Counter[str],
    matched: int,
    damage: list[str],
) -> None:
    """The two sums, and whether they come out."""
    screen = console()
    parts = " + ".join(f"{letters[s]} {s.replace('_', ' ')}" for s in letters if s != "accepted")
    screen.print(f"letters        {letters['accepted']} accepted = {parts}")
    known = " + ".join(f"{n} {state.replace('_', ' ')}" for state, n in states.items()) or "0"
    screen.print(f"notifications  {matched} matched = {known}")
    for line in damage:
        screen.print(f"[red]damage[/] {line}")
    lost = (found["letters_unaccounted"], found["notifications_unaccounted"])
    screen.print("nothing is missing" if lost == (0, 0) and not damage else "[red]NOT whole[/]")
