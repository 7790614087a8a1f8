"""Watch the HTTP requests of a call, hold them to its bounds, and judge what came of them."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from http.client import responses
from typing import Any

import requests
from apprise import AppriseResult
from apprise.result import AppriseResultStatus
from requests.utils import select_proxy
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError
from urllib3.util import parse_url

from service.learners.feed_subjects import PRIVATE
from service.network.bounded_http import BoundedAdapter, Bounds, retry_after
from service.network.wire import tell_listener
from service.sending.channels.channel import Kind, SendResult
from service.sending.channels.private_networks import HINT, Network, is_reachable, reaches_none

ANSWER_BYTES = 1_048_576
"""What is read of an answer; what a service says of a post is a few hundred bytes."""
SHOWN_OF_ANSWER = 500
SECRET_LENGTH = 6

Exchange = requests.Response | requests.RequestException


@dataclass(kw_only=True)
class Call(Bounds):
    """Hold what the requests made for one message may do, and what came of each.

    `refused`: one led to a private network that is not among `private_networks`.
    """

    answer_bytes: float = ANSWER_BYTES
    private_networks: Sequence[Network]
    exchanges: list[Exchange] = field(default_factory=list)

    def allows(self, address: str) -> bool:
        """Tell whether chat may connect to an IP address."""
        return is_reachable(address, self.private_networks)


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
    with closing(BoundedAdapter(call)) as adapter:
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


def outcome_of(call: Call, result: AppriseResult, sent_at: datetime) -> SendResult:
    """Judge a call by the last answer, where apprise has not: it says only yes or no."""
    if call.refused:
        text = f"not connected: the host has a private address; {HINT}"
        return SendResult("transient", text=text, about_channel=True, where=PRIVATE)
    exchanges = call.exchanges
    if result.status == AppriseResultStatus.TIMEOUT:
        return SendResult("unknown", text="no answer in time")
    if not exchanges and not result:
        return SendResult("transient", text="nothing could be sent")
    last = exchanges[-1] if exchanges else None
    if isinstance(last, requests.RequestException):
        kind: Kind = "transient" if _never_left(last) else "unknown"
        return SendResult(kind, text=f"no answer: {type(last).__name__}")
    code = last.status_code if last is not None else None
    if result:
        return SendResult("accepted", code)
    return _refusal(last, sent_at) if last is not None else SendResult("unknown", code)


def _refusal(response: requests.Response, sent_at: datetime) -> SendResult:
    """Judge an answer that apprise did not count as success. Its body might quote the URL."""
    code = response.status_code
    text = f"HTTP {code} {responses.get(code, '')}".strip()
    if code in (408, 425, 429) or code >= 500:
        return SendResult(
            "transient",
            code,
            text=text,
            retry_after=retry_after(response.headers, sent_at),
        )
    if code >= 300:
        return SendResult("permanent", code, text=text)
    text += ", but the service did not say it was posted"
    return SendResult("unknown", code, text=text)


def _never_left(error: requests.RequestException) -> bool:
    """Tell whether a request failed before anything of it could be sent."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
