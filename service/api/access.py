"""Decide who may use the API."""

from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.framework.problems import ApiError
from service.incoming.verifiers import BearerToken
from service.learners.signed_links import PATH
from service.settings import Settings

FREE = frozenset({"/healthz", "/readyz"})
"""What anybody may ask: it says nothing about anyone."""

FREE_BELOW = PATH
"""The pages whose address is itself what lets one in."""

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD"})

Headers = list[tuple[bytes, bytes]]


def refusal(settings: Settings) -> str | None:
    """Say why the service may not start with these settings; None when it may."""
    if settings.public_url and not settings.admin_token:
        return (
            "COURSEBELL_ADMIN_TOKEN: expected a token because COURSEBELL_PUBLIC_URL is set, got "
            "none; make one with `openssl rand -hex 32`"
        )
    return None


class Access:
    """Admit who shows the token; without one, who sits at this machine and behind no proxy."""

    def __init__(self, settings: Settings) -> None:
        token = settings.admin_token
        self._bearer = BearerToken(token) if token else None

    def check(self, scope: Scope) -> None:
        """Raise ApiError for a stranger."""
        headers: Headers = scope["headers"]
        if self._bearer is None:
            _check_local(scope, headers)
        elif not self._bearer.verify(dict(headers), b"", 0):
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "expected Authorization: Bearer and the value of COURSEBELL_ADMIN_TOKEN, "
                "got none or another",
                WWW_Authenticate=self._bearer.challenge,
            )

    def admits(self, scope: Scope) -> bool:
        """Say whether this is no stranger."""
        try:
            self.check(scope)
        except ApiError:
            return False
        return True


class AccessControl:
    """Let nobody but the admitted reach the application."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 401 or 403."""
        if scope["type"] == "http" and not is_free(scope["path"]):
            try:
                self._access.check(scope)
            except ApiError as error:
                await error.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_free(path: str) -> bool:
    """Say whether anybody may ask for a path."""
    return path in FREE or path.startswith(FREE_BELOW)


def _check_local(scope: Scope, headers: Headers) -> None:
    reason = _why_not_local(scope, headers)
    if reason is not None:
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            f"without COURSEBELL_ADMIN_TOKEN the API answers on this machine only: {reason}; "
            "set a token and send it as Authorization: Bearer",
        )


def _why_not_local(scope: Scope, headers: Headers) -> str | None:
    peer = scope.get("client")
    if peer is None or not _is_loopback(peer[0]):
        return "expected a request from it, got one from elsewhere"
    hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if len(hosts) != 1 or _hostname(hosts[0]) not in LOCAL_NAMES:
        return "expected Host localhost, 127.0.0.1 or [::1], got another"
    if any(_is_of_a_proxy(name) for name, _ in headers):
        return "expected no Forwarded, X-Forwarded-* or Via header, got one"
    if scope["method"] not in SAFE_METHODS and _is_of_another_page(dict(headers), hosts[0]):
        return "expected no Origin but its own, got the page of another site"
    return None


def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _hostname(host: str) -> str | None:
    """Read the name in a Host header, without port or brackets; None when it is not one."""
    if any(c in host for c in "@/?#\\") or host != host.strip():
        return None
    try:
        split = urlsplit(f"//{host}")
        return split.hostname if split.port is None or split.port > 0 else None
    except ValueError:
        return None


def _is_of_a_proxy(name: bytes) -> bool:
    return name in (b"forwarded", b"via") or name.startswith(b"x-forwarded-")


def _is_of_another_page(headers: Mapping[bytes, bytes], host: str) -> bool:
    """Say whether a browser tells that a page of another site made it send this.

    Such a page reaches localhost from the person's own machine, so nothing else gives it away.
    """
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin.decode("latin-1")).netloc != host
