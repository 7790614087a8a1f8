"""The site: webhooks go straight to the door, everything else to the API."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.api.doors import doorkeepers
from service.app import App
from service.incoming.door import PREFIX, Door
from service.incoming.postbox import Postbox
from service.running import Service


class Site:
    """The ASGI application of one service."""

    def __init__(
        self, app: App, service: Service | None, postbox: Postbox, clock: Callable[[], int]
    ) -> None:
        self._door = Door(
            doorkeepers(app.settings), postbox, clock, limit_bytes=app.settings.letter_limit
        )

        async def letter(request: Request) -> Response:
            found = app.letters.show(int(request.path_params["n"]))
            return JSONResponse(found, status_code=200 if found else 404)

        self._api = Starlette(routes=[Route("/api/v1/letters/{n:int}", letter)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._door(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    def close(self) -> None:
        """Ends the threads; requests in hand are finished."""


def web(app: App, service: Service | None, postbox: Postbox, clock: Callable[[], int]) -> Site:
    """Everything this service answers over HTTP; `clock` gives the time in ms."""
    return Site(app, service, postbox, clock)
