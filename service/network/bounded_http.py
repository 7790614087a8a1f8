"""Make HTTP requests over connections of our own: where to, for how long, how much is read."""

import io
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPResponse
from math import inf, isfinite
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from service.network.wire import BoundedReader, NoAddressAllowed, connected

RETRY_AFTER_MAX = 3600.0


@dataclass(kw_only=True)
class Bounds:
    """Hold what requests may do.

    `until`: a moment of `monotonic`, for all of them together. `answer_seconds` and
    `answer_bytes`: for a whole answer, as it comes. `refused`: a host has no address that is
    allowed.
    """

    until: float
    answer_seconds: float = inf
    answer_bytes: float = inf
    refused: bool = False

    def allows(self, address: str) -> bool:
        """Tell whether an IP address may be connected to."""
        return True


class _Answer(HTTPResponse):
    """Read an answer within its bounds, each piece within the time for one read."""

    def __init__(self, wire: socket.socket, *args: Any, bounds: Bounds, **options: Any) -> None:
        super().__init__(wire, *args, **options)
        self.fp.close()
        until = min(bounds.until, monotonic() + bounds.answer_seconds)
        pause = wire.gettimeout() or inf
        self.fp = io.BufferedReader(BoundedReader(wire, until, bounds.answer_bytes, pause=pause))


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
    def __init__(self, *args: Any, bounds: Bounds, **options: Any) -> None:
        super().__init__(*args, **options)
        self._bounds = bounds
        self.response_class = partial(_Answer, bounds=bounds)  # type: ignore[assignment]

    def _new_conn(self) -> socket.socket:
        """Connect to an address of the host that is allowed, or to the proxy."""
        if self.proxy:
            return super()._new_conn()
        bounds = self._bounds
        until = min(bounds.until, monotonic() + (self.timeout or 0.0))
        try:
            # Not `host`, from which urllib3 takes the dot at the end.
            host = self._dns_host.strip("[]")
            return connected(host, self.port, until=until, allowed=bounds.allows)
        except NoAddressAllowed:
            bounds.refused = True
            raise

    def connect(self) -> None:
        with _nothing_sent(self):
            super().connect()


class _Https(_Http, HTTPSConnection):
    """Secure what is connected to."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class BoundedAdapter(HTTPAdapter):
    """Connect by our own connections, also behind a proxy, which is the operator's."""

    def __init__(self, bounds: Bounds) -> None:
        self._pools: dict[str, Any] = {
            "http": partial(_HttpPool, bounds=bounds),
            "https": partial(_HttpsPool, bounds=bounds),
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def bounded_session(bounds: Bounds) -> requests.Session:
    """Make a session of `requests` whose connections keep to the bounds.

    It sends what stands in its headers alone: else a ~/.netrc would replace a token of ours.
    """
    session = requests.Session()
    session.auth = lambda request: request
    for scheme in ("http", "https"):
        session.mount(f"{scheme}://", BoundedAdapter(bounds))
    return session


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds an answer asks us to wait, at most an hour (RFC 9110 §10.2.3).

    `now` (aware) counts for a date where the answer has no Date of its own. Adobe writes 10.752.
    """
    asked = headers.get("Retry-After", "").strip()
    try:
        seconds = float(asked)
    except ValueError:
        until, since = _time(asked), _time(headers.get("Date", "")) or now
        seconds = (until - since).total_seconds() if until else -1.0
    return min(seconds, RETRY_AFTER_MAX) if isfinite(seconds) and seconds >= 0 else None


def _time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return time if time.tzinfo else None
