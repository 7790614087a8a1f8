"""Schema values: how single values are written, as JSON Schema, for editors.

An editor reads `80` as a number and `true` as a boolean where the reader sees text, so a value
may be either. Patterns are for JavaScript as well as for Python.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from service.rules.calendar import UNITS
from service.rules.conditions import OPERATORS
from service.rules.fields import EVENTS, FIELDS, Field, Sources, Type
from service.rules.language.channels import NAME as CHANNEL_NAME
from service.rules.language.conditions import LISTS
from service.rules.language.values import COUNT_MAX, ITEMS_MAX
from service.rules.text import listed

Schema = dict[str, Any]

_SCALARS = ["string", "number", "boolean"]
_PASSWORD = r"://[^\s?@$]*:[^\s?@$]+@"
_UNITS = "".join(f"([0-9]{{1,6}}{unit})?" for unit in UNITS)
_DURATION = f"(?=.*[1-9]){_UNITS}"
_NUMBER = r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?"
_DATE = r"[0-9]{4}(-?(0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])|-?W[0-5][0-9](-?[1-7])?)"
_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\}"

_DESCRIBED = {
    "eq": "is exactly this",
    "ne": "is not this; true also when unknown",
    "gt": "is greater, or later",
    "gte": "is greater or the same, or not before",
    "lt": "is less, or earlier",
    "lte": "is less or the same, or not after",
    "in": "is one of these",
    "not_in": "is none of these; true also when unknown",
    "contains": "has this in it",
    "contains_any": "has at least one of these in it",
    "contains_all": "has every one of these in it",
    "matches": "is like this, where * stands for any text and ? for one character; ignores case",
    "empty": "true: unknown or empty; false: known",
}


def patterned(types: str | list[str], pattern: str, expected: str) -> Schema:
    """A value whose whole text has this form; editors show `expected` when it has not."""
    return {"type": types, "pattern": f"^(?:{pattern})$", "patternErrorMessage": expected}


def named(names: Iterable[str], docs: Iterable[str] = ()) -> Schema:
    """One of these names, each with its description where there are any."""
    found: Schema = {"enum": list(names)}
    described = list(docs)
    return {**found, "enumDescriptions": described} if described else found


def offered(names: Iterable[str], form: Schema) -> Schema:
    """A value of this form; editors offer the names, but another one is as good."""
    known = sorted(names)
    return {"anyOf": [named(known), form]} if known else form


def events(*, but: tuple[str, ...] = ()) -> Schema:
    """The events a rule can name, without those that begin in one of these ways."""
    found = [each for each in EVENTS.values() if not each.name.startswith(but)]
    return named((each.name for each in found), (each.doc for each in found))


TEXT = patterned(
    _SCALARS,
    rf"(?![\s\S]*(\$\{{|{_PASSWORD}))[\s\S]*",
    "no password and no ${…} here; only channels may hold one, as ${NAME}",
)
DURATION = patterned("string", _DURATION, "expected a duration like 7d, 12h or 1w2d")
RULE_ID = patterned(
    _SCALARS,
    "[a-z0-9][a-z0-9_-]{0,62}",
    "an id takes small letters, digits, '-' and '_', 63 at most",
)
NAME = patterned(
    _SCALARS,
    "[A-Za-z0-9_][A-Za-z0-9_-]{0,62}",
    "a name takes letters, digits, '-' and '_', 63 at most",
)
GROUP = patterned(
    "string",
    r"group:[^\s,;][^,;\x00-\x1f]{0,99}",
    "expected group:NAME; the name without , and ;",
)
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_CLOCK = {"minimum": 0, "maximum": 1440}
"""18:00 without quotes is a number of minutes to an editor that reads YAML 1.1."""
DAY_BEGINS: Schema = _CLOCK | patterned(
    ["integer", "string"], _TIME, "expected a time of day like 08:30"
)
DAY_ENDS: Schema = _CLOCK | patterned(
    ["integer", "string"],
    rf"(?!00:00){_TIME}|24:00",
    "expected a time of day like 18:00, 24:00 at most",
)
MINUTE = patterned("string", ":[0-5][0-9]", "with 'every: hour', a minute like \":30\"")
INTERVAL_NAMES = patterned(
    "string",
    r"(?!any$)[A-Za-z0-9_][A-Za-z0-9_-]{0,62}",
    "a name takes letters, digits, '-' and '_', 63 at most; any is every hour",
)
COUNT: Schema = {
    **patterned(
        ["integer", "string"], "[1-9][0-9]?|100", f"expected a whole number, {COUNT_MAX} at most"
    ),
    "minimum": 1,
    "maximum": COUNT_MAX,
}
ITEMS: Schema = {
    **patterned(
        ["integer", "string"],
        "[1-9][0-9]?|[1-4][0-9]{2}|500",
        f"expected a whole number, {ITEMS_MAX} at most",
    ),
    "minimum": 1,
    "maximum": ITEMS_MAX,
}
CHANNELS: Schema = {
    "type": "object",
    "propertyNames": patterned(
        "string",
        CHANNEL_NAME.pattern,
        "a channel's name takes letters, digits, '-' and '_', 63 at most",
    ),
    "additionalProperties": patterned(
        "string",
        rf"(?![\s\S]*{_PASSWORD})(?=[A-Za-z][A-Za-z0-9+.-]*://|[\s\S]*\$\{{)"
        rf"([^$]|\$(?!\{{)|{_VARIABLE})+",
        "expected a URL like slack://…, or ${NAME}, or ${NAME:-default}; no password",
    ),
}

_BOOL = patterned(["boolean", "string"], "true|false", "expected true or false")
_VALUES: Mapping[Type, Schema] = {
    "text": TEXT,
    "texts": TEXT,
    "bool": _BOOL,
    "number": patterned(["number", "string"], _NUMBER, "expected a number"),
    "duration": patterned(
        ["number", "string"],
        f"{_DURATION}|{_NUMBER}",
        "expected days or a duration like 7d or 12h",
    ),
    "time": {
        **patterned(
            ["integer", "string"],
            rf"{_DATE}([\s\S][0-9]{{2}}[0-9:.,Z+-]*)?",
            "expected a date or time like 2026-03-01 or 2026-03-01T08:30:00+01:00",
        ),
        "minimum": 1000_01_01,
        "maximum": 9999_12_31,
    },
}


def tested(type_: Type, values: tuple[str, ...] = ()) -> Schema:
    """What may stand after a field of this type: one value, or operators with theirs."""
    value = named(values) if type_ == "enum" else _VALUES[type_]
    operators: Schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {name: _operand(name, value) for name in OPERATORS[type_]},
    }
    return {"anyOf": [value, operators]} if "eq" in OPERATORS[type_] else operators


def _operand(operator: str, value: Schema) -> Schema:
    described = {"description": _DESCRIBED[operator]}
    if operator == "empty":
        return described | _BOOL
    if operator in LISTS:
        return described | {"type": "array", "minItems": 1, "items": value}
    return described | value


def fields(sources: Sources) -> dict[str, Schema]:
    """Every field that conditions can read, by its name, with what may stand after it."""
    return {name: _field(each, sources) for name, each in FIELDS.items() if each.in_conditions}


def _field(field: Field, sources: Sources) -> Schema:
    told = sorted(sources.of(field.name))
    described = {"description": field.doc + (f"; told by {listed(told)}" if told else "")}
    if field.name == "event.source" and sources.fills:
        return described | tested("enum", tuple(sorted(sources.fills)))
    if field.type == "enum":
        return described | tested("enum", field.values)
    return described | {"allOf": [{"$ref": f"#/definitions/{field.type}"}]}


def types() -> dict[str, Schema]:
    """What may stand after a field, by its type; enums have their own values each."""
    return {type_: tested(type_) for type_ in _VALUES}
