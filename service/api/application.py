"""Serve HTTP: webhooks go straight to their endpoint, all else past the access check."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from service.api.access import Access, AccessControl
from service.api.bounce_doors import BounceEndpoint
from service.api.framework.operations import document, routes
from service.api.framework.problems import (
    ApiError,
    ErrorLog,
    of_api_error,
    of_starlette,
    unexpected,
)
from service.api.pages.choices_page import choices_route
from service.api.pages.watch_page import watch_route
from service.api.request_context import RequestContext
from service.api.resources import (
    choices,
    enrollments,
    explain,
    feeds,
    imports,
    instances,
    letters,
    notifications,
    watchers,
)
from service.api.system import endpoints
from service.api.system.endpoints import SystemEndpoints
from service.api.webhooks import authenticators
from service.app.app import App
from service.incoming.group_commit import GroupCommit
from service.incoming.verifiers import own_names
from service.incoming.webhook import WebhookEndpoint
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
    *imports.OPERATIONS,
    *choices.OPERATIONS,
)


class AsgiApplication(WebhookEndpoint):
    """Serve everything that one service answers over HTTP; `clock` gives the time in ms UTC."""

    def __init__(
        self,
        app: App,
        service: Service | None,
        group_commit: GroupCommit,
        clock: Callable[[], int],
        *,
        moments: Callable[[], Sequence[int]] | None = None,
    ) -> None:
        """Take also which `moments` it may be while the clock is in doubt."""
        settings = app.settings
        super().__init__(
            authenticators(settings),
            group_commit,
            clock,
            moments=moments,
            limit_bytes=settings.letter_limit,
            is_own_name=own_names(settings.host, settings.public_url),
        )
        context, access = RequestContext(app, service, clock), Access(settings)
        self._pool = ThreadPoolExecutor(THREADS, "api")
        description = document(settings, (*OPERATIONS, *endpoints.OPERATIONS))
        self._system = SystemEndpoints(context, access, self.answers, description)
        self.otherwise = ErrorLog(AccessControl(self._routed(context), access, clock))

    def _routed(self, context: RequestContext) -> ASGIApp:
        answered = routes(OPERATIONS, context, self._pool)
        app = Starlette(
            routes=[*answered, *self._system.routes(), *self._pages(context)],
            exception_handlers={
                ApiError: of_api_error,
                HTTPException: of_starlette,
                Exception: unexpected,
            },
        )
        app.router.redirect_slashes = False
        return app

    def _pages(self, context: RequestContext) -> list[Route]:
        bounces = BounceEndpoint(context, self._pool, self.answers).route
        return [watch_route(context, self._pool), choices_route(context, self._pool), bounces]

    def close(self) -> None:
        """End the threads, once the answers in hand are made."""
        self._pool.shutdown(cancel_futures=True)
        self._system.close()
