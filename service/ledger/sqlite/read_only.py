"""Read a ledger that may belong to somebody else: no file of it is made or changed."""

import sqlite3
from pathlib import Path

from service.ledger.sqlite.database import BUSY_SECONDS, SqliteConnection, refuse_newer
from service.ledger.sqlite.sqlite_store import SqliteStore


class ReadOnlySqliteStore(SqliteStore):
    """Open a ledger only to be read: no file of it is made or changed."""

    def __init__(self, path: Path) -> None:
        """Raise LedgerError when a newer program wrote it.

        A file nobody has open is read as one that cannot change, because SQLite otherwise
        leaves two new files beside it even when it only reads.
        """
        self.path, self.folder = path, path.parent
        self._wal = path.with_name(f"{path.name}-wal")
        self._at_rest = not self._wal.exists()
        way = "mode=ro&immutable=1" if self._at_rest else "mode=ro"
        address = f"{path.absolute().as_uri()}?{way}"
        self._only = sqlite3.connect(
            address,
            uri=True,
            isolation_level=None,
            timeout=BUSY_SECONDS,
            factory=SqliteConnection,
        )
        refuse_newer(self._only, path, reading=True)

    def is_out_of_date(self) -> bool:
        """Tell whether a service began to write while the file was read as unchanging."""
        return self._at_rest and self._wal.exists()

    def create(self, script: str, *, remembered: bool = True) -> bool:
        """Make nothing: the tables are there, or this is no ledger."""
        return False

    def remember_end(self, table: str, column: str) -> None:
        """Remember nothing: what is only read comes no further."""

    def reader(self) -> SqliteConnection:
        """Give the one connection."""
        return self._only

    def close(self) -> None:
        """Close it."""
        self._only.close()
