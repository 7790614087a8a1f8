"""Watch the HTTP requests of a call: where they may lead, how long and large an answer may be."""

import io
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPResponse
from math import isfinite
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
)
from urllib3.util import parse_url

from service.sending.channels.private_networks import Network, is_reachable, reaches_none
from service.sending.channels.wire import BoundedReader, NoAddressAllowed, connected, tell_listener

ANSWER_BYTES = 1_048_576
"""What is read of an answer; what a service says of a post is a few hundred bytes."""
RETRY_AFTER_MAX = 3600.0
SHOWN_OF_ANSWER = 500
SECRET_LENGTH = 6

Exchange = requests.Response | requests.RequestException


@dataclass
class Call:
    """Hold what the requests made for one message may do, and what came of each.

    `until`: a moment of `monotonic`, for all of them together. `refused`: one led to a private
    network that is not among `private_networks`.
    """

    until: float
    private_networks: Sequence[Network]
    exchanges: list[Exchange] = field(default_factory=list)
    refused: bool = False


# A call reaches the thread apprise sends from: it copies the caller's context.
_call: ContextVar[Call] = ContextVar("call")
_send = requests.Session.send


@contextmanager
def watching(call: Call) -> Iterator[None]:
    """Hold all HTTP requests made here to what the call allows; no redirect is followed."""
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)


def _watched_send(
    session: requests.Session, request: requests.PreparedRequest, **options: Any
) -> requests.Response:
    call = _call.get(None)
    if call is None:
        return _send(session, request, **options)
    try:
        response = _exchanged(call, request, options)
    except requests.RequestException as error:
        call.exchanges.append(error)
        raise
    call.exchanges.append(response)
    tell_listener(_without_secrets(response))
    return response


def _without_secrets(response: requests.Response) -> str:
    """Say what was answered, without what is long in the URL: services quote it now and then."""
    words = f"< {response.status_code} {response.reason}: {response.text[:SHOWN_OF_ANSWER]}"
    for part in re.split(r"[/?&=:@]", str(response.url)):
        words = words.replace(part, "…") if len(part) >= SECRET_LENGTH else words
    return words


requests.Session.send = _watched_send  # type: ignore[method-assign, assignment]


def _exchanged(
    call: Call, request: requests.PreparedRequest, options: dict[str, Any]
) -> requests.Response:
    """Send one request and read its answer. Raises RequestException.

    A session would follow redirects, and read the body of one without a limit.
    """
    behind_proxy = select_proxy(str(request.url), options["proxies"])
    if behind_proxy and reaches_none(parse_url(str(request.url)).host or "", call.private_networks):
        call.refused = True
        raise requests.ConnectTimeout("not connected: a private address")
    how: Any = {name: options.get(name) for name in ("timeout", "verify", "cert", "proxies")}
    with closing(_Adapter()) as adapter:
        response = adapter.send(request, stream=True, **how)
        response.raw = io.BytesIO(_body(response.raw))
    return response


def _body(answer: Any) -> bytes:
    """Read a body as far as it comes in time and is not too long: the answer is its head."""
    read = bytearray()
    with closing(answer), suppress(HTTPError):
        for piece in answer.stream(8_192, decode_content=True):
            read += piece
            if len(read) >= ANSWER_BYTES:
                break
    return bytes(read[:ANSWER_BYTES])


class _Answer(HTTPResponse):
    """Read an answer, from its first byte to its last, within the time for one read."""

    def __init__(self, wire: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(wire, *args, **options)
        self.fp.close()
        until = min(_call.get().until, monotonic() + (wire.gettimeout() or 0.0))
        self.fp = io.BufferedReader(BoundedReader(wire, until, ANSWER_BYTES))


def _reached(connection: HTTPConnection) -> socket.socket:
    """Connect to an address of the host that the call allows."""
    call = _call.get()
    until = min(call.until, monotonic() + (connection.timeout or 0.0))
    allowed = partial(is_reachable, private_networks=call.private_networks)
    try:
        # Not `host`, from which urllib3 takes the dot at the end.
        return connected(
            connection._dns_host.strip("[]"), connection.port, until=until, allowed=allowed
        )
    except NoAddressAllowed:
        call.refused = True
        raise


@contextmanager
def _nothing_sent(connection: HTTPConnection) -> Iterator[None]:
    """Raise what fails before a request is sent as urllib3's errors of connecting."""
    try:
        yield
    except ssl.SSLError:
        raise
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "it took too long") from error
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, f"not connected: {error}") from error


class _Http(HTTPConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        return super()._new_conn() if self.proxy else _reached(self)

    def connect(self) -> None:
        with _nothing_sent(self):
            super().connect()


class _Https(_Http, HTTPSConnection):
    """Secure what is connected to."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


POOLS = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    """Connect by our own connections, also behind a proxy, which is the operator's."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager


def never_left(error: requests.RequestException) -> bool:
    """Tell whether a request failed before anything of it could be sent."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def retry_after(response: requests.Response, now: datetime) -> float | None:
    """Return the seconds a service asked us to wait, at most an hour (RFC 9110 §10.2.3).

    `now` (aware) counts for a date when the response has no Date of its own.
    """
    asked = response.headers.get("Retry-After", "").strip()
    seconds = _seconds(asked)
    if seconds is None:
        until, since = _time(asked), _time(response.headers.get("Date", "")) or now
        seconds = (until - since).total_seconds() if until else None
    return min(seconds, RETRY_AFTER_MAX) if seconds is not None and seconds >= 0 else None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if isfinite(seconds) else None


def _time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return time if time.tzinfo else None
