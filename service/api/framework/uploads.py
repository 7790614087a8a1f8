"""Take in long bodies: onto the disk piece by piece, and never into memory."""

import asyncio
import codecs
import io
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack, asynccontextmanager
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from starlette.requests import ClientDisconnect, Request

from service.api.framework.problems import ApiError
from service.incoming.webhook import RECEIVE_SECONDS

RETRY_SECONDS = "60"


class Upload(NamedTuple):
    """Hold a body that is on disk, and what its sender calls it: media type and encoding."""

    file: io.BufferedReader
    media: str
    charset: str | None


@asynccontextmanager
async def upload_of(
    request: Request, media: Collection[str], folder: Path, *, limit: int
) -> AsyncIterator[Upload]:
    """Receive a body of one of these media types, of at most `limit` bytes; raises ApiError.

    It is in a file without a name, which nobody else can open, and gone behind the block.
    """
    called, charset = _content_type(request, media)
    with ExitStack() as held:
        try:
            file = held.enter_context(tempfile.TemporaryFile(dir=folder))
            await _receive(request, file, limit)
            file.seek(0)
        except OSError as error:
            raise _no_room() from error
        with open(file.fileno(), "rb", closefd=False) as reader:
            yield Upload(reader, called, charset)


def _content_type(request: Request, media: Collection[str]) -> tuple[str, str | None]:
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    called = header.get_content_type()
    charset = header.get_param("charset")
    try:
        "".encode(str(charset or "utf-8"))
    except (LookupError, ValueError):
        called = ""
    if called not in media:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"expected Content-Type: {' or '.join(media)}, with an encoding of text as its "
            "charset if any, got none or another",
        )
    return called, codecs.lookup(str(charset)).name if charset else None


def _no_room() -> ApiError:
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the body cannot be put on disk; is the disk of the data folder full? Send it again later",
        Retry_After=RETRY_SECONDS,
    )


async def _receive(request: Request, file: io.BufferedIOBase, limit: int) -> None:
    """Write the body into a file; each piece has its time, as long bodies take long."""
    loop, size = asyncio.get_running_loop(), 0
    pieces = request.stream().__aiter__()
    try:
        while True:
            async with asyncio.timeout(RECEIVE_SECONDS):
                piece = await anext(pieces, None)
            if piece is None:
                return
            size += len(piece)
            if size > limit:
                raise ApiError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"expected at most {limit} bytes, got more; import it in parts, or raise "
                    "COURSEBELL_IMPORT_LIMIT",
                    Connection="close",
                )
            await loop.run_in_executor(None, file.write, piece)
    except TimeoutError:
        expected = f"expected more of the body within {RECEIVE_SECONDS:g} seconds, got none"
        raise ApiError(HTTPStatus.REQUEST_TIMEOUT, expected, Connection="close") from None
    except ClientDisconnect:
        raise ApiError(HTTPStatus.BAD_REQUEST, "expected the whole body, got a part") from None
