"""Read operands, which stand after an operator, and write the JSON Schema of each kind."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from service.rules.calendar import DAY, milliseconds
from service.rules.conditions import LISTS, OPERATORS, Operand
from service.rules.fields import Field, Type
from service.rules.language.shape import Schema
from service.rules.language.values import DURATION_FORM, TEXT, named, offered, patterned
from service.rules.language.wishes import operator_wish
from service.rules.text import hint, listed, shown

_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadOperand(Exception):
    """Say what is wrong with an operand; `index` is its place in a list."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class OperandReader:
    """Read what stands after operators of a field; a time without a zone is one in `zone`."""

    field: Field
    zone: tzinfo

    def read(self, operator: str, raw: Any) -> Operand:
        """Read the operand of an operator, or raise `BadOperand`."""
        field = self.field
        if operator not in OPERATORS[field.type]:
            allowed = ", ".join(OPERATORS[field.type])
            better = operator_wish(operator, field)
            message = f"'{operator}' does not go with '{field.name}'; it takes {allowed}"
            raise BadOperand(message + better)
        if operator == "empty":
            return _bool(field, raw, self.zone)
        if operator in LISTS:
            return self._list(operator, raw)
        if isinstance(raw, list):
            many = "contains_any" if field.type == "texts" else "in"
            better = f"; for several values write {{{many}: [a, b]}}"
            raise BadOperand(f"'{operator}' takes one value, not a list{better}")
        return self._one(raw)

    def _list(self, operator: str, raw: Any) -> Operand:
        if not isinstance(raw, list) or not raw:
            got = "an empty list" if raw == [] else shown(raw)
            raise BadOperand(f"'{operator}' takes a list like [a, b], not {got}")
        values: list[Any] = []
        for index, item in enumerate(raw):
            try:
                values.append(self._one(item))
            except BadOperand as bad:
                raise BadOperand(str(bad), index) from None
        return tuple(values)

    def _one(self, raw: Any) -> Operand:
        if not isinstance(raw, str):
            raise BadOperand(f"expected one value for '{self.field.name}', got {shown(raw)}")
        return KINDS[self.field.type].read(self.field, raw, self.zone)


def _text(field: Field, raw: str, zone: tzinfo) -> Operand:
    return raw


def _enum(field: Field, raw: str, zone: tzinfo) -> Operand:
    if raw not in field.values:
        near = hint(raw, field.values)
        raise BadOperand(f"{shown(raw)} is no {field.name}; use {listed(field.values)}{near}")
    return raw


def _bool(field: Field, raw: Any, zone: tzinfo) -> Operand:
    if raw not in ("true", "false"):
        raise BadOperand(f"expected true or false, got {shown(raw)}")
    return bool(raw == "true")


def _number(field: Field, raw: str, zone: tzinfo) -> Operand:
    if not _NUMBER.fullmatch(raw):
        raise BadOperand(f"expected a number for '{field.name}', got {shown(raw)}")
    return float(raw) if "." in raw else int(raw)


def _days(field: Field, raw: str, zone: tzinfo) -> Operand:
    duration = milliseconds(raw)
    if duration is not None:
        return duration / DAY
    if _NUMBER.fullmatch(raw):
        return float(raw)
    raise BadOperand(f"expected days or a duration like 7d or 12h, got {shown(raw)}")


def _time(field: Field, raw: str, zone: tzinfo) -> Operand:
    try:
        time = datetime.fromisoformat(raw)
        time = time if time.tzinfo else time.replace(tzinfo=zone)
        return round((time - _EPOCH).total_seconds() * 1000)
    except (ValueError, OverflowError):
        form = "2026-03-01 or 2026-03-01T08:30:00+01:00"
        raise BadOperand(f"expected a date or time like {form}, got {shown(raw)}") from None


@dataclass(frozen=True, eq=False)
class OperandKind:
    """Read the values of one type of field, and describe them in JSON Schema."""

    read: Callable[[Field, str, tzinfo], Operand]
    schema: Schema


_NUMBER_FORM = r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?"
_DATE = r"[0-9]{4}(-?(0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])|-?W[0-5][0-9](-?[1-7])?)"

TRUTH = patterned(["boolean", "string"], "true|false", "expected true or false")
KINDS: dict[Type, OperandKind] = {
    "text": OperandKind(_text, TEXT.json_schema()),
    "texts": OperandKind(_text, TEXT.json_schema()),
    "bool": OperandKind(_bool, TRUTH),
    "number": OperandKind(
        _number, patterned(["number", "string"], _NUMBER_FORM, "expected a number")
    ),
    "duration": OperandKind(
        _days,
        patterned(
            ["number", "string"],
            f"{DURATION_FORM}|{_NUMBER_FORM}",
            "expected days or a duration like 7d or 12h",
        ),
    ),
    "time": OperandKind(
        _time,
        patterned(
            ["integer", "string"],
            rf"{_DATE}([\s\S][0-9]{{2}}[0-9:.,Z+-]*)?",
            "expected a date or time like 2026-03-01 or 2026-03-01T08:30:00+01:00",
        )
        | {"minimum": 1000_01_01, "maximum": 9999_12_31},
    ),
    "enum": OperandKind(_enum, {}),
}
"""The schema of an enum are the values of its field."""

DESCRIBED = {
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
"""What is true of a value, by operator."""


def tested(type_: Type, values: tuple[str, ...] = ()) -> Schema:
    """Write the schema of what stands after a field: one value, or operators with theirs.

    An enum is one of the `values`; for other types they are offered, and another is as good.
    """
    value = named(values) if type_ == "enum" else offered(values, KINDS[type_].schema)
    operators: Schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {name: _operand(name, value) for name in OPERATORS[type_]},
    }
    return {"anyOf": [value, operators]} if "eq" in OPERATORS[type_] else operators


def _operand(operator: str, value: Schema) -> Schema:
    described = {"description": DESCRIBED[operator]}
    if operator == "empty":
        return described | TRUTH
    if operator in LISTS:
        return described | {"type": "array", "minItems": 1, "items": value}
    return described | value
