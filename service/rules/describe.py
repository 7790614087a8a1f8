"""Terms: what a rule asks for, in words, each condition with the value that was found."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from service.rules.conditions import AllOf, AnyOf, Condition, Read, Term, compile_conditions
from service.rules.fields import Type, field_named
from service.rules.rule import EventTrigger, Rule, SourceSilentTrigger, StalledTrigger, ValueTest
from service.rules.text import duration, moment


class Line(NamedTuple):
    """One condition: whether it holds, and how deep in `any`, `all` and `none` it stands.

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
        """`enrollment.progress gte 80: got 60`."""
        return self.term if self.got is None else f"{self.term}: got {self.got}"


def judged(conditions: Iterable[Condition], read: Read, depth: int = 0) -> Iterator[Line]:
    """Every condition with its value, also those that the rule need not have asked for."""
    for condition in conditions:
        holds = compile_conditions([condition])(read)
        if isinstance(condition, Term):
            got = shown(condition.field, read(condition.field))
            yield Line(holds, depth, term_in_words(condition), got, condition.line)
        else:
            yield Line(holds, depth, f"{word_of(condition)} of these", None, condition.line)
            yield from judged(condition.conditions, read, depth + 1)


def word_of(group: Condition) -> str:
    """`all`, `any` or `none`."""
    if isinstance(group, AllOf):
        return "all"
    return "any" if isinstance(group, AnyOf) else "none"


def term_in_words(term: Term) -> str:
    """`enrollment.progress gte 80`."""
    operand: object = term.operand
    if term.operator != "empty":
        operand = shown(term.field, operand)
    else:
        operand = "true" if operand else "false"
    return f"{term.field} {term.operator} {operand}"


def shown(name: str, value: object) -> str:
    """The value of a field as its type is read."""
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
        return f"[{', '.join(_shown(type, each) for each in value)}]"
    if not isinstance(value, int | float):
        return str(value)
    if value == math.inf:
        return "unlimited"
    if type == "time":
        return moment(int(value))
    return f"{value:g}d" if type == "duration" else f"{value:.10g}"


def trigger_in_words(rule: Rule) -> str:
    """`enrollment.completed`, or `instance.seats_available from lte 0 to gt 0`."""
    trigger = rule.trigger
    if isinstance(trigger, EventTrigger):
        return trigger.event
    if isinstance(trigger, StalledTrigger):
        return f"stalled_for {duration(trigger.silence_ms)}, count_from {trigger.count_from}"
    if isinstance(trigger, SourceSilentTrigger):
        return f"source_silent_for {duration(trigger.silence_ms)}"
    parts = {"from": trigger.from_, "to": trigger.to}
    asked = (f" {word} {range_in_words(test)}" for word, test in parts.items() if test)
    return trigger.field + "".join(asked)


def range_in_words(test: ValueTest) -> str:
    """`gt 0`, `gte 1 and lte 3`."""
    terms = (each for each in test.conditions if isinstance(each, Term))
    return " and ".join(f"{t.operator} {shown(t.field, t.operand)}" for t in terms)
