"""Problems: every refusal as RFC 9457 problem details."""

import logging
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROBLEM_JSON = "application/problem+json"
NOT_FOUND = "no such path; GET /api/v1/openapi.json describes all there are"
UNEXPECTED = "something went wrong here; the service's log says what"

log = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not answered: `detail` says what was expected and what to do next."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"


class Refused(Exception):
    """An answer other than the one asked for."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        """Header names are written with `_` for `-`."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        """This refusal as an answer."""
        problem = Problem(self.status.phrase, self.status, self.detail)
        return Response(
            msgspec.json.encode(problem), self.status, self.headers, media_type=PROBLEM_JSON
        )


def refused(_: Request, error: Exception) -> Response:
    """Answers a Refused."""
    assert isinstance(error, Refused)
    return error.response()


def of_starlette(request: Request, error: Exception) -> Response:
    """Answers what the router refuses: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    detail = NOT_FOUND
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = headers.get("Allow", "another method")
        detail = f"expected {allowed}, got another method"
    return Refused(status, detail, **headers).response()


def unexpected(_: Request, error: Exception) -> Response:
    """Answers for a mistake in the program without telling about it; `Reported` logs it."""
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED).response()


class Reported:
    """Logs what went wrong behind it, once, with its trace, and adds the headers of safe answers.

    Starlette answers first and then raises the error again for the server to log; here it ends.
    """

    HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.HEADERS]
            await send(message)

        try:
            await self._app(scope, receive, safely)
        except Exception:
            log.exception("%s %s failed", scope.get("method"), scope["path"])
