"""The site: webhooks go straight to the door, everything else past the guard to the API."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.access import Access, Guarded
from service.api.context import Desk
from service.api.framework.openapi import document
from service.api.framework.operations import routes
from service.api.framework.problems import Refused, Reported, of_starlette, refused, unexpected
from service.api.resources import (
    enrollments,
    explain,
    feeds,
    instances,
    letters,
    notifications,
    watchers,
)
from service.api.system import endpoints
from service.api.system.endpoints import System
from service.api.watch_page import watch_route
from service.api.webhook_auth import doorkeepers
from service.app.app import App
from service.incoming.group_commit import GroupCommit
from service.incoming.webhook import PREFIX, WebhookEndpoint
from service.running import Service

THREADS = 8
"""How many lists are made at once; each keeps a connection to the ledger and one to the views."""

OPERATIONS = (
    *letters.OPERATIONS,
    *feeds.OPERATIONS,
    *enrollments.OPERATIONS,
    *instances.OPERATIONS,
    *watchers.OPERATIONS,
    *notifications.OPERATIONS,
    *explain.OPERATIONS,
)


class Site:
    """The ASGI application of one service."""

    def __init__(self, desk: Desk, group_commit: GroupCommit) -> None:
        self._codes: Counter[int] = Counter()
        self._pool = ThreadPoolExecutor(THREADS, "api")
        settings = desk.app.settings
        self._door = WebhookEndpoint(
            doorkeepers(settings), group_commit, desk.clock, limit_bytes=settings.letter_limit
        )
        access = Access(settings)
        description = document(settings, (*OPERATIONS, *endpoints.OPERATIONS))
        self._system = System(desk, access, self._codes, description)
        self._api = Reported(Guarded(self._routed(desk), access))

    def _routed(self, desk: Desk) -> ASGIApp:
        answered = routes(OPERATIONS, desk, self._pool)
        app = Starlette(
            routes=[*answered, *self._system.routes(), watch_route(desk, self._pool)],
            exception_handlers={
                Refused: refused,
                HTTPException: of_starlette,
                Exception: unexpected,
            },
        )
        app.router.redirect_slashes = False
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._api(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._codes[message["status"]] += 1
            await send(message)

        await self._door(scope, receive, counted)

    def close(self) -> None:
        """Ends the threads, once the answers in hand are made."""
        self._pool.shutdown(cancel_futures=True)
        self._system.close()


def web(
    app: App, service: Service | None, group_commit: GroupCommit, clock: Callable[[], int]
) -> Site:
    """Everything this service answers over HTTP; `clock` gives the time in ms UTC."""
    return Site(Desk(app, service, clock), group_commit)
