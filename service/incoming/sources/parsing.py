"""Share among sources how to say what is wrong with a letter, and how to key a fact."""

import difflib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

import msgspec

from service.incoming.sources.byte_forms import plain_utf8
from service.incoming.sources.source import Item, SetAside
from service.learners.facts import DAY, LONGEST_ID, FactBody, fact_key

Scalar = str | int | float | bool | None

SMALL_NUMBER = 10**18
LARGEST_COUNT = 10**15
SECONDS_END = 1e11
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = 946_684_800_000
LATEST = 4_102_444_800_000
_CONTROL = {*range(32), *range(127, 160)}


class Unusable(ValueError):
    """Say that a value means nothing to us, or not before a moment (ms UTC).

    The message says which field, what was expected and of what type it is; never the value.
    """

    def __init__(self, why: str, *, before: int | None = None) -> None:
        super().__init__(why)
        self.before = before

    def set_aside(self, name: str) -> SetAside:
        """Set aside an event of this name."""
        return SetAside(name, str(self), self.before)


def type_name(value: Scalar) -> str:
    """Name a value's type for a person."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


def identifier(value: Scalar, field: str) -> str | None:
    """Read an id as text: text or a whole number; None when absent or blank."""
    if type(value) is int and 0 <= value < SMALL_NUMBER:
        return str(value)
    if isinstance(value, str):
        found = value.strip()
    elif value is None:
        return None
    elif isinstance(value, bool) or value != value // 1:
        raise Unusable(f"{field}: expected an id (text or a whole number), got {type_name(value)}")
    else:
        found = str(int(value))
    if len(found) > LONGEST_ID:
        raise Unusable(f"{field}: expected at most {LONGEST_ID} characters, got {len(found)}")
    if not found.isprintable() and has_control(found):
        raise Unusable(f"{field}: expected an id without control characters, got one with them")
    return found or None


def has_control(text: str) -> bool:
    """Tell whether there is a control character in a text; joiners of some scripts are none."""
    return not _CONTROL.isdisjoint(map(ord, text))


def required(value: Scalar, field: str) -> str:
    """Read an id that must be there."""
    found = identifier(value, field)
    if found is None:
        raise Unusable(
            f"{field}: expected an id, got {'nothing' if value is None else 'blank text'}"
        )
    return found


def instant(value: Scalar, field: str) -> int:
    """Read a moment in ms since 1970 UTC, of the years 2000 to 2099.

    ISO 8601 with or without zone (then UTC), any number of decimals, blanks around it; or
    epoch seconds or ms, as a number or digits (below 1e11 it is seconds: the year 5138).
    """
    if isinstance(value, str):
        text = value.strip()
        found = _from_digits(int(text)) if _is_digits(text) else _from_text(text, field)
    elif value is None or isinstance(value, bool):
        raise Unusable(f"{field}: expected a date and time, got {type_name(value)}")
    else:
        found = _from_digits(value)
    if not EARLIEST <= found < LATEST:
        raise Unusable(f"{field}: expected a moment of the years 2000 to 2099, got another time")
    return found


def _is_digits(text: str) -> bool:
    return text[4:5] != "-" and text.isdecimal() and len(text) < 20


def _from_digits(value: float) -> int:
    return int(value * 1000) if -SECONDS_END < value < SECONDS_END else int(value)


def _from_text(text: str, field: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _from_odd_text(text, field)
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
    return since.days * DAY + since.seconds * 1000 + since.microseconds // 1000


def _from_odd_text(text: str, field: str) -> datetime:
    """Read a small `z` or `t`; all other forms the library reads by itself."""
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise Unusable(f"{field}: expected an ISO 8601 date and time, got other text") from None


def number(value: Scalar, field: str) -> float | None:
    """Read a finite number, also as text; None when absent or blank."""
    if value is None or isinstance(value, bool):
        if value is None:
            return None
        raise Unusable(f"{field}: expected a number, got {type_name(value)}")
    if isinstance(value, str) and not value.strip():
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise Unusable(f"{field}: expected a number, got {type_name(value)}") from None
    if found - found != 0.0:
        raise Unusable(f"{field}: expected a finite number, got another")
    return found


def percent(value: Scalar, field: str) -> float | None:
    """Read a number from 0 to 100; None when absent or blank."""
    found = number(value, field)
    if found is not None and not 0 <= found <= 100:
        raise Unusable(f"{field}: expected 0 to 100, got a number outside")
    return None if found is None else found + 0.0


def whole_number(value: Scalar, field: str) -> int | None:
    """Read a whole number of things, 0 or more, beyond 32 bits too; None when absent or blank."""
    if type(value) is int and 0 <= value <= LARGEST_COUNT:
        return value
    found = number(value, field)
    if found is None:
        return None
    if not 0 <= found <= LARGEST_COUNT or found % 1:
        raise Unusable(f"{field}: expected a whole number, 0 or more, got another number")
    return int(found)


def truth(value: Scalar, field: str) -> bool | None:
    """Read true or false, also as text; None when absent or blank."""
    if value is None or isinstance(value, bool):
        return value
    found = {"true": True, "false": False}.get(str(value).strip().lower())
    if found is None and str(value).strip():
        raise Unusable(f"{field}: expected true or false, got {type_name(value)}")
    return found


LONGEST_NAME = 60
T = TypeVar("T")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Unusable)
"""What bytes of any kind may raise when they are read."""

_encode = msgspec.json.Encoder().encode


def utf8_json(body: bytes) -> bytes:
    """Read JSON of any form of bytes in UTF-8; raises UnicodeDecodeError."""
    is_plain = body[:1] in (b"{", b"[") and body[1:2] != b"\0"
    return body if is_plain else plain_utf8(body)


def items_of(body: bytes, read: Callable[[bytes], list[Item]]) -> list[Item]:
    """Read a body's items as `readable` does; an unreadable one is set aside whole."""
    try:
        return readable(body, read)
    except Unusable as error:
        return [error.set_aside("")]


def readable(body: bytes, read: Callable[[bytes], list[T]]) -> list[T]:
    """Read a body, of which an empty one holds nothing; raises Unusable where that fails.

    `read` is handed the body in UTF-8, in whatever form of bytes it came.
    """
    text = body
    try:
        text = utf8_json(body)
        return read(text) if text.strip() else []
    except UNREADABLE as error:
        raise Unusable(why_unreadable(error, text)) from None


def why_unreadable(error: Exception, body: bytes, whole: str = "letter") -> str:
    """Say why, for one of UNREADABLE; `whole` is what `body` is. No value is named."""
    if isinstance(error, UnicodeDecodeError):
        return f"not JSON: expected {error.encoding.upper()}, got other bytes"
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
    if found > received_at + DAY:
        why = f"{field}: expected at most a day after the letter came, got a later time"
        raise Unusable(why, before=found - DAY)
    return found


def key_of(
    reference: tuple[str, ...], occurred_at: int, course: str, instance: str | None, said: FactBody
) -> str:
    """Make the key of a fact: what the LMS calls the event, and what it says; never the person."""
    return fact_key(reference, _encode((occurred_at, course, instance, said.TOPIC, said)))
