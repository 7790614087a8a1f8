"""Operations: one entry for everything that can be asked, served and described from it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.desk import Desk
from service.api.parameters import Parameter, read

JSON = "application/json"

Given = Mapping[str, Any]
Answer = Callable[[Desk, Given], Any]


class Operation(msgspec.Struct, frozen=True):
    """A path and method, what it may be told and what it answers: everything the description says.

    `answer` makes the answer; None when the site has its own way. `returns` is the type of the
    body, None when it is text of `media`; `free` needs no token.
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


def route(operation: Operation, desk: Desk, pool: Executor) -> Route:
    """Serves an operation; the answer is made on a thread of `pool`, off the event loop."""
    return Route(operation.path, _endpoint(operation, desk, pool), methods=[operation.method])


def _endpoint(
    operation: Operation, desk: Desk, pool: Executor
) -> Callable[[Request], Awaitable[Response]]:
    answer = operation.answer
    assert answer is not None

    async def endpoint(request: Request) -> Response:
        given = read(operation.parameters, request)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(pool, answer, desk, given)
        return found if isinstance(found, Response) else as_json(found)

    return endpoint


def as_json(value: object, status: int = HTTPStatus.OK) -> Response:
    """A value as an answer."""
    return Response(msgspec.json.encode(value), status, media_type=JSON)
