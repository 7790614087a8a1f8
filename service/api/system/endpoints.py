"""Serve what machines ask: health, readiness, metrics, and the description of the API."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.access import Access
from service.api.framework.operations import Operation, as_json, without_parameters
from service.api.framework.request import JSON
from service.api.request_context import RequestContext
from service.api.system.health import STORE_SILENT, Alive, HealthCheck, Ready, ready
from service.api.system.metrics import exposition

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
        self, context: RequestContext, access: Access, codes: Mapping[int, int], description: object
    ) -> None:
        self._context = context
        self._access = access
        self._check = HealthCheck(context)
        self._exposition = exposition(context, codes)
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
        return await asyncio.get_running_loop().run_in_executor(self._counting, self._exposition)

    async def _openapi(self, _: Request) -> Response:
        return Response(self._description, media_type=JSON)
