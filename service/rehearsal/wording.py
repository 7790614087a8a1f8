"""Wording: how single values of a rule test are written."""

import re
from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.incoming import values
from service.rules.file import forms
from service.rules.moments import duration
from service.rules.walltime import instant
from service.rules.words import hint, listed, shown

Read = Callable[[Any], Any]

NONE = "none"
ZERO = re.compile(r"0[wdhms]?")


def text(raw: Any) -> str:
    """Any text."""
    if not isinstance(raw, str):
        raise ValueError(f"expected text, got {shown(raw)}")
    return raw


def texts(raw: Any) -> tuple[str, ...]:
    """A list of text."""
    if not isinstance(raw, list):
        raise ValueError(f"expected a list like [one, two], got {shown(raw)}")
    return tuple(map(text, raw))


def columns(raw: Any) -> dict[str, str]:
    """Extra columns of an import."""
    if not isinstance(raw, dict):
        raise ValueError(f"expected a mapping like {{team: red}}, got {shown(raw)}")
    return {name: text(value) for name, value in raw.items()}


def zone(raw: Any) -> str:
    """An IANA time zone."""
    return forms.zone(text(raw))


def span(raw: Any) -> int:
    """A length of time in ms, 0 too."""
    if isinstance(raw, str) and ZERO.fullmatch(raw):
        return 0
    return forms.duration(raw)


def written(ms: int) -> str:
    """A length of time as the file writes it."""
    return duration(ms) if ms else "0d"


def wall_time(in_zone: ZoneInfo) -> Read:
    """A date and time on the wall there, in ms since 1970 UTC."""

    def read(raw: Any) -> int:
        try:
            at = datetime.fromisoformat(text(raw))
        except ValueError:
            raise ValueError(f"expected a time like 2026-03-02 09:00, got {shown(raw)}") from None
        if at.tzinfo is not None:
            raise ValueError(f"expected a time without a zone; it is read in {in_zone.key}")
        return instant(date(at.year, at.month, at.day), at.hour * 60 + at.minute, in_zone)

    return read


def known(names: Collection[str], what: str, where: str = "") -> Read:
    """One of these names."""

    def read(raw: Any) -> str:
        if not isinstance(raw, str) or raw not in names:
            others = f"; known: {', '.join(names)}" if names else ""
            raise ValueError(f"no {what} {shown(raw)}{where}{hint(raw, names) or others}")
        return raw

    return read


def one_of(words: Iterable[str]) -> Read:
    """One of a few words."""
    allowed = tuple(words)

    def read(raw: Any) -> str:
        if raw not in allowed:
            raise ValueError(f"expected {listed(allowed)}, got {shown(raw)}{hint(raw, allowed)}")
        return str(raw)

    return read


def truth(raw: Any) -> bool:
    """`true` or `false`."""
    if raw not in ("true", "false"):
        raise ValueError(f"expected true or false, got {shown(raw)}")
    return bool(raw == "true")


def percent(raw: Any) -> float | None:
    """0 to 100."""
    return values.percent(text(raw), "a percentage")


def count(raw: Any) -> int | None:
    """A whole number, 0 or more."""
    return values.count(text(raw), "a count")
