"""Trace conditions: each with the value it had, true, false or not known, in words."""

import ast
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from service.learners.look_alikes import LookAlike, doubtful, told
from service.rules.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldTest,
    NoneOf,
    Read,
    ValueTest,
    compile_conditions,
)
from service.rules.fields import Type, field_named, is_personal
from service.rules.text import moment, side_by_side

SETTLED = "was not read, as another condition had settled it"
ERASED = "was not read, as another condition had settled it, or is erased since"

Known = Callable[[str], bool]
"""Tells whether the value of a field is known at all; a known value may be None."""


class TermResult(NamedTuple):
    """State whether one condition holds, and how deep in `any`, `all` and `none` it stands.

    `got` is the value it had, None for a group. `holds` is None where the value is not known
    any more, or was never asked for.
    """

    holds: bool | None
    depth: int
    term: str
    got: str | None
    line: int

    @property
    def words(self) -> str:
        """Say `enrollment.progress gte 80: got 60`."""
        return self.term if self.got is None else f"{self.term}: got {self.got}"


def trace(
    conditions: Iterable[Condition], read: Read, known: Known = lambda _: True, depth: int = 0
) -> Iterator[TermResult]:
    """Yield every condition with its value, also those that the rule need not have asked for."""
    for condition in conditions:
        holds = result(condition, read, known)
        if isinstance(condition, FieldTest):
            words, got = _term(condition, read, known)
            if got and not holds:
                got = told(got, _seeming(condition.field, read(condition.field)), "in it")
            yield TermResult(holds, depth, words, got, condition.line)
        else:
            words = f"{word_of(condition)} of these"
            yield TermResult(holds, depth, words, None, condition.line)
            yield from trace(condition.conditions, read, known, depth + 1)


def _term(term: FieldTest, read: Read, known: Known) -> tuple[str, str | None]:
    words = term_in_words(term)
    if known(term.field):
        return words, shown(term.field, read(term.field))
    return f"{words}: {ERASED if is_personal(term.field) else SETTLED}", None


def _seeming(name: str, value: Any) -> LookAlike | None:
    """Find what in a text is not what it looks like: that may be why it is not the one wanted."""
    field = field_named(name)
    texts = {"text": [value], "texts": value}.get(field.type if field else "text")
    return next(filter(None, map(doubtful, filter(None, texts or ()))), None)


def result(condition: Condition, read: Read, known: Known) -> bool | None:
    """Tell whether a condition holds; None where what is known cannot tell."""
    if isinstance(condition, FieldTest):
        return compile_conditions([condition])(read) if known(condition.field) else None
    inner = [result(each, read, known) for each in condition.conditions]
    if isinstance(condition, AllOf):
        return False if False in inner else (None if None in inner else True)
    some = True if True in inner else (None if None in inner else False)
    if isinstance(condition, NoneOf):
        return None if some is None else not some
    return some


def values_read(read: Mapping[str, object], kept: Mapping[str, str]) -> dict[str, object]:
    """Restore what a decision read: the recorded values, and personal ones not erased since."""
    found = {name: math.inf if value == "unlimited" else value for name, value in read.items()}
    personal = {name: text for name, text in kept.items() if field_named(name)}
    return found | {name: _personal(name, text) for name, text in personal.items()}


def trace_recorded(
    conditions: Iterable[Condition], read: Mapping[str, object], kept: Mapping[str, str]
) -> list[TermResult]:
    """Trace conditions on what a decision read; a value that was not read is not known."""
    known = values_read(read, kept)
    return list(trace(conditions, known.get, known.__contains__))


def _personal(name: str, text: str) -> object:
    """Read the value whose text was kept beside the log."""
    field = field_named(name)
    assert field is not None
    if text == "None":
        return None
    if field.type == "bool":
        return text == "True"
    return ast.literal_eval(text) if field.type == "texts" else text


def word_of(group: Condition) -> str:
    """Say `all`, `any` or `none`."""
    if isinstance(group, AllOf):
        return "all"
    return "any" if isinstance(group, AnyOf) else "none"


def term_in_words(term: FieldTest) -> str:
    """Say `enrollment.progress gte 80`."""
    operand: object = term.operand
    if term.operator != "empty":
        operand = shown(term.field, operand)
    else:
        operand = "true" if operand else "false"
    return f"{term.field} {term.operator} {operand}"


def range_in_words(test: ValueTest) -> str:
    """Say `gt 0`, `gte 1 and lte 3`."""
    terms = (each for each in test.conditions if isinstance(each, FieldTest))
    return " and ".join(f"{t.operator} {shown(t.field, t.operand)}" for t in terms)


def shown(name: str, value: object) -> str:
    """Show the value of a field as its type is read."""
    found = field_named(name)
    return _shown(found.type if found else "text", value)


def _shown(type: Type, value: object) -> str:
    if value is None:
        return "nothing known"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value or "nothing"
    if isinstance(value, Sequence):
        return f"[{side_by_side(_shown(type, each) for each in value)}]"
    if not isinstance(value, int | float):
        return str(value)
    if value == math.inf:
        return "unlimited"
    if type == "time":
        return moment(int(value))
    return f"{value:g}d" if type == "duration" else f"{value:.10g}"
