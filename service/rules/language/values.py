"""Forms: how single values of the file are written, each with the message for any other way."""

import re
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from pydantic_core import PydanticCustomError

from service.rules.calendar import DAY_MINUTES, milliseconds
from service.rules.fields import EVENTS
from service.rules.rule import STEPS_UP
from service.rules.text import hint, listed, shown

_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_MINUTE = re.compile(r":([0-5]\d)", re.ASCII)


def minute_of_day(text: str) -> int | None:
    """Read 08:30 into minutes since midnight, 24:00 at most; None when it has another form."""
    found = _TIME.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else None
    return minute if minute is not None and minute <= DAY_MINUTES else None


def minute_of_hour(text: str) -> int | None:
    """Read :30 into minutes; None when it has another form."""
    found = _MINUTE.fullmatch(text)
    return int(found[1]) if found else None


ROLES = tuple(STEPS_UP)
WATCHERS = "watchers"
ITEMS_MAX = 500
COUNT_MAX = 100

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")

_RULE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_GROUP = re.compile(r"[^\s,;][^,;\x00-\x1f]{0,99}")
_RECIPIENTS = listed((*ROLES, WATCHERS, "group:NAME"))
_AMOUNT = re.compile(r"\d+")
_WHOLE = re.compile(r"[1-9][0-9]{0,5}")


def duration(raw: Any) -> int:
    """Read a duration into milliseconds."""
    found = milliseconds(raw) if isinstance(raw, str) else None
    if found is None and isinstance(raw, str) and _is_too_long(raw):
        raise _wrong(f"expected a duration of ten years at most, got {shown(raw)}")
    if found is None:
        raise _wrong(f"expected a duration like 7d, 12h or 1w2d, got {shown(raw)}")
    return found


def _is_too_long(text: str) -> bool:
    """Tell whether only the numbers are wrong, and they are not nothing."""
    return milliseconds(_AMOUNT.sub("1", text)) is not None and bool(re.search("[1-9]", text))


def day_begins(raw: Any) -> int:
    """Read a time of day, 23:59 at most, into minutes since midnight."""
    found = minute_of_day(raw) if isinstance(raw, str) else None
    if found is None or found == DAY_MINUTES:
        raise _wrong(f"expected a time of day like 08:30, got {shown(raw)}")
    return found


def day_ends(raw: Any) -> int:
    """Read the end of a stretch of the day, 24:00 at most, into minutes since midnight."""
    found = minute_of_day(raw) if isinstance(raw, str) else None
    if not found:
        raise _wrong(f"expected a time of day like 18:00, 24:00 at most, got {shown(raw)}")
    return found


def count(raw: Any) -> int:
    """Read how many."""
    return _whole(raw, COUNT_MAX)


def items(raw: Any) -> int:
    """Read how many items one digest may hold."""
    return _whole(raw, ITEMS_MAX)


def _whole(raw: Any, most: int) -> int:
    number = int(raw) if isinstance(raw, str) and _WHOLE.fullmatch(raw) else 0
    if not 0 < number <= most:
        raise _wrong(f"expected a whole number from 1 to {most}, got {shown(raw)}")
    return number


def event(raw: Any) -> str:
    """Check the name of an event."""
    if not isinstance(raw, str):
        raise _wrong(f"expected one event, got {shown(raw)}")
    if raw not in EVENTS:
        near = hint(raw, EVENTS) or f"; there are {', '.join(EVENTS)}"
        raise _wrong(f"unknown event {shown(raw)}{near}")
    return raw


def recipient(raw: Any) -> str:
    """Check whom an entry is for."""
    if not isinstance(raw, str):
        raise _wrong(f"'to' takes one of {_RECIPIENTS}, got {shown(raw)}")
    group = raw.removeprefix("group:") if raw.startswith("group:") else None
    if group is not None:
        if not _GROUP.fullmatch(group):
            raise _wrong("expected the name of a group after 'group:', without , and ;")
    elif raw not in (*ROLES, WATCHERS):
        raise _wrong(f"'to' takes {_RECIPIENTS}, not {shown(raw)}{hint(raw, (*ROLES, WATCHERS))}")
    return raw


def rule_id(raw: Any) -> str:
    """Check a rule's id."""
    if not isinstance(raw, str) or not _RULE_ID.fullmatch(raw):
        allowed = "small letters, digits, '-' and '_', 63 at most"
        raise _wrong(f"an id takes {allowed}; got {shown(raw)}")
    return raw


def name(raw: Any) -> str:
    """Check the name of a channel, a template or a time interval where it is used."""
    if not isinstance(raw, str):
        raise _wrong(f"expected one name, got {shown(raw)}; for more, write more entries")
    if not NAME.fullmatch(raw):
        raise _wrong(f"a name takes letters, digits, '-' and '_', 63 at most; got {shown(raw)}")
    return raw


def zone(raw: Any) -> str:
    """Check an IANA time zone."""
    if isinstance(raw, str) and raw in zones():
        return raw
    message = f"unknown time zone {shown(raw)}; expected a name like Europe/Berlin"
    raise _wrong(message + hint(raw, sorted(zones())))


@cache
def zones() -> frozenset[str]:
    """The time zones of this machine, which are read from its disk once."""
    return frozenset(available_timezones())


def choices(expected: str) -> tuple[str, ...]:
    """Read the choices out of pydantic's own words: `'a', 'b' or 'c'`."""
    return tuple(re.findall(r"'([^']*)'", expected))


def not_a_choice(raw: Any, expected: str) -> str:
    """Say which values a key takes."""
    allowed = choices(expected)
    return f"{shown(raw)} is not allowed here; use {listed(allowed)}{hint(raw, allowed)}"


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("form", "{message}", {"message": message})
