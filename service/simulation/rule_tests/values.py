"""A sheet: mappings read by tables of keys, every mistake told at once with its place."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.incoming.sources import values as payload_values
from service.rules.calendar import instant
from service.rules.language import values
from service.rules.language.errors import Report
from service.rules.language.yaml_reader import Path
from service.rules.text import duration, hint, listed, nearest, shown

Read = Callable[[Any], Any]
"""Reads one value; a ValueError says in words what was expected."""


class Sheet:
    """Reads the parts of one page into a report."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def mapping(
        self, raw: Any, path: Path, keys: Mapping[str, Read], needed: Collection[str] = (),
        of: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """The values of a mapping, the unreadable ones left out; `of` says whose keys they are."""
        if not isinstance(raw, dict):
            self.report.error(path, f"expected a mapping of 'key: value' lines, got {shown(raw)}")
            return {}
        found = {}
        for key, value in raw.items():
            if key not in keys:
                self.report.meant.add((*path, nearest(key, keys) or ""))
                near = hint(key, keys) or f"; use {listed(keys)}"
                self.report.error((*path, key), f"unknown key {shown(key)}{of}{near}", key=True)
                continue
            read = self.value(value, (*path, key), keys[key])
            if read is not None:
                found[key] = read
        for key in needed:
            if key not in raw and (*path, key) not in self.report.meant:
                self.report.error(path, f"the key '{key}' is missing")
        return found

    def value(self, raw: Any, path: Path, read: Read) -> Any:
        """One value; None when it cannot be read."""
        try:
            return read(raw)
        except ValueError as error:
            self.report.error(path, str(error))
            return None

    def items(self, raw: Any, path: Path) -> list[tuple[Path, Any]]:
        """The items of a list with their places."""
        if isinstance(raw, list):
            return [((*path, place), item) for place, item in enumerate(raw)]
        expected = "a list, each item on a line that starts with '- '"
        self.report.error(path, f"expected {expected}; got {shown(raw)}")
        return []

    def named(self, raw: Any, path: Path) -> list[tuple[str, Path, Any]]:
        """The entries of a mapping from names, with their places."""
        if isinstance(raw, dict):
            return [(name, (*path, name), value) for name, value in raw.items()]
        self.report.error(path, f"expected a mapping of 'name: …' lines, got {shown(raw)}")
        return []


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
    zone_: str = values.ZONE.read(text(raw))
    return zone_


def span(raw: Any) -> int:
    """A length of time in ms, 0 too."""
    if isinstance(raw, str) and ZERO.fullmatch(raw):
        return 0
    return values.duration(raw)


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
    return payload_values.percent(text(raw), "a percentage")


def count(raw: Any) -> int | None:
    """A whole number, 0 or more."""
    return payload_values.count(text(raw), "a count")
