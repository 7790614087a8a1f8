"""Operations: one entry for everything that can be asked, served and described from it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.context import Desk
from service.api.framework.request import JSON, Parameter, json_of, read

Given = Mapping[str, Any]
Answer = Callable[[Desk, Given], Any]
Endpoint = Callable[[Request], Awaitable[Response]]


class Operation(msgspec.Struct, frozen=True):
    """A path and method, what it may be told and what it answers: everything the description says.

    `answer` makes the answer; None when the site has its own way. `returns` is the type of the
    body, None when it is text of `media`; `body` is the type of what a request brings, if it
    brings anything; `free` needs no token.
    """

    path: str
    summary: str
    answer: Answer | None
    returns: Any
    parameters: tuple[Parameter, ...] = ()
    method: str = "GET"
    media: str = JSON
    refusals: tuple[HTTPStatus, ...] = ()
    also: Mapping[int, str] = {}
    """Other statuses with the same body, and what they mean."""
    free: bool = False
    body: Any = None


def routes(operations: Sequence[Operation], desk: Desk, pool: Executor) -> list[Route]:
    """Serves operations; their answers are made on threads of `pool`, off the event loop.

    Those of one path are one route, which knows all methods when another one is asked for.
    """
    by_path: dict[str, dict[str, Endpoint]] = {}
    for each in operations:
        by_path.setdefault(each.path, {})[each.method] = _endpoint(each, desk, pool)
    return [Route(path, _any_of(ways), methods=list(ways)) for path, ways in by_path.items()]


def _any_of(ways: Mapping[str, Endpoint]) -> Endpoint:
    """The way of a request's method; HEAD is GET without the body."""

    async def endpoint(request: Request) -> Response:
        return await ways["GET" if request.method == "HEAD" else request.method](request)

    return endpoint


def _endpoint(operation: Operation, desk: Desk, pool: Executor) -> Endpoint:
    answer = operation.answer
    assert answer is not None

    async def endpoint(request: Request) -> Response:
        given = read(operation.parameters, request)
        if operation.body is not None:
            given["body"] = await json_of(request, operation.body)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(pool, answer, desk, given)
        return found if isinstance(found, Response) else as_json(found)

    return endpoint


def as_json(value: object, status: int = HTTPStatus.OK) -> Response:
    """A value as an answer."""
    return Response(msgspec.json.encode(value), status, media_type=JSON)
