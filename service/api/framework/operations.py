"""Declare operations: each is served, and described in OpenAPI 3.1, from one declaration."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from http import HTTPStatus
from typing import Any, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service import __version__
from service.api import bounce_doors, webhooks
from service.api.framework.problems import ApiError, NotFound, Problem, described_problem
from service.api.framework.request import JSON, NoParameters, Parameter, Parameters, json_of
from service.api.framework.uploads import Upload, upload_of
from service.api.request_context import RequestContext
from service.ledger.sql import STORE_ERRORS
from service.settings import Settings

TOKEN, READ_TOKEN = "adminToken", "readToken"
ABOUT = (
    "What came in, how enrolments and seats stand, and who was told what. Times are UTC, ids are "
    "the LMS's own. COURSEBELL_READ_TOKEN reads, COURSEBELL_ADMIN_TOKEN commands too. Without a "
    "token it answers on the service's own machine only, and nobody once a source has credentials "
    "or a queue is set."
)
ALWAYS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
UNFIT_BODIES = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
STRANGERS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

Handler = Callable[..., Any]
Endpoint = Callable[[Request], Awaitable[Response]]


class Signature(msgspec.Struct, frozen=True):
    """Name the types of a handler: the struct of its parameters, its body, and its answer."""

    returns: Any
    parameters: type[msgspec.Struct] = NoParameters
    body: Any = None


class Operation(msgspec.Struct, frozen=True):
    """Declare what is done at a path by a method.

    `handler` takes the context, a struct of the parameters and, if its signature names one, a
    body. An operation that is served elsewhere has no handler, and `returns` the type of its
    answer, None for text of `media`. `missing` is told where the path names nothing.
    `reads_views` waits for the views before. `also` gives other statuses with the same body and
    their meaning. A `free` operation needs no token. One that `takes` media types, each with its
    schema, is given an Upload as its body.
    """

    path: str
    summary: str
    handler: Handler | None = None
    returns: Any = None
    method: str = "GET"
    media: str = JSON
    missing: str = ""
    refusals: tuple[HTTPStatus, ...] = ()
    also: Mapping[int, str] = {}
    reads_views: bool = False
    free: bool = False
    takes: Mapping[str, Any] = {}

    @property
    def signature(self) -> Signature:
        """Read the types of the parameters, the body and the answer off the handler."""
        if self.handler is None:
            return Signature(self.returns)
        hints = get_type_hints(self.handler, include_extras=True)
        returns = hints.pop("return")
        _, *taken = hints.values()
        return Signature(returns, *(taken[:1] if self.takes else taken))

    @property
    def statuses(self) -> tuple[HTTPStatus, ...]:
        """List the refusals that may be answered."""
        strangers = () if self.free else STRANGERS
        unfit = UNFIT_BODIES if self.takes or self.signature.body is not None else ()
        missing = (HTTPStatus.NOT_FOUND,) if self.missing else ()
        late = (HTTPStatus.SERVICE_UNAVAILABLE,) if self.reads_views else ()
        return (*ALWAYS, *strangers, *unfit, *missing, *self.refusals, *late)


def routes(operations: Sequence[Operation], context: RequestContext, pool: Executor) -> list[Route]:
    """Serve operations; handlers run on threads of `pool`, off the event loop.

    Those of one path are one route, which knows all methods when another one is asked for.
    """
    by_path: dict[str, dict[str, Endpoint]] = {}
    for each in operations:
        by_path.setdefault(each.path, {})[each.method] = _endpoint(each, context, pool)
    return [Route(path, _any_of(ways), methods=list(ways)) for path, ways in by_path.items()]


def _any_of(ways: Mapping[str, Endpoint]) -> Endpoint:
    """Choose by a request's method; HEAD is GET without the body."""

    async def endpoint(request: Request) -> Response:
        return await ways["GET" if request.method == "HEAD" else request.method](request)

    return endpoint


