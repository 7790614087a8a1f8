"""Serve what machines ask: health, readiness, metrics, and the description of the API."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.access import Access
from service.api.framework.operations import Operation, as_json, without_parameters
from service.api.framework.request import JSON
from service.api.request_context import RequestContext
from service.api.system.metrics import Answers, exposition
from service.learners.directory.imports import overdue, overdue_in_words
from service.ledger.sql import STORE_ERRORS
from service.ledger.store import Store

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
            checks = [store(self._context.app.ledger), *imports(self._context), *self.quick()]
            self._found = ready(checks)
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


def imports(context: RequestContext) -> list[Check]:
    """Check that no import of people is later than the settings say."""
    longest = context.app.settings.import_max_age
    late = overdue_in_words(overdue(context.app.ledger, longest, context.clock()))
    return [Check("imports", "warning", "; ".join(late))] if late else []


def store(ledger: Store) -> Check:
    """Check that the folder takes a file, the ledger a transaction, and the disk still a while."""
    folder = ledger.folder
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


CHECK_SECONDS = 2.0
LATE = {HTTPStatus.SERVICE_UNAVAILABLE.value: "The same, when something failed."}

HEALTHZ = Operation("/healthz", "Is the process alive?", returns=Alive, also=LATE, free=True)
READYZ = Operation(
    "/readyz",
    "Is the service ready for work? It names what is not; details need the token.",
    returns=Ready,
    also=LATE,
    free=True,
)
METRICS = Operation("/metrics", "Numbers for Prometheus.", media="text/plain")
OPENAPI = Operation("/api/v1/openapi.json", "This description.", returns=dict)
OPERATIONS = (HEALTHZ, READYZ, METRICS, OPENAPI)


class SystemEndpoints:
    """Answer about the service itself, on threads of its own, so that no list is in the way."""

    def __init__(
        self, context: RequestContext, access: Access, answers: Answers, description: object
    ) -> None:
        self._context = context
        self._access = access
        self._check = HealthCheck(context)
        self._exposition = exposition(context, answers)
        self._description = msgspec.json.encode(description)
        self._checking = ThreadPoolExecutor(1, "api check")
        self._counting = ThreadPoolExecutor(1, "api metrics")

    def routes(self) -> Sequence[Route]:
        """Route what is asked; nothing of it takes a parameter."""
        ways = (
            (HEALTHZ, self._healthz),
            (READYZ, self._readyz),
            (METRICS, self._metrics),
            (OPENAPI, self._openapi),
        )
        return [Route(operation.path, without_parameters(way)) for operation, way in ways]

    def close(self) -> None:
        """End the threads, without waiting for a disk that does not answer."""
        for pool in (self._checking, self._counting):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _healthz(self, _: Request) -> Response:
        alive = self._context.alive
        return as_json(Alive(alive), HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)

    async def _readyz(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        looking = loop.run_in_executor(self._checking, self._check)
        try:
            found = await asyncio.wait_for(looking, CHECK_SECONDS)
        except TimeoutError:
            found = ready([STORE_SILENT, *self._check.quick()])
        shown = found if self._access.admits(request.scope) else found.without_details()
        return as_json(shown, found.status)

    async def _metrics(self, _: Request) -> Response:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._counting, self._exposition)
        except STORE_ERRORS as error:
            raise self._context.unreadable() from error

    async def _openapi(self, _: Request) -> Response:
        return Response(self._description, media_type=JSON)
