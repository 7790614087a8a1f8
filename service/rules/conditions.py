"""Compile conditions, a tree of tests on fields, into one quick function."""

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from service.rules.fields import Type, field_named


def compile_wildcard(pattern: str) -> Callable[[str], bool]:
    """Test whole texts, without regard to case; takes at most text times pattern steps.

    Each piece between two `*` has a fixed length, so the leftmost place for it is always the
    best one and nothing is ever tried twice. A regular expression could hang the service.
    """
    first, *rest = pattern.casefold().split("*")
    head = _piece(first)
    if not rest:
        return lambda text: head.fullmatch(text.casefold()) is not None
    *middle, last = rest
    pieces = [_piece(piece) for piece in middle if piece]
    tail = _piece(last)

    def matches(text: str) -> bool:
        text = text.casefold()
        end = len(text) - len(last)
        found = head.match(text)
        for piece in pieces:
            found = found and piece.search(text, found.end())
        return bool(found and found.end() <= end and tail.match(text, end))

    return matches


def _piece(piece: str) -> re.Pattern[str]:
    return re.compile("".join("." if c == "?" else re.escape(c) for c in piece), re.DOTALL)


Read = Callable[[str], object]
"""Gives a field's value, or None when it is unknown. Unlimited seats are `math.inf`."""

Test = Callable[[Read], bool]


def place() -> int:
    """Declare a line of the file: conditions are equal wherever they stand."""
    line: int = field(default=0, compare=False)
    return line


Operand = str | int | float | bool | tuple[str | int | float, ...]


@dataclass(frozen=True)
class FieldTest:
    """Compare one field by one operator; `line` is its place in the file, counted from 1.

    The operand is as the field's type says: a time in milliseconds UTC, a duration in days.
    """

    field: str
    operator: str
    operand: Operand
    line: int = place()


@dataclass(frozen=True)
class AllOf:
    """Hold when every condition in it does."""

    conditions: tuple["Condition", ...]
    line: int = place()


@dataclass(frozen=True)
class AnyOf:
    """Hold when one condition in it does."""

    conditions: tuple["Condition", ...]
    line: int = place()


@dataclass(frozen=True)
class NoneOf:
    """Hold when no condition in it does: the negation of `AnyOf`."""

    conditions: tuple["Condition", ...]
    line: int = place()


Condition = FieldTest | AllOf | AnyOf | NoneOf

_COMPARED = ("eq", "ne", "gt", "gte", "lt", "lte")
_LISTED = ("eq", "ne", "in", "not_in")

OPERATORS: dict[Type, tuple[str, ...]] = {
    "text": (*_LISTED, "contains", "matches", "empty"),
    "enum": (*_LISTED, "empty"),
    "number": (*_COMPARED, "in", "not_in", "empty"),
    "duration": (*_COMPARED, "empty"),
    "bool": ("eq", "ne", "empty"),
    "time": ("gt", "gte", "lt", "lte", "empty"),
    "texts": ("contains", "contains_any", "contains_all", "empty"),
}
LISTS = frozenset({"in", "not_in", "contains_any", "contains_all"})
"""The operators that take a list."""
NEGATIONS = {"ne": "eq", "not_in": "in"}
"""The operators that deny another one."""
"""The operators each type of field takes.

Text is compared exactly, also by `contains`; only `matches` (see `wildcards`) ignores case.
"""


def compile_conditions(conditions: Iterable[Condition]) -> Test:
    """Make one function out of conditions that must all be true (none at all is true).

    Every operator on an unknown value is false, except `empty: true` and the negations `ne`,
    `not_in` and `none`, which are true.
    """
    return _every([_compiled(condition) for condition in conditions])


def fields_of(conditions: Iterable[Condition]) -> Iterator[str]:
    """Yield every field that conditions may read."""
    for condition in conditions:
        if isinstance(condition, FieldTest):
            yield condition.field
        else:
            yield from fields_of(condition.conditions)


@dataclass(frozen=True)
class ValueTest:
    """Say what one value must be, e.g. `{lte: 2}`; `conditions` say it of one field."""

    conditions: tuple[Condition, ...]

    def matches(self, value: object) -> bool:
        """Test a value; None is unknown, unlimited seats are `math.inf`."""
        return self._holds(lambda _: value)

    @cached_property
    def _holds(self) -> Test:
        return compile_conditions(self.conditions)


