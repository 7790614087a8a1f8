"""Installations on PostgreSQL, in one place.

No setting leads to PostgreSQL yet, so the app is given its store here; once one does, `app_at` is
`site.app(name, COURSEBELL_DATABASE_URL=address)`, and the rest of this goes.
"""

from pathlib import Path
from unittest import mock

from bench.site import Site
from service.app import app as composition
from service.app.app import App
from service.ledger.ledger import HighWaterMark
from service.ledger.postgresql.postgres_store import PostgresStore


class StoreWithFolder(PostgresStore):
    """A store as the app takes one: with the folder of this machine, and its views' mark."""

    def __init__(self, address: str, folder: Path) -> None:
        super().__init__(address)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.mark = HighWaterMark(folder / "ledger.db")
        self.mark.open()

    def checkpoint(self) -> None:
        """The server does it."""

    def close(self) -> None:
        super().close()
        self.mark.close()


def app_at(site: Site, name: str, address: str) -> App:
    """An installation whose ledger is in PostgreSQL, not started."""

    def store(path: Path) -> StoreWithFolder:
        return StoreWithFolder(address, path.parent)

    with mock.patch.object(composition, "Ledger", store):
        return site.app(name)
