"""Make one HTTP request within a time and a size, and tell a failure from an answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

import requests

from service.network.bounded_http import Bounds, bounded_session

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


def exchange(request: Request) -> Answer:
    """Make a request and read its answer. Raises ApiTrouble."""
    until = monotonic() + WHOLE_SECONDS
    try:
        with answered(request, until) as response:
            return Answer(response.status_code, response.headers, _body(response))
    except requests.Timeout:
        trouble = ApiTrouble("no answer in time", "timeout")
    except (requests.RequestException, OSError) as error:
        trouble = ApiTrouble(f"not reached ({type(error).__name__})", "unreachable")
    if monotonic() >= until:
        trouble = ApiTrouble(f"no whole answer in {WHOLE_SECONDS:g} s", "timeout")
    raise trouble


@contextmanager
def answered(request: Request, until: float) -> Iterator[requests.Response]:
    """Give an answer whose body is yet to come, all of it until a moment of `monotonic`.

    No redirect is followed. A proxy and authorities named by the environment are used, as by
    every `requests` client.
    """
    with (
        bounded_session(Bounds(until=until)) as session,
        session.request(
            request.method,
            request.url,
            headers=dict(request.headers),
            data=request.body,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as response,
    ):
        yield response


def _body(response: requests.Response) -> bytes:
    read = bytearray()
    for piece in response.iter_content(PIECE_BYTES):
        read += piece
        if len(read) > ANSWER_BYTES:
            raise ApiTrouble(f"an answer has more than {ANSWER_BYTES:,} bytes", "malformed")
    return bytes(read)
