"""Ledgers on either engine, for processes that need nothing else of the service."""

from pathlib import Path
from typing import Any

from service.ledger.ledger import Ledger
from service.ledger.postgresql.postgres_store import PostgresStore

FILE = ".db"


def store_at(where: str) -> Any:
    """The ledger at a file's path or at a server's address."""
    return Ledger(Path(where)) if where.endswith(FILE) else PostgresStore(where)
