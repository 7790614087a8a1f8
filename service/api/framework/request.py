"""Bodies: what a request brings, read no further than it may be long."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from starlette.requests import Request

from service.api.framework.problems import Refused

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


LIMIT_DEFAULT = 100
LIMIT_MOST = 500
LONGEST_TEXT = 200
NUMBER = r"[1-9][0-9]{0,17}"


class Parameter(msgspec.Struct, frozen=True):
    """One parameter: its JSON Schema for readers, and `read`, which raises ValueError saying what
    was expected.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any]
    place: Literal["query", "path"] = "query"


def text(name: str, description: str) -> Parameter:
    """Any text, as the LMS writes it."""

    def read(given: str) -> str:
        if not 1 <= len(given) <= LONGEST_TEXT:
            raise ValueError(f"1 to {LONGEST_TEXT} characters")
        return given

    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
    return Parameter(name, description, schema, read)


def choice(name: str, description: str, words: Sequence[str]) -> Parameter:
    """One of some words."""

    def read(given: str) -> str:
        if given not in words:
            close = difflib.get_close_matches(given, words, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"one of {', '.join(words)}{hint}")
        return given

    return Parameter(name, description, {"type": "string", "enum": list(words)}, read)


def number(name: str, description: str) -> Parameter:
    """A positive number, as text in a cursor."""

    def read(given: str) -> int:
        if not re.fullmatch(NUMBER, given):
            raise ValueError("the `next` of the page before")
        return int(given)

    return Parameter(name, description, {"type": "string", "pattern": f"^{NUMBER}$"}, read)


def in_path(name: str, description: str, schema: Mapping[str, Any]) -> Parameter:
    """A part of the path; what is not there is 404, so it is read by whoever looks it up."""
    return Parameter(name, description, schema, str, "path")


def _limit(given: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", given) or not 1 <= int(given) <= LIMIT_MOST:
        raise ValueError(f"a number from 1 to {LIMIT_MOST}")
    return int(given)


LIMIT = Parameter(
    "limit",
    "How many items a page has at most.",
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT_DEFAULT},
    _limit,
)
AFTER = text("after", "The `next` of the page before.")
AFTER_NUMBER = number("after", "The `next` of the page before.")


def read(parameters: Sequence[Parameter], request: Request) -> dict[str, Any]:
    """The value of every parameter, None for those not given; raises Refused with all mistakes."""
    queried = {each.name: each for each in parameters if each.place == "query"}
    values: dict[str, Any] = dict.fromkeys(queried) | dict(request.path_params)
    if "limit" in queried:
        values["limit"] = LIMIT_DEFAULT
    mistakes: list[str] = []
    pairs = request.query_params.multi_items()
    for name, given in pairs:
        if name not in queried:
            mistakes.append(_unknown(name, list(queried)))
        elif sum(other == name for other, _ in pairs) > 1:
            mistakes.append(f"{name}: expected it once, got it several times")
        else:
            _read_one(queried[name], given, values, mistakes)
    if mistakes:
        raise Refused(HTTPStatus.BAD_REQUEST, "; ".join(dict.fromkeys(mistakes)))
    return values


def _read_one(
    parameter: Parameter, given: str, values: dict[str, Any], mistakes: list[str]
) -> None:
    try:
        values[parameter.name] = parameter.read(given)
    except ValueError as error:
        mistakes.append(f"{parameter.name}: expected {error}")


def _unknown(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    if close:
        return f"unknown parameter {name[:40]!r}; did you mean {close[0]!r}?"
    return f"unknown parameter {name[:40]!r}; expected {', '.join(known) or 'none'}"
