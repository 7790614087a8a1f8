"""Make one HTTP request within a time and a size, and tell a failure from an answer."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
"""Between two pieces of an answer."""
WHOLE_SECONDS = 45.0
ANSWER_BYTES = 8 * 1024 * 1024
PIECE_BYTES = 16_384


class ApiTrouble(Exception):
    """Say why the API cannot be asked just now and what to do; no secret is in it.

    `outcome` is its word in the metrics, `wait` the seconds that Adobe asked for.
    """

    def __init__(self, words: str, outcome: str, wait: float | None = None) -> None:
        super().__init__(words)
        self.outcome = outcome
        self.wait = wait


class Request(NamedTuple):
    """Hold a request to be made."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def path(self) -> str:
        """Give the path of its address, which is no secret."""
        return urlsplit(self.url).path


class Answer(NamedTuple):
    """Hold an answer: status, headers (in any case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _OwnHeader(AuthBase):
    """Send our own Authorization header or none: otherwise a ~/.netrc would replace it."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _UnderWay(threading.local):
    """Hold handles of the connections that this thread's request has made."""

    handles: list[socket.socket]


_under_way = _UnderWay()


class _Cuttable(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        wire = super()._new_conn()
        _under_way.handles.append(wire.dup())  # TLS takes the wire over, and so does an answer
        return wire


class _CuttableTls(_Cuttable, HTTPSConnection):
    """Secure what is connected to."""


class _CuttablePool(HTTPConnectionPool):
    ConnectionCls = _Cuttable


class _CuttableTlsPool(HTTPSConnectionPool):
    ConnectionCls = _CuttableTls


class _CuttableAdapter(HTTPAdapter):
    """Connect by our own connections, also behind a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager


POOLS = {"http": _CuttablePool, "https": _CuttableTlsPool}


def exchange(request: Request) -> Answer:
    """Make a request and read its answer; no redirect is followed. Raises ApiTrouble.

    A proxy and authorities named by the environment are used, as by every `requests` client.
    """
    too_long = ApiTrouble(f"no whole answer in {WHOLE_SECONDS:g} s", "timeout")
    with whole_time(WHOLE_SECONDS) as is_over:
        try:
            answer = _answer(request)
        except requests.Timeout:
            raise ApiTrouble("no answer in time", "timeout") from None
        except (requests.RequestException, OSError) as error:
            if is_over():
                raise too_long from None
            raise ApiTrouble(f"not reached ({type(error).__name__})", "unreachable") from None
        if is_over():
            raise too_long
        return answer


@contextmanager
def whole_time(seconds: float) -> Iterator[Callable[[], bool]]:
    """Cut what takes too long as a whole: who sends a byte now and then keeps each read's time.

    It holds for what is asked by a `cuttable_session`; what is given tells whether it was cut.
    """
    over, handles = threading.Event(), list[socket.socket]()
    _under_way.handles = handles

    def cut() -> None:
        over.set()
        for handle in handles:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield over.is_set
    finally:
        timer.cancel()
        for handle in handles:
            handle.close()


def cuttable_session() -> requests.Session:
    """Make a session whose connections `whole_time` may cut."""
    session = requests.Session()
    for scheme in POOLS:
        session.mount(f"{scheme}://", _CuttableAdapter())
    return session


def _answer(request: Request) -> Answer:
    with cuttable_session() as session:
        response = session.request(
            request.method,
            request.url,
            headers=dict(request.headers),
            data=request.body,
            auth=_OwnHeader(),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,
        )
        with closing(response):
            return Answer(response.status_code, response.headers, _body(response))


def _body(response: requests.Response) -> bytes:
    read = bytearray()
    for piece in response.iter_content(PIECE_BYTES):
        read += piece
        if len(read) > ANSWER_BYTES:
            raise ApiTrouble(f"an answer has more than {ANSWER_BYTES:,} bytes", "malformed")
    return bytes(read)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read for how many seconds an answer asks us to wait: Adobe writes 10.752 (RFC 9110 §10.2.3).

    `now` (aware) counts for a date where the answer has no Date of its own.
    """
    asked = headers.get("Retry-After", "").strip()
    try:
        seconds = float(asked)
    except ValueError:
        until, since = _time(asked), _time(headers.get("Date", "")) or now
        seconds = (until - since).total_seconds() if until else -1.0
    return seconds if isfinite(seconds) and seconds >= 0 else None


def _time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return time if time.tzinfo else None
