"""Compare a ledger with how far it had come, by what stands outside of it: its mark and its views.

SQLite reads a write-ahead log up to the first frame that is damaged, and takes what is behind it
for never written (https://www.sqlite.org/walformat.html#recovery). So a log that was cut or has a
flipped bit is a whole ledger that ends earlier, and only somebody else knows better (decision 27).
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from service.ledger.sqlite.database import connect_to_read
from service.ledger.table_shapes import columns_in, lacking, misfit, tables_of

MARK_BYTES = 256
LETTERS, LOG = "letters.n", "stored_events.notification_id"
WORDS = {LETTERS: "letter", LOG: "event"}
WHAT_TO_DO = (
    "its newest commits are gone: its -wal file was cut or damaged, or an older copy was put back. "
    "Keep a copy of the folder as it is; put the files back if you can. If they are lost for good, "
    "let the senders send again what came since, and run `coursebell fsck --accept-loss`"
)
_decode = msgspec.json.Decoder(dict[str, int]).decode


def mark_of(ledger: Path) -> Path:
    """Give the path of a ledger's mark."""
    return ledger.with_suffix(".mark")


def marked(ledger: Path) -> dict[str, int]:
    """Read the mark of a ledger; empty where none is that can be read, as after a power cut."""
    try:
        return _decode(mark_of(ledger).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def followed(views: Path) -> dict[str, int]:
    """Read how far a ledger had come when its views followed it last; empty where they are none."""
    try:
        with closing(connect_to_read(views)) as connection:
            row = connection.execute("SELECT position, letters FROM following").fetchone()
    except sqlite3.Error:
        return {}
    return dict(zip((LOG, LETTERS), row or (), strict=False))


def ends_of(ledger: Path, names: Iterable[str]) -> dict[str, int]:
    """Read how far the tables of a ledger come, by `table.column`; 0 for what is not there."""
    if not ledger.exists():
        return dict.fromkeys(names, 0)
    with closing(connect_to_read(ledger)) as reader:
        tables = {row[0] for row in reader.execute("SELECT name FROM sqlite_master")}
        queries = {
            name: f"SELECT MAX({column}) FROM {table}"
            for name in names
            for table, _, column in [name.partition(".")]
            if table in tables
        }
        found = {name: reader.execute(query).fetchone()[0] for name, query in queries.items()}
    return {name: found.get(name) or 0 for name in names}


def shortfalls(ledger: Path) -> list[str]:
    """Say what a ledger lacks of what it had, and what to do; empty when nothing is missing."""
    views = ledger.with_name("views.db")
    # What they say is read before the ledger: a service may be writing.
    known = {mark_of(ledger).name: marked(ledger), views.name: followed(views)}
    ends = ends_of(ledger, WORDS)
    lost = [
        f"{WORDS[name]} {end} was on disk ({witness}), and it ends at {WORDS[name]} {ends[name]}"
        for witness, said in known.items()
        for name, end in said.items()
        if end > ends.get(name, end)
    ]
    return [f"{ledger}: {'; '.join(lost)}; {WHAT_TO_DO}"] if lost else []


def accept(ledger: Path) -> None:
    """Take a ledger as it is from now on: its mark is made anew, and its views are."""
    for name in (mark_of(ledger).name, "views.db", "views.db-wal", "views.db-shm"):
        ledger.with_name(name).unlink(missing_ok=True)


def fit(connection: sqlite3.Connection, script: str) -> str:
    """Make what a script has and is not there; say what keeps it from being used, if anything."""
    tables = [*tables_of(script)]
    for table, wanted in tables:
        for column in lacking(wanted, columns_in(connection, table)):
            with suppress(sqlite3.OperationalError):  # another process was quicker
                added = f'"{column}" {wanted[column].declared}'
                connection.execute(f'ALTER TABLE "{table}" ADD COLUMN {added}')
    connection.executescript(script)
    return misfit((table, wanted, columns_in(connection, table)) for table, wanted in tables)
