"""Tell whether conditions can be true together: of some value of each field, at once.

Only what is certain is called impossible. Fields are taken one by one, so that what ties two of
them together counts only as far as conditions say it, as `STANDS` does.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, islice, pairwise
from math import floor
from typing import Any, NamedTuple

from service.learners.enrollment_state import COMPLETED, ENROLLED, IN_PROGRESS, UNENROLLED
from service.rules.conditions import (
    LISTS,
    AllOf,
    AnyOf,
    Condition,
    FieldTest,
    NoneOf,
    ValueTest,
    fields_of,
)
from service.rules.fields import SEATS, field_named
from service.rules.text import listed

BRANCHES_MAX = 1_024
CONDITIONS_MAX = 200
OPERANDS_MAX = 8
"""Whoever writes more of them is taken at their word."""

NEVER = AnyOf(())
OTHER = "\N{SNOWMAN} another"
"""A text that nobody compares with."""
COUNTS = frozenset({*(f"instance.{name}" for name in SEATS), "enrollment.days_silent"})
"""Fields that are whole numbers."""
PERCENTS = ("enrollment.progress", "enrollment.score")
NOT_NEGATIVE = (*COUNTS, *PERCENTS, "event.age")

ALWAYS: Sequence[Condition] = (
    NoneOf(tuple(FieldTest(name, "lt", 0) for name in NOT_NEGATIVE)),
    NoneOf(tuple(FieldTest(name, "gt", 100) for name in PERCENTS)),
)
"""What every source sees to."""


def _is(name: str, value: str | float) -> Condition:
    return FieldTest(f"enrollment.{name}", "eq", value)


def _known(name: str, known: bool) -> Condition:
    return FieldTest(f"enrollment.{name}", "empty", not known)


STANDS: Mapping[str, tuple[Condition, ...]] = {
    ENROLLED: (
        _is("progress", 0),
        *(_known(name, False) for name in ("passed", "score", "started_at", "completed_at")),
    ),
    IN_PROGRESS: (_known("passed", False), _known("completed_at", False)),
    COMPLETED: (
        _is("progress", 100),
        _known("completed_at", True),
        _known("days_silent", False),
    ),
    UNENROLLED: (_known("days_silent", False),),
}
"""What is so of an enrolment in each status."""


def standing(statuses: Iterable[str]) -> Condition:
    """Say that an enrolment is in one of these statuses, with all that is so then."""
    return AnyOf(tuple(AllOf((_is("status", each), *STANDS[each])) for each in statuses))


Literal = tuple[FieldTest, bool]
"""A test, and whether it must be true or must not."""


def possible(conditions: Iterable[Condition]) -> bool:
    """Tell whether all of these conditions can be true at once; yes where nobody can tell."""
    pending = [(each, True) for each in conditions]
    if _size(each for each, _ in pending) > CONDITIONS_MAX:
        return True
    branches = list(islice(_branches(pending), BRANCHES_MAX + 1))
    return len(branches) > BRANCHES_MAX or any(map(_holds_of_something, branches))


def _size(conditions: Iterable[Condition]) -> int:
    return sum(1 + _size(getattr(each, "conditions", ())) for each in conditions)


def _branches(pending: Sequence[tuple[Condition, bool]]) -> Iterator[list[Literal]]:
    """Yield every choice of tests that makes all of these true, or false where that is wanted."""
    if not pending:
        yield []
        return
    (condition, wanted), *rest = pending
    match condition:
        case FieldTest():
            yield from ([(condition, wanted), *branch] for branch in _branches(rest))
            return
        case AllOf():
            inner, one_is_enough = wanted, not wanted
        case AnyOf():
            inner, one_is_enough = wanted, wanted
        case NoneOf():
            inner, one_is_enough = not wanted, not wanted
    members = [(each, inner) for each in condition.conditions]
    if one_is_enough:
        yield from chain.from_iterable(_branches([each, *rest]) for each in members)
    else:
        yield from _branches([*members, *rest])


def _holds_of_something(branch: Iterable[Literal]) -> bool:
    by_field: dict[str, list[Literal]] = {}
    for test, wanted in branch:
        by_field.setdefault(test.field, []).append((test, wanted))
    return all(_has_a_value(name, literals) for name, literals in by_field.items())


def _has_a_value(name: str, literals: Sequence[Literal]) -> bool:
    values = values_told_apart(name, literals)
    tests = [(ValueTest((test,)).matches, wanted) for test, wanted in literals]
    return values is None or any(
        all(matches(value) == wanted for matches, wanted in tests) for value in values
    )


def values_told_apart(name: str, literals: Sequence[Literal]) -> list[Any] | None:
    """Give a value of each sort that tests of a field can tell apart; None if there are too many.

    Values are compared by the conditions' own code, so that two spellings are one where they say.
    """
    field = field_named(name)
    tests = [test for test, _ in literals if test.operator != "empty"]
    operands = list(chain.from_iterable(map(_operands, tests)))
    match field and field.type:
        case "bool":
            return [None, True, False]
        case "enum":
            return [None, *field.values, *operands] if field else None
        case "number" | "duration" | "time":
            return [None, math.inf, *_numbers(operands, whole=name in COUNTS)]
        case "texts":
            return _subsets(operands)
        case _:
            return _texts(literals, operands)


def counts_told_apart(name: str, conditions: Iterable[Condition]) -> list[float]:
    """Give numbers of seats of each sort that conditions on them can tell apart."""
    literals = next(_branches([(each, True) for each in conditions]), [])
    found = values_told_apart(name, literals) or ()
    return [each for each in found if each is not None and each >= 0]


def _operands(test: FieldTest) -> Iterable[Any]:
    values: Any = test.operand
    return values if test.operator in LISTS else (values,)


def _numbers(operands: Iterable[float], *, whole: bool) -> list[float]:
    """Give numbers at, between and beyond those that are compared with."""
    bounds = sorted({0, *operands})
    if whole:
        near = {floor(each) + step for each in bounds for step in (-1, 0, 1, 2)}
        return sorted(near)
    between = [(one + other) / 2 for one, other in pairwise(bounds)]
    return [bounds[0] - 1, *bounds, *between, bounds[-1] + 1]


def _subsets(operands: Iterable[str]) -> list[Any] | None:
    known = list(dict.fromkeys(operands))
    if len(known) > OPERANDS_MAX:
        return None
    sizes = range(len(known) + 1)
    return [None, (OTHER,), *chain.from_iterable(combinations(known, size) for size in sizes)]


def _texts(literals: Sequence[Literal], operands: list[str]) -> list[Any] | None:
    exact = [test for test, wanted in literals if wanted and test.operator in ("eq", "in")]
    if exact:
        return [None, *chain.from_iterable(map(_operands, exact))]
    if any(test.operator in ("contains", "matches") for test, _ in literals):
        return None
    return [None, "", OTHER, *operands]


class Contradiction(NamedTuple):
    """Say which condition makes a rule impossible, by its place, and what it contradicts.

    `condition` is None when the trigger never sets it off. `other` is the place of another
    condition; without one, and if not `alone`, it is what the trigger implies.
    """

    condition: int | None = None
    other: int | None = None
    alone: bool = False


def contradiction(
    implied: Sequence[Condition], conditions: Sequence[Sequence[Condition]]
) -> Contradiction | None:
    """Find what makes it impossible that all of these are true; None when they can be."""
    base = (*ALWAYS, *implied)
    if possible((*base, *chain.from_iterable(conditions))):
        return None
    if not possible(base):
        return Contradiction()
    for place, terms in enumerate(conditions):
        if not possible((*ALWAYS, *terms)):
            return Contradiction(place, alone=True)
        if not possible((*base, *terms)):
            return Contradiction(place)
        for other, earlier in enumerate(conditions[:place]):
            if not possible((*base, *earlier, *terms)):
                return Contradiction(place, other)
    return Contradiction(len(conditions) - 1, 0)


def then(terms: Iterable[Condition], implied: Sequence[Condition]) -> str:
    """Say what the field of a condition is when a trigger sets a rule off, where that is known."""
    name = next(fields_of(terms), "")
    field, base = field_named(name), (*ALWAYS, *implied)
    if field is None or not possible((*base, FieldTest(name, "empty", False))):
        return f"; {name} is not known then"
    if not field.values:
        return ""
    left = [each for each in field.values if possible((*base, FieldTest(name, "eq", each)))]
    return f"; {name} is {listed(left)} then"
