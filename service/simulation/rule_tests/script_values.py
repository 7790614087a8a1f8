"""Read values that only files of rule tests hold, each with its message and JSON Schema."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.incoming.sources import parsing as payload_values
from service.learners.text_form import text_form
from service.rules.calendar import DAY_MINUTES, instant
from service.rules.language.entries import WEEKDAYS
from service.rules.language.errors import Report
from service.rules.language.shape import Schema, Shape, Value
from service.rules.language.values import DURATION, SCALARS, ZONE, minute_of_day, named
from service.rules.language.yaml_reader import Block
from service.rules.readers.choices import BOUNCED, COMPLAINED, OwnList, Unreachable
from service.rules.text import format_duration, hint, listed, nearest, shown

NONE = "none"
_ZERO = re.compile(r"0[wdhms]?")
_LOOSE_TIME = re.compile(
    r"(?:(?:every )?(?P<day>[a-z]{3})[a-z]*,? (?:at )?)?"
    r"(?P<hour>\d{1,2})(?:[:.](?P<minutes>[0-5]\d))?"
)
HOURS = 24
_WORDS: Schema = {"type": SCALARS}


def text(raw: Any) -> str:
    """Read any text."""
    if not isinstance(raw, str):
        raise ValueError(f"expected text, got {shown(raw)}")
    return raw


def _texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise ValueError(f"expected a list like [one, two], got {shown(raw)}")
    return tuple(map(text, raw))


def _columns(raw: Any) -> dict[str, str]:
    if not isinstance(raw, dict):
        raise ValueError(f"expected a mapping like {{team: red}}, got {shown(raw)}")
    return {text_form(name): text(value) for name, value in raw.items()}


def _span(raw: Any) -> Any:
    return 0 if isinstance(raw, str) and _ZERO.fullmatch(raw) else DURATION.read(raw)


TEXT = Value(text, _WORDS)
NAME = Value(lambda raw: raw, _WORDS)
"""A name, which is read where it is known what there is of that name."""
TEXTS = Value(_texts, {"type": "array", "items": _WORDS})
COLUMNS = Value(_columns, {"type": "object"})
"""Extra columns of an import."""
ZONE_NAME = Value(lambda raw: ZONE.read(text(raw)), _WORDS)
SPAN = Value(_span, {"anyOf": [DURATION.json_schema(), {"enum": [0, "0", "0d", "0h", "0m"]}]})
"""A length of time in ms, 0 too."""
PERCENT = Value(lambda raw: payload_values.percent(text(raw), "a percentage"), _WORDS)
COUNT = Value(lambda raw: payload_values.whole_number(text(raw), "a count"), _WORDS)


def _own_list(raw: Any) -> OwnList | str:
    """Read 08:00 or mon 08:00; `none` stays."""
    if raw == NONE:
        return NONE
    *day, time = text(raw).split() or [""]
    minute = minute_of_day(time)
    if minute in (None, DAY_MINUTES) or day not in ([], *([each] for each in WEEKDAYS)):
        told = f"expected a time like 08:00 or mon 08:00, or none, got {shown(raw)}"
        raise ValueError(told + _time_meant(text(raw).lower()))
    return OwnList("week", minute, WEEKDAYS.index(day[0])) if day else OwnList("day", minute)


def _time_meant(words: str) -> str:
    """Say how to write a time that can be made out: mon 08:00 for monday 8:00."""
    found = _LOOSE_TIME.fullmatch(words)
    if found is None or int(found["hour"]) >= HOURS or found["day"] not in (None, *WEEKDAYS):
        return ""
    time = f"{int(found['hour']):02}:{found['minutes'] or '00'}"
    return f"; write {' '.join(filter(None, [found['day'], time]))}"


def _day(raw: Any) -> str:
    """Read 2026-03-02; `none` stays."""
    if raw == NONE:
        return NONE
    try:
        return date.fromisoformat(text(raw)).isoformat()
    except ValueError:
        raise ValueError(f"expected a day like 2026-03-02, or none, got {shown(raw)}") from None


def _unreachable(raw: Any) -> Unreachable | str:
    """Read why an address is not written to; `none` stays."""
    if raw == NONE:
        return NONE
    if raw not in (BOUNCED, COMPLAINED):
        raise ValueError(f"expected {BOUNCED}, {COMPLAINED} or none, got {shown(raw)}")
    return Unreachable(raw, 0)


OWN_LIST = Value(_own_list, _WORDS)
UNREACHABLE = Value(_unreachable, {"enum": [BOUNCED, COMPLAINED, NONE]})
BACK_ON = Value(_day, _WORDS)


def one_of(words: Iterable[str]) -> Value:
    """Make the kind of a few words."""
    allowed = tuple(words)

    def read(raw: Any) -> str:
        if raw not in allowed:
            raise ValueError(f"expected {listed(allowed)}, got {shown(raw)}{hint(raw, allowed)}")
        return str(raw)

    return Value(read, named(allowed))


@dataclass(frozen=True)
class Known:
    """Know the names of one kind of thing; `where` says in messages where these stand.

    Names that may be spelled in several ways are in the form that `form` gives.
    """

    what: str
    names: Collection[str]
    where: str = ""
    form: Callable[[str], str] = str

    def has(self, name: object) -> bool:
        """Tell whether a name is known, in whatever spelling."""
        return isinstance(name, str) and self.form(name) in self.names

    def lacks(self, name: object) -> str:
        """Say that a name is not known, and which was meant, or which there are."""
        others = f"; known: {', '.join(self.names)}" if self.names else ""
        return f"no {self.what} {shown(name)}{self.where}{hint(name, self.names) or others}"


class Part(Shape):
    """Hold a mapping in a file of rule tests."""

    expected = "expected a mapping of 'key: value' lines, got {}"

    @classmethod
    def unknown(cls, report: Report, block: Block, key: str) -> str:
        """Say which key was meant, or which there are."""
        keys = cls.keys_in(block)
        report.meant.add((*block.path, nearest(key, keys) or ""))
        return (
            f"unknown key {shown(key)}{cls.of(block)}{hint(key, keys) or f'; use {listed(keys)}'}"
        )

    @classmethod
    def of(cls, block: Block) -> str:
        """Say in messages whose keys a mapping has."""
        return ""

    def check_known(self, report: Report, key: str, known: Known) -> bool:
        """Tell whether a value is there and one of these names; report another one."""
        if not self.has(key):
            return False
        name = getattr(self, key)
        if known.has(name):
            return True
        report.error(self.path_to(key), known.lacks(name))
        return False


def written(ms: int) -> str:
    """Write a length of time as the file does."""
    return format_duration(ms) if ms else "0d"


def wall_time(raw: Any, zone: ZoneInfo) -> int:
    """Read a date and time on the wall there into ms since 1970 UTC."""
    try:
        at = datetime.fromisoformat(text(raw))
    except ValueError:
        raise ValueError(f"expected a time like 2026-03-02 09:00, got {shown(raw)}") from None
    if at.tzinfo is not None:
        raise ValueError(f"expected a time without a zone; it is read in {zone.key}")
    return instant(date(at.year, at.month, at.day), at.hour * 60 + at.minute, zone)
