"""Bodies: what a request brings, read no further than it may be long."""

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request

from service.api.problems import Refused

LONGEST = 4_096
JSON = "application/json"


async def body_of(request: Request) -> bytes:
    """The whole body; raises Refused when it is too long."""
    found = b""
    async for chunk in request.stream():
        found += chunk
        if len(found) > LONGEST:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"expected a body of at most {LONGEST} bytes, got more",
                Connection="close",
            )
    return found


async def json_of(request: Request, kind: Any) -> Any:
    """The body as a value of this type; raises Refused naming the place of a mistake."""
    if media_type(request) != JSON:
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected Content-Type: {JSON}, got none or another"
        )
    body = await body_of(request)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"body: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "body: expected JSON, got something else") from error


def media_type(request: Request) -> str:
    """What the sender says the body is, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
