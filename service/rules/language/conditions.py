"""Matchers: conditions as written in the file, read into terms and groups."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from service.rules.calendar import DAY, milliseconds
from service.rules.conditions import OPERATORS, AllOf, AnyOf, Condition, NoneOf, Operand, Term
from service.rules.fields import FIELDS, Field, Sources, field_named
from service.rules.language.report import Report
from service.rules.language.yaml_reader import Path
from service.rules.scope import Scope
from service.rules.text import hint, listed, nearest, shown

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


GROUPS: dict[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {
    "all": AllOf,
    "any": AnyOf,
    "none": NoneOf,
}

_ALL_OPERATORS = tuple(dict.fromkeys(name for names in OPERATORS.values() for name in names))
_READABLE = tuple(name for name, field in FIELDS.items() if field.in_conditions)
_LIST = "expected a list of conditions, each on a line that starts with '- '"


@dataclass(frozen=True)
class Matchers:
    """Reads the conditions of one rule and reports every mistake in them.

    `scope` is what the rule's trigger knows of, None when the trigger itself is wrong.
    """

    report: Report
    scope: Scope | None
    sources: Sources
    zone: tzinfo

    def conditions(self, raw: list[Any], path: Path) -> tuple[Condition, ...]:
        """Read a list of conditions; what is wrong is left out."""
        read = (self._item(item, (*path, index)) for index, item in enumerate(raw))
        return tuple(term for terms in read for term in terms)

    def value_test(self, name: str, raw: Any, path: Path) -> tuple[Condition, ...]:
        """Read what the value of a known field must be: operators, or one value."""
        field = field_named(name)
        return self._terms(field, raw, path) if field else ()

    def check_source(self, field: Field, path: Path, *, key: bool) -> None:
        """Warn of a field that none of the configured sources ever fills."""
        fillers, configured = self.sources.of(field.name), self.sources.configured
        if not configured or not fillers or field.imported or fillers & configured:
            return
        self.report.warning(
            path,
            f"no configured source fills '{field.name}' ({listed(sorted(fillers))} would); "
            "its value stays unknown",
            key=key,
        )

    def _item(self, item: Any, path: Path) -> tuple[Condition, ...]:
        if not isinstance(item, dict):
            self.report.error(path, f"expected 'field: value', got {shown(item)}")
            return ()
        names = list(item)
        for name in names[1:]:
            message = f"one condition, one line; put '- ' before {shown(name)}"
            self.report.error((*path, name), message, key=True)
        if not names:
            self.report.error(path, "expected 'field: value', got nothing")
            return ()
        name, inner = names[0], (*path, names[0])
        if name in GROUPS:
            return self._group(name, item[name], inner)
        field = self._field(name, inner)
        return self._terms(field, item[name], inner) if field else ()

    def _group(self, name: str, raw: Any, path: Path) -> tuple[Condition, ...]:
        if raw == []:
            self.report.error(path, f"'{name}' needs at least one condition")
            return ()
        if not isinstance(raw, list):
            self.report.error(path, f"{_LIST}, got {shown(raw)}")
            return ()
        members: list[Condition] = []
        for index, item in enumerate(raw):
            terms = self._item(item, (*path, index))
            line = self.report.line((*path, index))
            members.extend([AllOf(terms, line)] if len(terms) > 1 else terms)
        return (GROUPS[name](tuple(members), self.report.key_line(path)),)

    def _field(self, name: str, path: Path) -> Field | None:
        field = field_named(name)
        if field is None:
            self.report.error(path, _unknown(name), key=True)
            return None
        if not field.in_conditions:
            self.report.error(path, f"'{name}' is for templates only", key=True)
            return None
        if self.scope and not self.scope.reads(name):
            known = f"{self.scope.title} can read {self.scope.fields}"
            self.report.error(path, f"'{name}' is not known here; {known}", key=True)
            return None
        self.check_source(field, path, key=True)
        return self._with_sources(field) if name == "event.source" else field

    def _with_sources(self, field: Field) -> Field:
        """Where it is known which sources there are, its values are those."""
        known = tuple(sorted(self.sources.fills))
        return replace(field, type="enum", values=known) if known else field

    def _terms(self, field: Field, raw: Any, path: Path) -> tuple[Condition, ...]:
        if self.report.spoiled(path):
            return ()
        if not isinstance(raw, dict):
            return self._term(field, "eq", raw, path, bare=True)
        if not raw:
            self.report.error(path, f"expected an operator and a value, e.g. {_example(field)}")
        read = (self._operator(field, name, raw[name], (*path, name)) for name in raw)
        return tuple(term for terms in read for term in terms)

    def _operator(self, field: Field, name: str, raw: Any, path: Path) -> tuple[Condition, ...]:
        if name not in _ALL_OPERATORS:
            near = hint(name, OPERATORS[field.type])
            near = near or f"; use {listed(OPERATORS[field.type])}"
            self.report.error(path, f"unknown operator {shown(name)}{near}", key=True)
            return ()
        return self._term(field, name, raw, path)

    def _term(
        self, field: Field, operator: str, raw: Any, path: Path, *, bare: bool = False
    ) -> tuple[Condition, ...]:
        allowed = operator in OPERATORS[field.type]
        if bare and not allowed:
            message = f"'{field.name}' needs an operator, e.g. {_example(field)}"
            self.report.error(path, message)
            return ()
        try:
            operand = read_operand(field, operator, raw, self.zone)
        except BadOperand as bad:
            place = path if bad.index is None else (*path, bad.index)
            self.report.error(place, str(bad), key=not allowed)
            return ()
        return (Term(field.name, operator, operand, self.report.key_line(path)),)


def _unknown(name: str) -> str:
    if name in _ALL_OPERATORS:
        return f"expected a field before '{name}', e.g. {{enrollment.progress: {{{name}: …}}}}"
    if any(known.startswith(f"{name}.") for known in _READABLE):
        inside = listed(known for known in _READABLE if known.startswith(f"{name}."))
        return f"write the whole name of the field: {inside}"
    near = nearest(name, (*_READABLE, *GROUPS))
    return f"unknown field {shown(name)}" + (f"; did you mean '{near}'?" if near else "")


def _example(field: Field) -> str:
    if field.type == "texts":
        return "{contains: mandatory}"
    return "{gte: 2026-03-01}" if field.type == "time" else "{eq: …}"
