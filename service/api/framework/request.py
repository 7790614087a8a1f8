"""Read requests: parameters as a struct declares them, and bodies of a limited size."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta
from starlette.requests import Request

from service.api.framework.problems import ApiError, NotFound
from service.incoming.sources.parsing import utf8_json
from service.incoming.webhook import (
    RECEIVE_SECONDS,
    SHARE_BYTES,
    Bodies,
    SenderGone,
    WebhookRefusal,
)
from service.rules.text import hint

JSON = "application/json"
LARGEST_BODY = 4_096
LONGEST_TEXT = 200
LONGEST_NAME = 40
LIMIT_DEFAULT = 100
INTEGER = r"[0-9]{1,18}"
LARGEST_INTEGER = 10**18 - 1
BODIES = Bodies(LARGEST_BODY, SHARE_BYTES, RECEIVE_SECONDS)
NEXT = "The `next` of the page before."

Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
Timestamp = Annotated[datetime, Meta(tz=True)]
Limit = Annotated[int, Meta(ge=1, le=500, description="How many items a page has at most.")]
After = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT, description=NEXT)]
AfterNumber = Annotated[str, Meta(pattern="^[1-9][0-9]{0,17}$", description=NEXT)]


class NoParameters(msgspec.Struct, frozen=True):
    """Declare that an operation takes no parameters."""


class Parameter(msgspec.Struct, frozen=True):
    """Describe one parameter; its text is read by the JSON Schema that readers see."""

    name: str
    place: Literal["query", "path"]
    description: str
    schema: Mapping[str, Any]

    def read(self, text: str) -> Any:
        """Read the value; raise ValueError saying what was expected."""
        if "enum" in self.schema:
            return _choice(text, self.schema["enum"])
        if self.schema["type"] == "boolean":
            return _choice(text, ("true", "false")) == "true"
        if self.schema["type"] == "integer":
            return _integer(text, self.schema)
        if self.schema.get("format") == "date-time":
            return _moment(text)
        if "pattern" in self.schema and not re.fullmatch(self.schema["pattern"], text):
            raise ValueError(f"{self.description[0].lower()}{self.description[1:].rstrip('.')}")
        return _text(text, self.schema)


class Parameters:
    """Read and describe the parameters of a path, which are the fields of a struct."""

    def __init__(self, struct: type[msgspec.Struct], path: str) -> None:
        self._struct = struct
        self._known = {each.name: each for each in _declared(struct, path)}
        self._queried = [each.name for each in self if each.place == "query"]

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._known.values())

    def read(self, request: Request) -> msgspec.Struct:
        """Read a request; raise ApiError with every mistake, or NotFound for an unfit path."""
        values: dict[str, Any] = {}
        mistakes: list[str] = []
        pairs = request.query_params.multi_items()
        for name, text in pairs:
            if name not in self._queried:
                mistakes.append(_unknown(name, self._queried))
            elif sum(other == name for other, _ in pairs) > 1:
                mistakes.append(f"{name}: expected it once, got it several times")
            else:
                try:
                    values[name] = self._known[name].read(text)
                except ValueError as error:
                    mistakes.append(f"{name}: expected {error}")
        if mistakes:
            raise ApiError(HTTPStatus.BAD_REQUEST, "; ".join(dict.fromkeys(mistakes)))
        return self._struct(**values, **self._of_path(request.path_params))

    def _of_path(self, texts: Mapping[str, str]) -> dict[str, Any]:
        try:
            values = {name: self._known[name].read(text) for name, text in texts.items()}
        except ValueError as error:
            raise NotFound from error
        if any(str(value) != texts[name] for name, value in values.items()):
            raise NotFound  # 01 is not another address of letter 1
        return values


def _declared(struct: type[msgspec.Struct], path: str) -> Iterator[Parameter]:
    _, schemas = msgspec.json.schema_components([struct])
    hints = get_type_hints(struct, include_extras=True)
    (described,) = schemas.values()
    for name, found in described["properties"].items():
        schema = _without_null(found)
        if "enum" in schema:  # msgspec sorts the words, here they stay as they were written
            words = schema.pop("enum")
            schema |= {"type": "string", "enum": list(get_args(_bare(hints[name]))) or words}
        place: Literal["query", "path"] = "path" if f"{{{name}}}" in path else "query"
        description = schema.pop("description")
        yield Parameter(name=name, place=place, description=description, schema=schema)


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Take null away, which no request can bring; left out, the parameter is not there."""
    present, *_ = schema.get("anyOf", [{}])
    found = {**schema, **present}
    found.pop("anyOf", None)
    if "maxLength" in found:  # people read the least length first
        found["maxLength"] = found.pop("maxLength")
    return {name: value for name, value in found.items() if value is not None}


def _bare(hint: Any) -> Any:
    """Find the type inside `Annotated[… | None, …]`."""
    while get_origin(hint) in (Annotated, Union, UnionType):
        hint = get_args(hint)[0]
    return hint


def _choice(text: str, words: Sequence[str]) -> str:
    if text not in words:
        raise ValueError(f"one of {', '.join(words)}{hint(text, words)}")
    return text


def _integer(text: str, schema: Mapping[str, int]) -> int:
    least, most = schema["minimum"], schema.get("maximum", LARGEST_INTEGER)
    if not re.fullmatch(INTEGER, text) or not least <= int(text) <= most:
        raise ValueError(f"a number from {least} to {most}")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time like 2026-11-20T08:30:00Z") from None


def _text(text: str, schema: Mapping[str, int]) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(text))
    if not least <= len(text) <= most:
        raise ValueError(f"{least} to {most} characters")
    return text


def _unknown(name: str, known: Sequence[str]) -> str:
    near = hint(name, known) or f"; expected {', '.join(known) or 'none'}"
    return f"unknown parameter {name[:LONGEST_NAME]!r}{near}"


async def json_of(request: Request, kind: Any) -> Any:
    """Read a JSON body as a value of a type; raise ApiError naming the place of a mistake."""
    check_media_type(request, JSON)
    body = await body_of(request)
    try:
        return msgspec.json.decode(utf8_json(body), type=kind)
    except msgspec.ValidationError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"body: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "body: expected JSON, got something else") from error


def check_media_type(request: Request, expected: str) -> None:
    """Refuse a body that its sender does not call what is expected; parameters do not count."""
    got = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if got != expected:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"expected Content-Type: {expected}, got none or another",
        )


async def body_of(request: Request) -> bytes:
    """Read the whole body; raise ApiError when it is longer or slower than it may be."""
    try:
        return await BODIES.receive(request.receive)
    except WebhookRefusal as refused:
        raise ApiError(refused.status, refused.detail, Connection="close") from None
    except SenderGone:
        raise ApiError(HTTPStatus.BAD_REQUEST, "expected the whole body, got a part") from None
