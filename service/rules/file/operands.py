"""Operands: the text after an operator, read as its field's type says."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any

from service.rules.conditions import OPERATORS, Operand
from service.rules.durations import DAY, milliseconds
from service.rules.fields import Field
from service.rules.words import hint, listed, shown

LISTS = frozenset({"in", "not_in", "contains_any", "contains_all"})

_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadOperand(Exception):
    """What is wrong with an operand; `index` is its place in a list."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


def read_operand(field: Field, operator: str, raw: Any, zone: tzinfo) -> Operand:
    """Read what stands after an operator, or raise `BadOperand`.

    A time without a zone is taken to be in `zone`.
    """
    if operator not in OPERATORS[field.type]:
        allowed = ", ".join(OPERATORS[field.type])
        raise BadOperand(f"'{operator}' does not go with '{field.name}'; it takes {allowed}")
    if operator == "empty":
        return _bool(field, raw, zone)
    if operator in LISTS:
        return _list(field, operator, raw, zone)
    if isinstance(raw, list):
        many = "contains_any" if field.type == "texts" else "in"
        better = f"; for several values write {{{many}: [a, b]}}"
        raise BadOperand(f"'{operator}' takes one value, not a list{better}")
    return _one(field, raw, zone)


def _list(field: Field, operator: str, raw: Any, zone: tzinfo) -> Operand:
    if not isinstance(raw, list) or not raw:
        got = "an empty list" if raw == [] else shown(raw)
        raise BadOperand(f"'{operator}' takes a list like [a, b], not {got}")
    values: list[Any] = []
    for index, item in enumerate(raw):
        try:
            values.append(_one(field, item, zone))
        except BadOperand as bad:
            raise BadOperand(str(bad), index) from None
    return tuple(values)


def _one(field: Field, raw: Any, zone: tzinfo) -> Operand:
    if not isinstance(raw, str):
        raise BadOperand(f"expected one value for '{field.name}', got {shown(raw)}")
    return _READERS[field.type](field, raw, zone)


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


_READERS: dict[str, Callable[[Field, str, tzinfo], Operand]] = {
    "text": _text,
    "texts": _text,
    "enum": _enum,
    "bool": _bool,
    "number": _number,
    "duration": _days,
    "time": _time,
}
