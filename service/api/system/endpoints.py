"""What machines ask: health, readiness, numbers, and the description of the API itself."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.access import Access
from service.api.context import Desk
from service.api.framework.operations import Operation, as_json
from service.api.framework.request import JSON, read
from service.api.system.health import STORE_SILENT, Alive, Checkup, Ready, ready
from service.api.system.metrics import exposition

CHECK_SECONDS = 2.0
LATE = {HTTPStatus.SERVICE_UNAVAILABLE.value: "The same, when something failed."}

HEALTHZ = Operation("/healthz", "Is the process alive?", None, Alive, also=LATE, free=True)
READYZ = Operation(
    "/readyz",
    "Is the service ready for work? It names what is not; details need the token.",
    None,
    Ready,
    also=LATE,
    free=True,
)
METRICS = Operation("/metrics", "Numbers for Prometheus.", None, None, media="text/plain")
OPENAPI = Operation("/api/v1/openapi.json", "This description.", None, dict)
OPERATIONS = (HEALTHZ, READYZ, METRICS, OPENAPI)


class System:
    """Answers about the service itself, on threads of its own, so that no list is in the way."""

    def __init__(
        self, desk: Desk, access: Access, codes: Mapping[int, int], description: object
    ) -> None:
        self._desk = desk
        self._access = access
        self._checkup = Checkup(desk)
        self._exposition = exposition(desk, codes)
        self._description = msgspec.json.encode(description)
        self._checking = ThreadPoolExecutor(1, "api check")
        self._counting = ThreadPoolExecutor(1, "api metrics")

    def routes(self) -> Sequence[Route]:
        """What it answers."""
        return [
            Route(HEALTHZ.path, self._healthz),
            Route(READYZ.path, self._readyz),
            Route(METRICS.path, self._metrics),
            Route(OPENAPI.path, self._openapi),
        ]

    def close(self) -> None:
        """Ends the threads, without waiting for a disk that does not answer."""
        for pool in (self._checking, self._counting):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _healthz(self, request: Request) -> Response:
        read(HEALTHZ.parameters, request)
        alive = self._desk.alive
        return as_json(Alive(alive), HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)

    async def _readyz(self, request: Request) -> Response:
        read(READYZ.parameters, request)
        loop = asyncio.get_running_loop()
        looking = loop.run_in_executor(self._checking, self._checkup)
        try:
            found = await asyncio.wait_for(looking, CHECK_SECONDS)
        except TimeoutError:
            found = ready([STORE_SILENT, *self._checkup.quick()])
        shown = found if self._access.admits(request.scope) else found.without_details()
        return as_json(shown, found.status)

    async def _metrics(self, request: Request) -> Response:
        read(METRICS.parameters, request)
        return await asyncio.get_running_loop().run_in_executor(self._counting, self._exposition)

    async def _openapi(self, request: Request) -> Response:
        read(OPENAPI.parameters, request)
        return Response(self._description, media_type=JSON)
