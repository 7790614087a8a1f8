"""Serve HTTP: webhooks go straight to the intake, everything else past the access check."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.access import Access, AccessControl
from service.api.framework.operations import document, routes
from service.api.framework.problems import (
    ApiError,
    ErrorLog,
    of_api_error,
    of_starlette,
    unexpected,
)
from service.api.request_context import RequestContext
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
from service.api.system.endpoints import SystemEndpoints
from service.api.watch_page import watch_route
from service.api.webhooks import authenticators
from service.app.app import App
from service.incoming.group_commit import GroupCommit
from service.incoming.verifiers import own_names
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


class AsgiApplication:
    """Serve everything that one service answers over HTTP; `clock` gives the time in ms UTC."""

    def __init__(
        self, app: App, service: Service | None, group_commit: GroupCommit, clock: Callable[[], int]
    ) -> None:
        context = RequestContext(app, service, clock)
        self._codes: Counter[int] = Counter()
        self._pool = ThreadPoolExecutor(THREADS, "api")
        settings = app.settings
        self._webhooks = WebhookEndpoint(
            authenticators(settings),
            group_commit,
            clock,
            limit_bytes=settings.letter_limit,
            is_own_name=own_names(settings.host, settings.public_url),
        )
        access = Access(settings)
        description = document(settings, (*OPERATIONS, *endpoints.OPERATIONS))
        self._system = SystemEndpoints(context, access, codes=self._codes, description=description)
        self._api = ErrorLog(AccessControl(self._routed(context), access))

    def _routed(self, context: RequestContext) -> ASGIApp:
        answered = routes(OPERATIONS, context, self._pool)
        app = Starlette(
            routes=[*answered, *self._system.routes(), watch_route(context, self._pool)],
            exception_handlers={
                ApiError: of_api_error,
                HTTPException: of_starlette,
                Exception: unexpected,
            },
        )
        app.router.redirect_slashes = False
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._api(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._codes[message["status"]] += 1
            await send(message)

        await self._webhooks(scope, receive, counted)

    def close(self) -> None:
        """End the threads, once the answers in hand are made."""
        self._pool.shutdown(cancel_futures=True)
        self._system.close()
