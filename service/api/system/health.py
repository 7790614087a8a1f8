"""Check health: is the process alive, and is the service ready for work?"""

import os
import shutil
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import Literal

import msgspec

from service.api.request_context import RequestContext
from service.ledger.ledger import Ledger

CHECKED_FOR_SECONDS = 1.0
FREE_BYTES_WARNING = 256 * 1024 * 1024
PROBE = b"\0" * 4096

State = Literal["ok", "warning", "failed"]


class Alive(msgspec.Struct, frozen=True):
    """Whether every loop of the process runs."""

    alive: bool


class Check(msgspec.Struct, frozen=True):
    """One thing the service needs; `detail` is told to those who may use the API."""

    name: str
    state: State
    detail: str | msgspec.UnsetType = msgspec.UNSET


class Ready(msgspec.Struct, frozen=True):
    """Ready unless a check failed; a warning is worth a look, and the service works."""

    ready: bool
    checks: list[Check]

    @property
    def status(self) -> HTTPStatus:
        """Give the HTTP status of the answer."""
        return HTTPStatus.OK if self.ready else HTTPStatus.SERVICE_UNAVAILABLE

    def without_details(self) -> "Ready":
        """Leave out what strangers are not told."""
        return Ready(self.ready, [Check(each.name, each.state) for each in self.checks])


NEEDED = frozenset({"writer", "views"})
STORE_SILENT = Check("store", "failed", "the ledger does not answer; is the disk slow or full?")


class HealthCheck:
    """Look at everything at most once a second, however often asked; for one thread."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._found: Ready | None = None
        self._found_at = 0.0

    def __call__(self) -> Ready:
        """Tell what was found, just now or within the last second."""
        if self._found is None or time.monotonic() - self._found_at > CHECKED_FOR_SECONDS:
            self._found = ready([store(self._context.app.ledger), *self.quick()])
            self._found_at = time.monotonic()
        return self._found

    def quick(self) -> list[Check]:
        """Check what can be told without touching the disk."""
        loops = (
            Check("loops", "ok") if self._context.alive else Check("loops", "failed", "one ended")
        )
        return [loops, *troubles(self._context)]


def ready(checks: list[Check]) -> Ready:
    """Make the answer of checks; ready when none failed."""
    return Ready(all(check.state != "failed" for check in checks), checks)


def troubles(context: RequestContext) -> list[Check]:
    """Check what the service says itself.

    Only what keeps letters from being taken makes it unready: a load balancer that turned
    webhooks away because mail or the clock has trouble would make things worse.
    """
    return [
        Check(name, "failed" if name in NEEDED else "warning", detail)
        for name, detail in sorted(context.troubles.items())
    ]


def store(ledger: Ledger) -> Check:
    """Check that the folder takes a file, the ledger a transaction, and the disk still a while."""
    folder = ledger.path.parent
    try:
        _write(folder)
        with ledger.transaction():
            pass
        free = shutil.disk_usage(folder).free
    except Exception as error:  # whatever it is, it cannot be written
        return Check("store", "failed", f"cannot be written: {type(error).__name__}: {error}")
    if free < FREE_BYTES_WARNING:
        return Check("store", "warning", f"{free // 1024 // 1024} MiB are left on the disk")
    return Check("store", "ok")


def _write(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(PROBE)
        file.flush()
        os.fsync(file.fileno())