def _compiled(condition: Condition) -> Test:
    if isinstance(condition, FieldTest):
        return _field_test(condition)
    tests = [_compiled(inner) for inner in condition.conditions]
    if isinstance(condition, AllOf):
        return _every(tests)
    return _some(tests) if isinstance(condition, AnyOf) else _negated(_some(tests))


def _every(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda read: first(read) and second(read)

    def every(read: Read) -> bool:
        for test in tests:
            if not test(read):
                return False
        return True

    return every


def _some(tests: list[Test]) -> Test:
    def some(read: Read) -> bool:
        for test in tests:
            if test(read):
                return True
        return False

    return tests[0] if len(tests) == 1 else some


def _negated(test: Test) -> Test:
    return lambda read: not test(read)


def _field_test(term: FieldTest) -> Test:
    """Compile one term; texts that people write are compared in the form that their field has."""
    if term.operator in NEGATIONS:
        return _negated(_field_test(replace(term, operator=NEGATIONS[term.operator])))
    known = field_named(term.field)
    holds = _OF_TYPE.get((known.type, term.operator)) if known else None
    if known and holds:
        return _known(term.field, holds(term.operand, known.form))
    return _MAKERS[term.operator](term.field, term.operand)


def _known(field: str, holds: Callable[[Any], bool]) -> Test:
    def test(read: Read) -> bool:
        value = read(field)
        return value is not None and holds(value)

    return test


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[str, Any], Test]:
    def make(field: str, operand: Any) -> Test:
        def test(read: Read) -> bool:
            value = read(field)
            return value is not None and compare(value, operand)

        return test

    return make


def _in(field: str, operand: Any) -> Test:
    return _known(field, frozenset(operand).__contains__)


def _empty(field: str, operand: Any) -> Test:
    def empty(read: Read) -> bool:
        value = read(field)
        return value is None or (not value and not isinstance(value, int | float))

    return empty if operand else _negated(empty)


_MAKERS: dict[str, Callable[[str, Any], Test]] = {
    "eq": _compared(operator.eq),
    "gt": _compared(operator.gt),
    "gte": _compared(operator.ge),
    "lt": _compared(operator.lt),
    "lte": _compared(operator.le),
    "in": _in,
    "empty": _empty,
}

Form = Callable[[str], str]
Holds = Callable[[Any], bool]


def _is_same(operand: Any, form: Form) -> Holds:
    wanted = form(operand)
    return lambda text: text == wanted or form(text) == wanted


def _is_one_of(operand: Any, form: Form) -> Holds:
    wanted = frozenset(map(form, operand))
    return lambda text: text in wanted or form(text) in wanted


def _has_part(operand: Any, form: Form) -> Holds:
    """Find a part of a text; a plain blank at its edge, which only quotes keep, is meant."""
    found = form(operand)
    part = " " * operand.startswith(" ") + found + " " * operand.endswith(" ") if found else operand
    return lambda text: part in form(text)


def _has(operand: Any, form: Form) -> Holds:
    wanted = form(operand)
    return lambda texts: wanted in texts or wanted in map(form, texts)


def _has_any(operand: Any, form: Form) -> Holds:
    wanted = frozenset(map(form, operand))
    return lambda texts: not wanted.isdisjoint(map(form, texts))


def _has_all(operand: Any, form: Form) -> Holds:
    wanted = frozenset(map(form, operand))
    return lambda texts: wanted.issubset(map(form, texts))


def _matches(operand: Any, form: Form) -> Holds:
    matches = compile_wildcard(form(operand))
    return lambda text: matches(form(text))


_OF_TYPE: dict[tuple[Type, str], Callable[[Any, Form], Holds]] = {
    ("text", "eq"): _is_same,
    ("text", "in"): _is_one_of,
    ("text", "contains"): _has_part,
    ("text", "matches"): _matches,
    ("texts", "contains"): _has,
    ("texts", "contains_any"): _has_any,
    ("texts", "contains_all"): _has_all,
}
"""What holds of a text or of texts; `form` gives the form in which two are compared."""
