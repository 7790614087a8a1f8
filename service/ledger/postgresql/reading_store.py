"""Read a ledger in PostgreSQL that may be somebody else's: nothing of it is made or changed."""

from pathlib import Path

from service.ledger.postgresql.connections import Server
from service.ledger.postgresql.log_reader import LogReader
from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.postgresql.tables import refuse_newer_schema

THERE = "SELECT to_regclass('head') IS NOT NULL"


class ReadOnlyPostgresStore(PostgresStore):
    """Open a ledger only to be read; what would write has no session to do it in."""

    def __init__(self, address: str, folder: Path) -> None:
        """Raise LedgerError when a newer program made it, PersistenceError when it is away."""
        LogReader.__init__(self, Server(address))
        self.folder = folder
        refuse_newer_schema(self._rows("SELECT schema FROM head")[0][0], reading=True)

    def create(self, script: str, *, remembered: bool = True) -> bool:
        """Make nothing: the tables are there, or this is no ledger."""
        return False

    def is_out_of_date(self) -> bool:
        """Tell that what was read is as it was: each query reads the server."""
        return False

    def close(self) -> None:
        """Close every session. Twice is harmless."""
        LogReader.close(self)


def has_ledger(address: str) -> bool:
    """Tell whether a ledger is there; raises LedgerError or PersistenceError."""
    reader = LogReader(Server(address))
    try:
        found: bool = reader.reader().execute(THERE).fetchone()[0]
        return found
    finally:
        reader.close()