def _endpoint(operation: Operation, context: RequestContext, pool: Executor) -> Endpoint:
    signature = operation.signature
    parameters = Parameters(signature.parameters, operation.path)

    def answer(*given: Any) -> Any:
        assert operation.handler is not None
        if operation.reads_views:
            context.catch_up()
        try:
            return operation.handler(context, *given)
        except STORE_ERRORS as error:
            raise context.unreadable() from error

    def uploaded(request: Request) -> AbstractAsyncContextManager[Upload]:
        settings = context.app.settings
        return upload_of(request, operation.takes, settings.data, limit=settings.import_limit)

    async def endpoint(request: Request) -> Response:
        loop = asyncio.get_running_loop()
        try:
            given: list[Any] = [parameters.read(request)]
            async with AsyncExitStack() as held:
                if operation.takes:
                    given.append(await held.enter_async_context(uploaded(request)))
                elif signature.body is not None:
                    given.append(await json_of(request, signature.body))
                return as_json(await loop.run_in_executor(pool, answer, *given))
        except NotFound as error:
            raise ApiError(HTTPStatus.NOT_FOUND, operation.missing) from error

    return endpoint


def without_parameters(endpoint: Endpoint) -> Endpoint:
    """Refuse every parameter before an endpoint that takes none."""
    none = Parameters(NoParameters, "")

    async def checked(request: Request) -> Response:
        none.read(request)
        return await endpoint(request)

    return checked


def as_json(value: object, status: int = HTTPStatus.OK) -> Response:
    """Answer with a value."""
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def document(settings: Settings, operations: Sequence[Operation]) -> dict[str, Any]:
    """Describe webhooks and operations as OpenAPI; no secret is named."""
    signatures = [each.signature for each in operations]
    told = [kind for each in signatures for kind in (each.returns, each.body) if kind is not None]
    types = [Problem, webhooks.Receipt, bounce_doors.Heard, *told]
    refs, schemas = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    bodies = dict(zip(map(repr, types), refs, strict=True))
    paths = webhooks.described(settings, bodies[repr(webhooks.Receipt)])
    paths |= bounce_doors.described(bodies[repr(bounce_doors.Heard)])
    for operation in operations:
        described = _described(operation, bodies, _tokens(operation, settings))
        paths.setdefault(operation.path, {}).update(described)
    scheme = {"type": "http", "scheme": "bearer"}
    tokens = {
        TOKEN: scheme | {"description": "COURSEBELL_ADMIN_TOKEN"},
        READ_TOKEN: scheme | {"description": "COURSEBELL_READ_TOKEN, which commands nothing"},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Coursebell", "version": __version__, "description": ABOUT},
        "servers": [{"url": settings.public_url or "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                **tokens,
                **webhooks.schemes(settings),
                **bounce_doors.SCHEMES,
            },
        },
    }


def _tokens(operation: Operation, settings: Settings) -> list[dict[str, list[str]]]:
    """List the tokens of which one is needed; commands are off where only reading has one."""
    if operation.free or not (settings.admin_token or settings.read_token):
        return [{}]
    reads = settings.read_token and operation.method == "GET"
    return [{TOKEN: []}, {READ_TOKEN: []}] if reads else [{TOKEN: []}]


def _described(
    operation: Operation, bodies: Mapping[str, Any], tokens: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    signature = operation.signature
    described: dict[str, Any] = {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "security": tokens,
        "responses": _responses(operation, bodies),
    }
    parameters = [_parameter(each) for each in Parameters(signature.parameters, operation.path)]
    if parameters:
        described["parameters"] = parameters
    taken = dict(operation.takes)
    if signature.body is not None:
        taken[JSON] = bodies[repr(signature.body)]
    if taken:
        content = {media: {"schema": schema} for media, schema in taken.items()}
        described["requestBody"] = {"required": True, "content": content}
    found = {operation.method.lower(): described}
    if operation.method == "GET":
        found["head"] = described | {
            "operationId": described["operationId"].replace("get_", "head_", 1),
            "summary": "The same without the body.",
        }
    return found


def _operation_id(operation: Operation) -> str:
    words = operation.path.removeprefix("/api/v1").strip("/").replace("/", "_")
    return f"{operation.method.lower()}_{words.replace('{', 'by_').replace('}', '').split('.')[0]}"


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _responses(operation: Operation, bodies: Mapping[str, Any]) -> dict[str, Any]:
    returns = operation.signature.returns
    schema = {"type": "string"} if returns is None else bodies[repr(returns)]
    content = {operation.media: {"schema": schema}}
    found = {"200": {"description": "The answer.", "content": content}}
    for status, about in operation.also.items():
        found[str(status)] = {"description": about, "content": content}
    for refused in operation.statuses:
        found.setdefault(str(refused.value), described_problem(refused))
    return found
