"""Open the files of one installation, beside the service or without it."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from service.app.event_types import event_store
from service.app.installed_views import open_views
from service.cli.output.console import installation
from service.ledger.data_folder import lock_data_folder
from service.ledger.location import LedgerLocation
from service.ledger.store import LedgerError
from service.ledger.views import Views
from service.running import TrustedClock

MAKING_SECONDS = 5.0
"""How long another command may take to begin the views."""


class Installation:
    """Open the files of one installation for looking things up."""

    def __init__(self, data: Path | None) -> None:
        location = installation(data)
        self.clock = TrustedClock(folder=location.folder)
        self.ledger = location.open()
        self.store = event_store(self.ledger)
        self.beside_service = False
        self.views = self._opened(location.folder)

    def _opened(self, folder: Path) -> Views:
        """Open the views: as they are beside a service, which follows the log itself.

        Another command that holds the folder may be making them just now: it is waited for.
        """
        deadline = monotonic() + MAKING_SECONDS
        while True:
            try:
                with lock_data_folder(folder):
                    views = open_views(folder, self.store)
                    views.catch_up()
                    return views
            except LedgerError:
                pass
            try:
                self.beside_service = True
                return open_views(folder, self.store, owner=False)
            except LedgerError:
                if monotonic() > deadline:
                    raise
            sleep(0.1)

    def close(self) -> None:
        """Close them."""
        self.views.close()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def installation_if_any(found: LedgerLocation) -> AbstractContextManager[Installation | None]:
    """Open the installation where there is one already."""
    return nullcontext() if found.missing() else Installation(found.folder)
