"""Ledgers on either engine, for processes that need nothing else of the service."""

from pathlib import Path
from tempfile import TemporaryDirectory

from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import Store

FILE = ".db"
_folder = TemporaryDirectory(prefix="coursebell-bench-")


def store_at(where: str) -> Store:
    """The ledger at a file's path or at a server's address."""
    if where.endswith(FILE):
        return SqliteStore(Path(where))
    return PostgresStore(where, Path(_folder.name))
