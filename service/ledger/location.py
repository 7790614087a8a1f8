"""Say where an installation's ledger is, and open it there: in its folder, or in PostgreSQL."""

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from service.ledger.migration.sides import SourceLedger, TargetLedger
from service.ledger.sql import STORE_ERRORS
from service.ledger.sqlite.database import copy_database
from service.ledger.sqlite.high_water import accept, shortfalls
from service.ledger.sqlite.read_only import ReadOnlySqliteStore
from service.ledger.sqlite.sqlite_move import SqliteSource, SqliteTarget, take_back
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import LedgerError, ReadOnlyStore, Store

FILE = "ledger.db"


class LedgerLocation(NamedTuple):
    """Name the folder of this machine, and the database if the ledger is not a file in it.

    Its words never quote the database's address, which may hold a password.
    """

    folder: Path
    database_url: str | None = None

    @property
    def file(self) -> Path:
        """Give the file of a ledger that is one."""
        return self.folder / FILE

    @property
    def in_words(self) -> str:
        """Name it: by the folder, or as the database."""
        return str(self.folder) if self.database_url is None else "the database"

    @property
    def settings_in_words(self) -> str:
        """Name what leads to another ledger."""
        return (
            "--data or COURSEBELL_DATA" if self.database_url is None else "COURSEBELL_DATABASE_URL"
        )

    def open(self) -> Store:
        """Open the ledger, made if there is none; raises LedgerError or PersistenceError."""
        if self.database_url is None:
            return SqliteStore(self.file)
        store: Store = _postgresql("postgres_store").PostgresStore(self.database_url, self.folder)
        return store

    def open_to_read(self) -> ReadOnlyStore:
        """Open a ledger that is there, and change nothing of it."""
        if self.database_url is None:
            return ReadOnlySqliteStore(self.file)
        store: ReadOnlyStore = _postgresql("postgres_store").ReadOnlyPostgresStore(
            self.database_url, self.folder
        )
        return store

    def missing(self) -> str | None:
        """Say what is not there, as with a mistyped folder; None when there is a ledger."""
        if self.database_url is None:
            return (
                None if self.file.is_file() else f"{self.folder}: expected {FILE} in it, found none"
            )
        if _postgresql("postgres_store").has_ledger(self.database_url):
            return None
        return "COURSEBELL_DATABASE_URL: expected a ledger in the database, found none"

    def copy_to(self, folder: Path) -> None:
        """Copy the ledger into a file, and before it the views, which must not be ahead of it.

        Views that are missing or of no use are made anew from the log, which takes longer.
        """
        if (views := self.folder / "views.db").is_file():
            with suppress(*STORE_ERRORS):
                copy_database(views, folder / "views.db")
        if self.database_url is None:
            copy_database(self.file, folder / FILE)
        else:
            _postgresql("postgres_move").copy_to(self.database_url, SqliteTarget(folder / FILE))

    def source(self) -> SourceLedger:
        """Hold the ledger, which is moved to another place: nobody writes to it meanwhile."""
        if self.database_url is None:
            if missing := self.missing():
                raise LedgerError(f"{missing}; set {self.settings_in_words}")
            return SqliteSource(self.file)
        found: SourceLedger = _postgresql("postgres_move").PostgresSource(self.database_url)
        return found

    def target(self) -> TargetLedger:
        """Begin to make a ledger here, of another one."""
        if self.database_url is None:
            return SqliteTarget(self.file)
        found: TargetLedger = _postgresql("postgres_move").PostgresTarget(self.database_url)
        return found

    def shortfalls(self) -> list[str]:
        """Say what a file lacks of what it had; a server's losses only its standby can tell."""
        return shortfalls(self.file) if self.database_url is None else []

    def accept_loss(self) -> None:
        """Take a ledger as it is from now on, one that was moved too; its views are made anew.

        Raises LedgerError for one on a server that was not moved.
        """
        if self.database_url is None:
            accept(self.file)
            take_back(self.file)
        elif not _postgresql("postgres_move").take_back(self.database_url):
            raise LedgerError(
                "PostgreSQL: expected a ledger in a file, got one of a server, which knows itself "
                "what it lost; leave --accept-loss out"
            )


def _postgresql(module: str) -> Any:
    """Import a module of PostgreSQL's: who has a file need not install its library."""
    try:
        return import_module(f"service.ledger.postgresql.{module}")
    except ImportError as error:
        raise LedgerError(
            f"PostgreSQL: its client library cannot be loaded ({error}); "
            "expected the extra, pip install 'coursebell[postgres]'"
        ) from error
