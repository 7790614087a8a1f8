"""Read single values of the file, each with its message and JSON Schema.

An editor reads `80` as a number and `true` as a boolean where the reader sees text, so in a
schema a value may be either. Patterns are for JavaScript as well as for Python.
"""

import re
from collections.abc import Iterable
from typing import Any

from service.learners.directory.time_zones import zone_hint, zones
from service.rules.calendar import DAY_MINUTES, UNITS, milliseconds
from service.rules.fields import EVENTS
from service.rules.language.shape import Schema, Value
from service.rules.language.wishes import event_wish, wish
from service.rules.rule import GROUP, STEPS_UP
from service.rules.text import hint, listed, shown

ROLES = tuple(STEPS_UP)
WATCHERS = "watchers"
NAME_FORM = "[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
PASSWORD_FORM = r"://[^\s?@$]*:[^\s?@$]+@"  # nosec B105 # what a password looks like
DURATION_FORM = "(?=.*[1-9])" + "".join(f"([0-9]{{1,6}}{unit})?" for unit in UNITS)

SCALARS = ["string", "number", "boolean"]

_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_MINUTE = re.compile(r":([0-5]\d)", re.ASCII)
_GROUP = re.compile(r"\s*[^\s;|][^;|\x00-\x1f]{0,99}")
_RECIPIENTS = listed((*ROLES, WATCHERS, "group:NAME"))
_AMOUNT = re.compile(r"\d+")
_WHOLE = re.compile(r"[1-9][0-9]{0,5}")


def patterned(types: str | list[str], pattern: str, expected: str) -> Schema:
    """Write the schema of a value whose whole text has this form; editors show `expected`."""
    return {"type": types, "pattern": f"^(?:{pattern})$", "patternErrorMessage": expected}


def named(names: Iterable[str], docs: Iterable[str] = ()) -> Schema:
    """Write the schema of one of these names, each with its description where there are any."""
    found: Schema = {"enum": list(names)}
    described = list(docs)
    return {**found, "enumDescriptions": described} if described else found


def offered(names: Iterable[str], form: Schema) -> Schema:
    """Write the schema of a value of this form; editors offer the names, another is as good."""
    known = sorted(names)
    return {"anyOf": [named(known), form]} if known else form


def text(raw: Any) -> str:
    """Read any text."""
    if not isinstance(raw, str):
        raise ValueError(f"expected text; got {shown(raw)}")
    return raw


def truth(raw: Any) -> bool:
    """Read true or false."""
    if raw not in ("true", "false"):
        raise ValueError(f"expected true or false, got {shown(raw)}")
    return bool(raw == "true")


TRUTH = Value(truth, {"enum": [True, False, "true", "false"]})
TEXT = Value(
    text,
    patterned(
        SCALARS,
        rf"(?![\s\S]*(\$\{{|{PASSWORD_FORM}))[\s\S]*",
        "no password and no ${…} here; only channels may hold one, as ${NAME}",
    ),
)


def duration(raw: Any) -> int:
    """Read a duration into milliseconds."""
    found = milliseconds(raw) if isinstance(raw, str) else None
    if found is None and isinstance(raw, str) and _is_too_long(raw):
        raise ValueError(f"expected a duration of ten years at most, got {shown(raw)}")
    if found is None:
        raise ValueError(f"expected a duration like 7d, 12h or 1w2d, got {shown(raw)}")
    return found


def _is_too_long(text: str) -> bool:
    """Tell whether only the numbers are wrong, and they are not nothing."""
    return milliseconds(_AMOUNT.sub("1", text)) is not None and bool(re.search("[1-9]", text))


DURATION = Value(
    duration, patterned("string", DURATION_FORM, "expected a duration like 7d, 12h or 1w2d")
)


def _bundle(raw: Any) -> int:
    try:
        return 0 if raw == "none" else duration(raw)
    except ValueError as error:
        raise ValueError(f"{error}; write none for no bundle") from None


BUNDLE_TIME = Value(
    _bundle, patterned("string", f"none|{DURATION_FORM}", "expected a duration like 30m, or none")
)
"""How long a message waits for others of its reader, in milliseconds; 0 for none."""


def _formed(form: str, takes: str, otherwise: str = "") -> Value:
    """Make the kind of a name; `otherwise` is told of a value that is no single text."""
    pattern = re.compile(form)

    def read(raw: Any) -> str:
        if not isinstance(raw, str) and otherwise:
            raise ValueError(otherwise.format(shown(raw)))
        if not isinstance(raw, str) or not pattern.fullmatch(raw):
            raise ValueError(f"{takes}; got {shown(raw)}")
        return raw

    return Value(read, patterned(SCALARS, form, takes))


RULE_ID = _formed(
    "[a-z0-9][a-z0-9_-]{0,62}", "an id takes small letters, digits, '-' and '_', 63 at most"
)
NAME = _formed(
    NAME_FORM,
    "a name takes letters, digits, '-' and '_', 63 at most",
    "expected one name, got {}; for more, write more entries",
)
"""The name of a channel, a template or a time interval where it is used."""


