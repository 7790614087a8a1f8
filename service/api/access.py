"""Decide who may use the API, and who may only read."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.framework.problems import ApiError
from service.app.queues import fed_by_queues
from service.incoming.http_protocol import peer_of, prove
from service.incoming.repeats import Repeats
from service.incoming.verifiers import (
    LOCAL_NAMES,
    BearerToken,
    HeaderLines,
    hostname,
    is_loopback,
    is_of_another_page,
    values,
)
from service.incoming.webhook import BOUNCES
from service.learners.signed_links import ChoiceLinks, WatchLinks
from service.settings import Settings

FREE = frozenset({"/healthz", "/readyz"})
"""What anybody may ask: it says nothing about anyone."""

FREE_BELOW = (WatchLinks.PATH, ChoiceLinks.PATH, BOUNCES)
"""The pages whose address is itself what lets one in, and doors that ask by themselves."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
OFF = (
    "the API is off: sources have credentials or a queue is set, so others may reach this service "
    "through a proxy; expected COURSEBELL_ADMIN_TOKEN to be set, got none; make one with "
    "`openssl rand -hex 32` and send it as Authorization: Bearer"
)
READ_ONLY = (
    "COURSEBELL_READ_TOKEN reads and commands nothing: expected the value of "
    "COURSEBELL_ADMIN_TOKEN, got the other"
)

log = logging.getLogger(__name__)


def refusal(settings: Settings) -> str | None:
    """Say why the service may not start with these settings; None when it may."""
    if settings.public_url and not (settings.admin_token or settings.read_token):
        return (
            "COURSEBELL_ADMIN_TOKEN: expected a token because COURSEBELL_PUBLIC_URL is set, got "
            "none; make one with `openssl rand -hex 32`"
        )
    return None


def is_in_use(settings: Settings) -> bool:
    """Tell whether this is no trial any more: a source has credentials, or a queue is set.

    A proxy may stand in front then, and nothing in a request tells for sure whom it is from:
    nginx's `proxy_pass` alone sends Host: 127.0.0.1 and no word of the sender.
    """
    sources = settings.sources.values()
    told = fed_by_queues(settings) or settings.bounces.are_reported
    return bool(told) or any(each.has_credentials for each in sources)


def api_in_words(settings: Settings) -> str:
    """Say who may use the API."""
    if settings.admin_token:
        reading = ", or to read COURSEBELL_READ_TOKEN" if settings.read_token else ""
        return f"for who shows COURSEBELL_ADMIN_TOKEN{reading}"
    if settings.read_token:
        return (
            "to read, for who shows COURSEBELL_READ_TOKEN; commands are off without "
            "COURSEBELL_ADMIN_TOKEN"
        )
    if is_in_use(settings):
        return "off, /metrics too; set COURSEBELL_ADMIN_TOKEN to use it"
    return "open to this machine, through no proxy"


class Access:
    """Admit who shows a token; without one, in a trial, who sits at this machine itself."""

    def __init__(self, settings: Settings) -> None:
        self._admin = BearerToken(settings.admin_token or "")
        self._reader = BearerToken(*settings.read_token)
        self._has_token = bool(settings.admin_token or settings.read_token)
        self._is_in_use = is_in_use(settings)

    def check(self, scope: Scope) -> None:
        """Raise ApiError for a stranger, and for who may read and would do more."""
        if self._has_token:
            self._check_token(scope)
        elif self._is_in_use:
            raise ApiError(HTTPStatus.FORBIDDEN, OFF)
        else:
            _check_local(scope, scope["headers"])

    def _check_token(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        commands = self._admin.verify(headers, b"", 0)
        reads = self._reader.verify(headers, b"", 0)
        if not (commands or reads):
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "expected Authorization: Bearer and the value of COURSEBELL_ADMIN_TOKEN, or to "
                "read COURSEBELL_READ_TOKEN, got none or another",
                WWW_Authenticate=BearerToken.challenge,
            )
        if not commands and scope["method"] not in SAFE_METHODS:
            raise ApiError(HTTPStatus.FORBIDDEN, READ_ONLY)

    def admits(self, scope: Scope) -> bool:
        """Say whether this is no stranger."""
        try:
            self.check(scope)
        except ApiError:
            return False
        return True


class AccessControl:
    """Let nobody but the admitted reach the application."""

    def __init__(self, app: ASGIApp, access: Access, clock: Callable[[], int]) -> None:
        """Take what gives the time in ms."""
        self._app = app
        self._access = access
        self._clock = clock
        self._refused = Repeats()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 401 or 403."""
        if scope["type"] == "http" and not is_free(scope["path"]):
            try:
                self._access.check(scope)
            except ApiError as error:
                self._tell_of_stranger(scope, error)
                await error.response()(scope, receive, send)
                return
            prove(scope)
        await self._app(scope, receive, send)

    def _tell_of_stranger(self, scope: Scope, error: ApiError) -> None:
        peer, status = peer_of(scope), int(error.status)
        if count := self._refused.count((peer, status), self._clock()):
            about = {"event": "api.refused", "peer": peer, "code": status, "count": count}
            log.warning("%s", error.detail, extra=about)


def is_free(path: str) -> bool:
    """Say whether anybody may ask for a path."""
    return path in FREE or path.startswith(FREE_BELOW)


def _check_local(scope: Scope, headers: HeaderLines) -> None:
    reason = _why_not_local(scope, headers)
    if reason is not None:
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            f"without COURSEBELL_ADMIN_TOKEN the API answers on this machine only: {reason}; "
            "set a token and send it as Authorization: Bearer",
        )


def _why_not_local(scope: Scope, headers: HeaderLines) -> str | None:
    peer = scope.get("client")
    if peer is None or not is_loopback(peer[0]):
        return "expected a request from it, got one from elsewhere"
    hosts = values(headers, b"host")
    if len(hosts) != 1 or hostname(hosts[0]) not in LOCAL_NAMES:
        return "expected Host localhost, 127.0.0.1 or [::1], got another"
    if any(_is_of_a_proxy(name) for name, _ in headers):
        return "expected no Forwarded, X-Forwarded-* or Via header, got one"
    if scope["method"] not in SAFE_METHODS and is_of_another_page(
        headers, LOCAL_NAMES.__contains__
    ):
        return "expected no Origin but its own, got the page of another site"
    return None


def _is_of_a_proxy(name: bytes) -> bool:
    return name in (b"forwarded", b"via") or name.startswith(b"x-forwarded-")
