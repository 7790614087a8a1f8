"""Keep what `POST /webhooks/{source}` brings, and answer 202 once it is on disk."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from service.incoming.group_commit import GroupCommit, StoreBusy, StoreFailed
from service.incoming.http_protocol import peer_of, prove
from service.incoming.letter import Arrival
from service.incoming.repeats import Repeats
from service.incoming.verifiers import (
    LOCAL_NAMES,
    Authenticator,
    HeaderLines,
    IsOwnName,
    is_of_another_page,
)

PREFIX = "/webhooks/"
BOUNCES = "/webhooks/bounces/"
"""Doors beside those of sources: what comes there is no letter."""
LIMIT_BYTES = 1024 * 1024
SHARE_BYTES = 64 * 1024 * 1024
RECEIVE_SECONDS = 10.0
LONGEST_HEADER = 200
KEPT_HEADERS = (
    b"content-type",
    b"traceparent",
    b"user-agent",
    b"webhook-id",
    b"webhook-timestamp",
    b"x-request-id",
)
"""What may be stored of a request's head: nothing that proves who the sender is."""

JSON_TYPES = (b"application/json", b"text/json", b"")
CLOSE = (b"connection", b"close")

log = logging.getLogger(__name__)


class WebhookRefusal(Exception):
    """Answer other than 202; `detail` is for the person who set up the sender."""

    def __init__(self, status: HTTPStatus, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class SenderGone(Exception):
    """Say that the sender hung up before the body was complete: nobody is to be answered."""


class BodyUnderWay:
    """Hold what has come of a body, and the task that receives it."""

    __slots__ = ("_task", "content", "why")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self.content = bytearray()
        self.why: WebhookRefusal | None = None

    def end(self, why: WebhookRefusal) -> None:
        """Let the task raise `why` instead of receiving on."""
        if self.why is None and self._task is not None:
            self.why = why
            self._task.cancel()

    def is_ended(self) -> bool:
        """Tell whether `end` alone has cancelled the task, and take that back."""
        return self.why is not None and self._task is not None and not self._task.uncancel()


class Bodies:
    """Receive bodies; when they are too many together, the one under way for longest makes room.

    Whoever sends in one go is never that one, however many hold back the end of theirs.
    """

    def __init__(self, limit_bytes: int, share_bytes: int, seconds: float) -> None:
        """Allow one body `limit_bytes` and `seconds`, and all together `share_bytes`."""
        self._limit_bytes = limit_bytes
        self._share_bytes = share_bytes
        self._seconds = seconds
        self._received = 0
        self._under_way: dict[BodyUnderWay, None] = {}

    async def receive(self, receive: Receive) -> bytes:
        """Give a whole body; raise WebhookRefusal or SenderGone.

        asyncio.timeout would cost a third of the door's speed (measured).
        """
        body = BodyUnderWay()
        late = asyncio.get_running_loop().call_later(self._seconds, self._end, body)
        self._under_way[body] = None
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise SenderGone
                chunk: bytes = message.get("body", b"")
                more = message.get("more_body", False)
                self.check(len(body.content) + len(chunk))
                if not more and not body.content:
                    return chunk  # in one piece, as nearly all come
                self._add(body, chunk)
                if not more:
                    return bytes(body.content)
        except asyncio.CancelledError:
            if body.why is None or not body.is_ended():
                raise
            raise body.why from None
        finally:
            late.cancel()
            self._let_go(body)

    def check(self, size: int) -> None:
        """Raise WebhookRefusal for a body of more than may be."""
        if size > self._limit_bytes:
            raise WebhookRefusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"expected at most {self._limit_bytes} bytes, got more; send less at a time",
                CLOSE,
            )

    def _end(self, body: BodyUnderWay) -> None:
        expected = f"expected the whole body within {self._seconds:g} seconds, got a part"
        body.end(WebhookRefusal(HTTPStatus.REQUEST_TIMEOUT, expected, CLOSE))

    def _add(self, body: BodyUnderWay, chunk: bytes) -> None:
        self._received += len(chunk)
        body.content += chunk
        while self._received > self._share_bytes:
            oldest = next(iter(self._under_way))
            busy = _busy("too many letters are on their way in; send this one again later")
            if oldest is body:
                raise busy
            self._let_go(oldest)
            oldest.end(busy)

    def _let_go(self, body: BodyUnderWay) -> None:
        if body in self._under_way:
            del self._under_way[body]
            self._received -= len(body.content)


