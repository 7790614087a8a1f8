"""Recollection: the conditions of a rule with the values a decision recorded that it read."""

import ast
import math
from collections.abc import Iterable, Iterator, Mapping

from service.rules.conditions import AllOf, Condition, NoneOf, Term, compile_conditions
from service.rules.describe import Line, shown, term_in_words, word_of
from service.rules.fanout import is_personal
from service.rules.fields import field_named

SETTLED = "was not read, as another condition had settled it"
ERASED = "was not read, as another condition had settled it, or is erased since"


def recollected(
    conditions: Iterable[Condition], known: Mapping[str, object], depth: int = 0
) -> Iterator[Line]:
    """Every condition with the value that was read; `known` are those, by field."""
    for condition in conditions:
        holds = held(condition, known)
        if isinstance(condition, Term):
            yield Line(holds, depth, *_term(condition, known), condition.line)
        else:
            yield Line(holds, depth, f"{word_of(condition)} of these", None, condition.line)
            yield from recollected(condition.conditions, known, depth + 1)


def _term(term: Term, known: Mapping[str, object]) -> tuple[str, str | None]:
    words = term_in_words(term)
    if term.field in known:
        return words, shown(term.field, known[term.field])
    return f"{words}: {ERASED if is_personal(term.field) else SETTLED}", None


def held(condition: Condition, known: Mapping[str, object]) -> bool | None:
    """Whether a condition held; None where that cannot be told from what was read."""
    if isinstance(condition, Term):
        known_here = condition.field in known
        return compile_conditions([condition])(known.get) if known_here else None
    inner = [held(each, known) for each in condition.conditions]
    if isinstance(condition, AllOf):
        return False if False in inner else (None if None in inner else True)
    some = True if True in inner else (None if None in inner else False)
    if isinstance(condition, NoneOf):
        return None if some is None else not some
    return some


def values_read(read: Mapping[str, object], kept: Mapping[str, str]) -> dict[str, object]:
    """What a decision read: the recorded values, and the personal ones not erased since."""
    found = {name: _number(value) for name, value in read.items()}
    personal = {name: text for name, text in kept.items() if field_named(name)}
    return found | {name: _personal(name, text) for name, text in personal.items()}


def _number(value: object) -> object:
    return math.inf if value == "unlimited" else value


def _personal(name: str, text: str) -> object:
    """The value whose text was kept beside the log."""
    field = field_named(name)
    assert field is not None
    if text == "None":
        return None
    if field.type == "bool":
        return text == "True"
    return ast.literal_eval(text) if field.type == "texts" else text
