"""Refuse requests: every refusal is RFC 9457 problem details."""

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROBLEM_JSON = "application/problem+json"
NO_PATH = "no such path; GET /api/v1/openapi.json describes all there are"
UNEXPECTED = "something went wrong here; the service's log says what"
SAFE_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
HEADERS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "How to show who you are, where there is a way."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "Seconds after which to ask again."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow", "The methods that work."),
}
"""Headers that refusals of a status bring, and their meaning."""

log = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not answered: `detail` says what was expected and what to do next."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"


class ApiError(Exception):
    """End a request with an answer other than the one asked for."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        """Take header names with `_` for `-`."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        """Make the answer."""
        problem = Problem(self.status.phrase, self.status, self.detail)
        return Response(
            msgspec.json.encode(problem), self.status, self.headers, media_type=PROBLEM_JSON
        )


class NotFound(Exception):
    """End a request whose path names nothing; its operation knows the words for the 404."""


def of_api_error(_: Request, error: Exception) -> Response:
    """Answer an ApiError."""
    assert isinstance(error, ApiError)
    return error.response()


def of_starlette(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    detail = NO_PATH
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = headers.get("Allow", "another method")
        detail = f"expected {allowed}, got another method"
    return ApiError(status, detail, **headers).response()


def unexpected(_: Request, error: Exception) -> Response:
    """Answer for a mistake in the program and give no details; the log has the trace."""
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED).response()


class ErrorLog:
    """Log each failure of the application once, with its trace; add the headers of safe answers.

    Starlette answers first and then raises the error again for the server to log; here it ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SAFE_HEADERS]
            await send(message)

        try:
            await self._app(scope, receive, safely)
        except Exception:
            about = {"event": "api.failed", "method": scope.get("method"), "path": _pattern(scope)}
            log.exception("a request failed and was answered 500", extra=about)


def _pattern(scope: Scope) -> str:
    """Give the path with names for its parameters, which may be an id of a person or a token."""
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    return "/".join(names.get(part, part) for part in scope["path"].split("/"))


def described_problem(status: HTTPStatus) -> dict[str, Any]:
    """Describe a refusal as an OpenAPI response."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    found: dict[str, Any] = {
        "description": status.phrase,
        "content": {PROBLEM_JSON: {"schema": schema}},
    }
    if status in HEADERS:
        name, about = HEADERS[status]
        found["headers"] = {name: {"description": about, "schema": {"type": "string"}}}
    return found