class WebhookEndpoint:
    """Answer webhooks as an ASGI application; `clock` gives the time in ms.

    `answers` counts them by source, "" where there is no such, and status code. What is for no
    webhook is left to `otherwise`.
    """

    otherwise: ASGIApp | None = None

    def __init__(
        self,
        sources: Mapping[str, Authenticator],
        group_commit: GroupCommit,
        clock: Callable[[], int],
        *,
        moments: Callable[[], Sequence[int]] | None = None,
        limit_bytes: int = LIMIT_BYTES,
        share_bytes: int = SHARE_BYTES,
        receive_seconds: float = RECEIVE_SECONDS,
        is_own_name: IsOwnName = LOCAL_NAMES.__contains__,
    ) -> None:
        """Allow a body `limit_bytes`, and `receive_seconds` after its head.

        All bodies of senders who are known by their head may have `share_bytes` together, and
        all others as much apart from them: anyone can send one with a made-up signature, and
        many at once. `is_own_name` tells what a page may know this service by. A signature may
        be of any of the `moments` that it may be now; of the clock's without.
        """
        self._sources = sources
        self._group_commit = group_commit
        self._clock = clock
        self._moments = moments or (lambda: (clock(),))
        self._receive_seconds = receive_seconds
        self._is_own_name = is_own_name
        self._of_known = Bodies(limit_bytes, share_bytes, receive_seconds)
        self._of_strangers = Bodies(limit_bytes, share_bytes, receive_seconds)
        self._refused = Repeats()
        self.answers: Counter[tuple[str, int]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        letter = path.startswith(PREFIX) and not path.startswith(BOUNCES)
        if self.otherwise is not None and not letter:
            await self.otherwise(scope, receive, send)
            return
        named = scope["path"].removeprefix(PREFIX)
        source = named if named in self._sources else ""
        try:
            n = await self._take(scope, receive)
        except WebhookRefusal as refused:
            self.answers[source, refused.status] += 1
            if refused.status == HTTPStatus.UNAUTHORIZED:
                self._tell_of_stranger(source, scope)
            await self._refuse(refused, receive, send)
        except SenderGone:
            return
        else:
            self.answers[source, HTTPStatus.ACCEPTED] += 1
            body = b'{"receipt":%d,"status":"/api/v1/letters/%d"}' % (n, n)
            await send(_start(202, b"application/json", body))
            await send({"type": "http.response.body", "body": body})

    async def _take(self, scope: Scope, receive: Receive) -> int:
        source, keeper = self._who(scope)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        _check_form(headers)
        early = [keeper.admits_early(headers, at) for at in self._moments()]
        if all(admitted is False for admitted in early):
            raise _stranger(keeper)
        bodies = self._of_strangers
        if keeper.is_open:
            self._check_page(scope["headers"])
        elif any(early):
            prove(scope)
            bodies = self._of_known
        bodies.check(_length(headers))
        body = await bodies.receive(receive)
        late = (keeper.admits(headers, body, at) for at in self._moments())
        if not any(early) and not any(late):
            raise _stranger(keeper)
        return await self._keep(Arrival(source, self._clock(), _kept(headers), body))

    def _tell_of_stranger(self, source: str, scope: Scope) -> None:
        peer = peer_of(scope)
        if count := self._refused.count((source, peer), self._clock()):
            about = {"event": "door.refused", "source": source, "peer": peer, "count": count}
            log.warning("wrong credentials, or none; is the sender's password right?", extra=about)

    def _check_page(self, headers: HeaderLines) -> None:
        if is_of_another_page(headers, self._is_own_name):
            raise WebhookRefusal(
                HTTPStatus.FORBIDDEN,
                "this door is open, but not to pages of other sites: expected no Origin but its "
                "own, and a Host of this service, got another; if the Host is right, set "
                "COURSEBELL_PUBLIC_URL to it, or credentials for this source",
            )

    def _who(self, scope: Scope) -> tuple[str, Authenticator]:
        source = scope["path"].removeprefix(PREFIX)
        keeper = self._sources.get(source)
        if keeper is None:
            raise WebhookRefusal(
                HTTPStatus.NOT_FOUND,
                f"no such source; expected {PREFIX} and the name of a source in small letters",
            )
        if scope["method"] != "POST":
            raise WebhookRefusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "expected POST, got another method",
                (b"allow", b"POST"),
            )
        return source, keeper

    async def _keep(self, arrival: Arrival) -> int:
        try:
            return await self._group_commit.post(arrival)
        except (StoreBusy, StoreFailed) as error:
            raise _busy(f"the letter is not known to be on disk: {error}") from error

    async def _refuse(self, refused: WebhookRefusal, receive: Receive, send: Send) -> None:
        body = msgspec.json.encode(
            {
                "type": "about:blank",
                "title": refused.status.phrase,
                "status": refused.status,
                "detail": refused.detail,
            }
        )
        await send(_start(refused.status, b"application/problem+json", body, *refused.headers))
        lingers = refused.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        await send({"type": "http.response.body", "body": body, "more_body": lingers})
        if lingers:
            await self._drain(receive)
            await send({"type": "http.response.body"})

    async def _drain(self, receive: Receive) -> None:
        """Throw away what still comes for a while.

        Closing at once would reset the connection, and the sender, busy writing, would never
        read the answer.
        """
        try:
            async with asyncio.timeout(self._receive_seconds):
                while (await receive()).get("more_body", False):
                    pass
        except TimeoutError:
            return


def _length(headers: Mapping[bytes, bytes]) -> int:
    """Read a length; more digits than int() takes are zeros in front, as the parser counted."""
    given = headers.get(b"content-length", b"").lstrip(b"0")
    return int(given) if given.isdigit() else 0


def _start(status: int, media: bytes, body: bytes, *more: tuple[bytes, bytes]) -> dict[str, object]:
    headers = [(b"content-type", media), (b"content-length", b"%d" % len(body)), *more]
    return {"type": "http.response.start", "status": status, "headers": headers}


def _busy(detail: str) -> WebhookRefusal:
    return WebhookRefusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, (b"retry-after", b"5"))


def _stranger(keeper: Authenticator) -> WebhookRefusal:
    challenge = [(b"www-authenticate", keeper.challenge.encode())] if keeper.challenge else []
    return WebhookRefusal(
        HTTPStatus.UNAUTHORIZED,
        "expected the credentials configured for this source, got none or others",
        *challenge,
    )


def _check_form(headers: Mapping[bytes, bytes]) -> None:
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media not in JSON_TYPES and not media.endswith(b"+json"):
        raise WebhookRefusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected Content-Type application/json, got another"
        )
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
        raise WebhookRefusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected no Content-Encoding, got a compressed body"
        )


def _kept(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {
        name.decode(): headers[name].decode("latin-1")[:LONGEST_HEADER]
        for name in KEPT_HEADERS
        if name in headers
    }
