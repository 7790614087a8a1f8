"""Share among sources how to say what is wrong with a letter, and how to key a fact."""

import difflib
import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from service.incoming.sources.source import Item, SetAside
from service.incoming.sources.values import DAY_MS, Scalar, Unusable, instant
from service.learners.facts import FactBody, fact_key

LONGEST_NAME = 60
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Unusable)
"""What bytes of any kind may raise when they are read."""

_encode = msgspec.json.Encoder().encode


def items_of(body: bytes, read: Callable[[], list[Item]]) -> list[Item]:
    """Read a body's items; an empty one holds nothing, an unreadable one is set aside whole."""
    if not body.strip():
        return []
    try:
        return read()
    except UNREADABLE as error:
        return [SetAside("", why_unreadable(error, body))]


def why_unreadable(error: Exception, body: bytes, whole: str = "letter") -> str:
    """Say why, for one of UNREADABLE; `whole` is what `body` is. No value is named."""
    if isinstance(error, UnicodeDecodeError):
        return "not JSON: expected UTF-8, got other bytes"
    if isinstance(error, msgspec.ValidationError):
        return _wrong_type(error, whole)
    if isinstance(error, msgspec.DecodeError):
        return _not_json(body, str(error))
    if isinstance(error, RecursionError):
        return "not readable: expected a few levels of nesting, got too many"
    return str(error)


def _wrong_type(error: msgspec.ValidationError, whole: str) -> str:
    """Say `data.user_id: expected a | b, got array`: msgspec names types, never values."""
    message, _, path = str(error).partition(" - at ")
    message = message.replace("`", "")
    where = path.strip("`").removeprefix("$").lstrip(".") or whole
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _not_json(body: bytes, error: str) -> str:
    """Say where; what msgspec says of the place names no content."""
    found = re.search(r"^(?:JSON is malformed: )?(.*?)(?: \(byte (\d+)\))?$", error)
    what, at = (found[1], found[2]) if found else (error, None)
    before = body[: int(at)] if at else body
    if not at:
        what += " or half of a surrogate pair"
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f"not JSON: line {line}, column {column}: {what[:1].lower()}{what[1:]}"


def display_name(name: Scalar) -> str:
    """Make a name fit for lists and logs: short, and without control characters."""
    short = str(name or "")[:LONGEST_NAME]
    if short.isprintable():
        return short
    return "".join(c if c.isprintable() else "?" for c in short)


@lru_cache(maxsize=256)
def unknown_name(expected: str, name: str, known: tuple[str, ...], otherwise: str) -> str:
    """Say that nobody knows a name, with the nearest of those `known`.

    `name` is spelled as they are and cut to LONGEST_NAME; `otherwise` is what to do when none
    is near.
    """
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else otherwise
    return f"{expected}, got another; {hint}"


def event_time(value: Scalar, field: str, received_at: int) -> int:
    """Read when an event happened (ms since 1970 UTC); raises Unusable, also for the future."""
    found = instant(value, field)
    if found > received_at + DAY_MS:
        raise Unusable(f"{field}: expected at most a day after the letter came, got a later time")
    return found


def key_of(
    reference: tuple[str, ...], occurred_at: int, course: str, instance: str | None, said: FactBody
) -> str:
    """Make the key of a fact: what the LMS calls the event, and what it says; never the person."""
    return fact_key(reference, _encode((occurred_at, course, instance, said.TOPIC, said)))
