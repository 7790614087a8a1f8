"""Keep what `POST /webhooks/{source}` brings, and answer 202 once it is on disk."""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec
from starlette.types import Receive, Scope, Send

from service.incoming.group_commit import GroupCommit, StoreBusy, StoreFailed
from service.incoming.letter import Arrival
from service.incoming.verifiers import Authenticator

PREFIX = "/webhooks/"
LIMIT_BYTES = 1024 * 1024
RECEIVING_BYTES = 64 * 1024 * 1024
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


class WebhookRefusal(Exception):
    """Answer other than 202; `detail` is for the person who set up the sender."""

    def __init__(self, status: HTTPStatus, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class SenderGone(Exception):
    """Say that the sender hung up before the letter was complete: nobody is to be answered."""


class WebhookEndpoint:
    """Answer webhooks as an ASGI application; `clock` gives the time in ms."""

    def __init__(
        self,
        sources: Mapping[str, Authenticator],
        group_commit: GroupCommit,
        clock: Callable[[], int],
        *,
        limit_bytes: int = LIMIT_BYTES,
        receiving_bytes: int = RECEIVING_BYTES,
        receive_seconds: float = RECEIVE_SECONDS,
    ) -> None:
        """Allow a body `limit_bytes`, and `receive_seconds` after its head.

        All bodies not yet known to be from an LMS may have `receiving_bytes` together: anyone
        can send a body with a made-up signature, and many at once.
        """
        self._sources = sources
        self._group_commit = group_commit
        self._clock = clock
        self._limit_bytes = limit_bytes
        self._receive_seconds = receive_seconds
        self._receiving_bytes = receiving_bytes
        self._received = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            n = await self._take(scope, receive)
        except WebhookRefusal as refused:
            await self._refuse(refused, receive, send)
        except SenderGone:
            return
        else:
            body = b'{"receipt":%d,"status":"/api/v1/letters/%d"}' % (n, n)
            await send(_start(202, b"application/json", body))
            await send({"type": "http.response.body", "body": body})

    async def _take(self, scope: Scope, receive: Receive) -> int:
        source, keeper = self._who(scope)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        _check_form(headers)
        self._check_size(headers.get(b"content-length", b"0"))
        admitted = keeper.admits_early(headers, self._clock())
        if admitted is False:
            raise _stranger(keeper)
        body = await self._body(receive)
        now = self._clock()
        if admitted is None and not keeper.admits(headers, body, now):
            raise _stranger(keeper)
        return await self._keep(Arrival(source, now, _kept(headers), body))

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

    def _check_size(self, length: bytes) -> None:
        if length.isdigit() and int(length) > self._limit_bytes:
            raise self._too_large()

    def _too_large(self) -> WebhookRefusal:
        return WebhookRefusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"expected at most {self._limit_bytes} bytes, got more; send fewer events at a time",
            CLOSE,
        )

    async def _body(self, receive: Receive) -> bytes:
        """Receive the whole body; asyncio.timeout would cost a third of the speed (measured)."""
        late: list[bool] = []
        task = asyncio.current_task()
        deadline = asyncio.get_running_loop().call_later(self._receive_seconds, _end, task, late)
        try:
            return await self._chunks(receive)
        except asyncio.CancelledError:
            if task is None or not late or task.uncancel() > 0:
                raise
            raise self._too_slow() from None
        finally:
            deadline.cancel()

    def _too_slow(self) -> WebhookRefusal:
        return WebhookRefusal(
            HTTPStatus.REQUEST_TIMEOUT,
            f"expected the whole body within {self._receive_seconds:g} seconds, got a part",
            CLOSE,
        )

    async def _chunks(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise SenderGone
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                self._received += len(chunks[-1])
                self._check_room(size)
                if not message.get("more_body", False):
                    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:  # the group commit counts it from here on
            self._received -= size

    def _check_room(self, size: int) -> None:
        if size > self._limit_bytes:
            raise self._too_large()
        if self._received > self._receiving_bytes:
            raise _busy("too many letters are on their way in; send this one again later")

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


def _end(task: asyncio.Task[None] | None, late: list[bool]) -> None:
    late.append(True)
    if task is not None:
        task.cancel()


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
