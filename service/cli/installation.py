"""The office: the files of one installation, opened beside the service or without it."""

from pathlib import Path
from typing import Self

from service.app.event_types import event_store
from service.cli.output.console import installation
from service.learners.enrollment_views import EnrollmentViews
from service.ledger.ledger import Ledger, LedgerError, lock_data_folder
from service.ledger.views import Projection, Views
from service.sending.queue import SendQueue


class Office:
    """The files of one installation, opened for looking things up."""

    def __init__(self, data: Path | None) -> None:
        folder = installation(data)
        self.ledger = Ledger(folder / "ledger.db")
        self.store = event_store(self.ledger)
        try:
            with lock_data_folder(folder):
                self.views = self._views(folder, owner=True)
                self.views.catch_up()
        except LedgerError:  # a running service follows the log itself
            self.views = self._views(folder, owner=False)

    def _views(self, folder: Path, *, owner: bool) -> Views:
        parts: list[Projection] = [EnrollmentViews(), SendQueue()]
        return Views(folder / "views.db", self.store, parts, owner=owner)

    def close(self) -> None:
        """Closes them."""
        self.views.close()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