def minute_of_day(text: str) -> int | None:
    """Read 08:30 into minutes since midnight, 24:00 at most; None for another form."""
    found = _TIME.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else None
    return minute if minute is not None and minute <= DAY_MINUTES else None


def minute_of_hour(text: str) -> int | None:
    """Read :30 into minutes; None for another form."""
    found = _MINUTE.fullmatch(text)
    return int(found[1]) if found else None


def _day_begins(raw: Any) -> int:
    found = minute_of_day(raw) if isinstance(raw, str) else None
    if found is None or found == DAY_MINUTES:
        raise ValueError(f"expected a time of day like 08:30, got {shown(raw)}")
    return found


def _day_ends(raw: Any) -> int:
    found = minute_of_day(raw) if isinstance(raw, str) else None
    if not found:
        raise ValueError(f"expected a time of day like 18:00, 24:00 at most, got {shown(raw)}")
    return found


_TIME_FORM = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_CLOCK = {"minimum": 0, "maximum": DAY_MINUTES}
"""18:00 without quotes is a number of minutes to an editor that reads YAML 1.1."""

DAY_BEGINS = Value(
    _day_begins,
    _CLOCK | patterned(["integer", "string"], _TIME_FORM, "expected a time of day like 08:30"),
)
"""A time of day, 23:59 at most, in minutes since midnight."""
DAY_ENDS = Value(
    _day_ends,
    _CLOCK
    | patterned(
        ["integer", "string"],
        rf"(?!00:00){_TIME_FORM}|24:00",
        "expected a time of day like 18:00, 24:00 at most",
    ),
)
"""The end of a stretch of the day, 24:00 at most, in minutes since midnight."""
INTERVAL_NAMES: Schema = patterned(
    "string",
    f"(?!any$){NAME_FORM}",
    "a name takes letters, digits, '-' and '_', 63 at most; any is every hour",
)
MINUTE: Schema = patterned("string", ":[0-5][0-9]", "with 'every: hour', a minute like \":30\"")


def _whole(most: int, form: str) -> Value:
    """Make the kind of a whole number, 1 at least."""

    def read(raw: Any) -> int:
        number = int(raw) if isinstance(raw, str) and _WHOLE.fullmatch(raw) else 0
        if not 0 < number <= most:
            raise ValueError(f"expected a whole number from 1 to {most}, got {shown(raw)}")
        return number

    expected = f"expected a whole number, {most} at most"
    bounds = {"minimum": 1, "maximum": most}
    return Value(read, patterned(["integer", "string"], form, expected) | bounds)


COUNT = _whole(100, "[1-9][0-9]?|100")
DAY_OF_MONTH = _whole(31, "[1-9]|[12][0-9]|3[01]")
ITEMS = _whole(500, "[1-9][0-9]?|[1-4][0-9]{2}|500")


def _event(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"expected one event, got {shown(raw)}; for more, write more rules")
    if raw not in EVENTS:
        near = event_wish(raw) or f"; there are {', '.join(EVENTS)}"
        raise ValueError(f"unknown event {shown(raw)}{near}")
    return raw


def events(*, but: tuple[str, ...] = ()) -> Schema:
    """Write the schema of the events, without those that begin in one of these ways."""
    found = [each for each in EVENTS.values() if not each.name.startswith(but)]
    return named((each.name for each in found), (each.doc for each in found))


EVENT = Value(_event, events())


def _recipient(raw: Any) -> str:
    if not isinstance(raw, str):
        more = "; for more, write more entries"
        raise ValueError(f"'to' takes one of {_RECIPIENTS}, got {shown(raw)}{more}")
    if raw.startswith(GROUP):
        group = raw.removeprefix(GROUP)
        if not _GROUP.fullmatch(group):
            raise ValueError("expected the name of one group after 'group:', without ; and |")
        return f"{GROUP}{group.lstrip()}"
    if raw not in (*ROLES, WATCHERS):
        near = hint(raw, (*ROLES, WATCHERS)) or wish("group" if "@" in raw else raw, "to")
        raise ValueError(f"'to' takes {_RECIPIENTS}, not {shown(raw)}{near}")
    return raw


def recipients(*names: str) -> Schema:
    """Write the schema of one of these, or a group."""
    group = patterned(
        "string", f"{GROUP}{_GROUP.pattern}", "expected group:NAME; the name without ; and |"
    )
    return {"anyOf": [named(names), group]} if names else group


RECIPIENT = Value(_recipient, recipients(*ROLES, WATCHERS))


def _zone(raw: Any) -> str:
    text = raw if isinstance(raw, str) else ""
    if text in zones():
        return text
    message = f"unknown time zone {shown(raw)}; expected a name like Europe/Berlin"
    meant = zone_hint(text)
    raise ValueError(message + (f"; did you mean '{meant}'?" if meant else ""))


ZONE = Value(_zone, lambda: named(sorted(zones())))
"""An IANA time zone."""


def _version(raw: Any) -> str:
    if raw != "1":
        message = "this is version 1 of the rule language; expected 1, got"
        raise ValueError(f"{message} {shown(raw)}")
    return "1"


VERSION = Value(_version, {"enum": [1, "1"]})
