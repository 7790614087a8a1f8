"""Remember which rows a file has had, on disk, so that a long file takes no more memory."""

from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar, Protocol

import msgspec

from service.learners.directory.tables.csv_cells import Key
from service.ledger.sqlite.database import nameless_file

SAID_BITS = 32
SAID = 2**SAID_BITS - 1
"""The bits of what a row says: beside its line they are one number."""

TABLE = "CREATE TABLE seen (key INTEGER PRIMARY KEY, said INTEGER NOT NULL DEFAULT 0)"


class Keyed(Protocol):
    """Have what tells a row's subject from any other."""

    __struct_fields__: ClassVar[tuple[str, ...]]

    @property
    def key(self) -> Key:
        """Give source, account and LMS id."""
        ...


class SeenRows:
    """Know which keys there were, each by its hash, and on which line with what."""

    def __init__(self) -> None:
        self._file = nameless_file(TABLE)

    def line_of_other(self, row: Keyed, line: int) -> int | None:
        """Give the line before with this row's key, if it says anything else."""
        key, said = hash(row.key), hash(msgspec.json.encode(row)) & SAID
        now = (key, line << SAID_BITS | said)
        if self._file.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", now).rowcount:
            return None
        query = "SELECT said FROM seen WHERE key = ?"
        before: int = self._file.execute(query, (key,)).fetchone()[0]
        self._file.execute("REPLACE INTO seen VALUES (?, ?)", now)
        return None if before & SAID == said else before >> SAID_BITS

    def add(self, keys: Iterable[Key]) -> None:
        """Remember keys."""
        self._file.executemany(
            "INSERT OR IGNORE INTO seen (key) VALUES (?)", [(hash(key),) for key in keys]
        )

    def others(self, keys: Collection[Key]) -> Sequence[Key]:
        """Leave out the keys that there were."""
        marks = ",".join("?" * len(keys))
        query = f"SELECT key FROM seen WHERE key IN ({marks})"
        there = {key for (key,) in self._file.execute(query, [hash(key) for key in keys])}
        return [key for key in keys if hash(key) not in there]

    def close(self) -> None:
        """Forget them."""
        self._file.close()
