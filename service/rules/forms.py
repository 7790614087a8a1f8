"""Forms: how single values of the file are written, each with the message for any other way."""

import re
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic_core import PydanticCustomError

from service.rules.durations import milliseconds
from service.rules.fields import EVENTS
from service.rules.words import hint, listed, shown

ROLES = ("learner", "manager")
LATER = frozenset({"watchers", "managers_manager"})

_RULE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_GROUP = re.compile(r"[^\s,;][^,;\x00-\x1f]{0,99}")


def duration(raw: Any) -> int:
    """Read a duration into milliseconds."""
    found = milliseconds(raw) if isinstance(raw, str) else None
    if found is None:
        raise _wrong(f"expected a duration like 7d, 12h or 1w2d, got {shown(raw)}")
    return found


def event(raw: Any) -> str:
    """Check the name of an event."""
    if not isinstance(raw, str):
        raise _wrong(f"expected one event, got {shown(raw)}")
    known = EVENTS.get(raw)
    if known is None:
        supported = [each.name for each in EVENTS.values() if each.supported]
        near = hint(raw, supported) or f"; there are {', '.join(supported)}"
        raise _wrong(f"unknown event {shown(raw)}{near}")
    if not known.supported:
        raise _wrong(f"'{raw}' is not supported yet")
    return raw


def recipient(raw: Any) -> str:
    """Check whom an entry is for."""
    if not isinstance(raw, str):
        raise _wrong(f"'to' takes one of learner, manager or group:NAME, got {shown(raw)}")
    if raw in LATER:
        raise _wrong(f"'{raw}' is not supported yet")
    group = raw.removeprefix("group:") if raw.startswith("group:") else None
    if group is not None:
        if not _GROUP.fullmatch(group):
            raise _wrong("expected the name of a group after 'group:', without , and ;")
    elif raw not in ROLES:
        choices = f"'to' takes learner, manager or group:NAME, not {shown(raw)}"
        raise _wrong(choices + hint(raw, ROLES))
    return raw


def rule_id(raw: Any) -> str:
    """Check a rule's id."""
    if not isinstance(raw, str) or not _RULE_ID.fullmatch(raw):
        allowed = "small letters, digits, '-' and '_', 63 at most"
        raise _wrong(f"an id takes {allowed}; got {shown(raw)}")
    return raw


def name(raw: Any) -> str:
    """Check the name of a channel or a template where it is used."""
    if not isinstance(raw, str):
        raise _wrong(f"expected one name, got {shown(raw)}; for more, write more entries")
    if not _NAME.fullmatch(raw):
        raise _wrong(f"a name takes letters, digits, '-' and '_', 63 at most; got {shown(raw)}")
    return raw


def zone(raw: Any) -> str:
    """Check an IANA time zone."""
    try:
        return ZoneInfo(raw).key
    except (TypeError, ValueError, OSError, KeyError):
        near = hint(raw, sorted(available_timezones()))
        message = f"unknown time zone {shown(raw)}; expected a name like Europe/Berlin"
        raise _wrong(message + near) from None


def choices(expected: str) -> tuple[str, ...]:
    """Read the choices out of pydantic's own words: `'a', 'b' or 'c'`."""
    return tuple(re.findall(r"'([^']*)'", expected))


def not_a_choice(raw: Any, expected: str) -> str:
    """Say which values a key takes."""
    allowed = choices(expected)
    return f"{shown(raw)} is not allowed here; use {listed(allowed)}{hint(raw, allowed)}"


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("form", "{message}", {"message": message})
