"""A rule file with a thousand misspelt names is read at a price that is known beforehand."""

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from service.rules import text
from service.rules.conditions import ValueTest
from service.rules.language import known_names, references
from service.rules.language.errors import Diagnostic
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules

FILE = """version: 1
channels: {email: 'drawer://', room: 'drawer://'}
rules:
  - id: done
    trigger: {event: enrollment.completed}
    notify: [{to: learner, via: email, template: completed}]
"""
MANY = 1_000
FORMS = frozenset({"email", "chat"})


def there_are(field: str, values: list[str]) -> Any:
    """What is known of an installation: of one field alone, these values."""
    counts = {field: Counter(dict.fromkeys(values, 3))}
    of = lambda name: counts.get(name, Counter())  # noqa: E731
    return SimpleNamespace(people=True, courses=True, columns=Counter(), of=of)


def read(conditions: str, known: Any) -> list[Diagnostic]:
    text = f"{FILE}    conditions:\n      - {conditions}\n"
    return read_rules(text, environ={}, installed=Installed(known=known))[1]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many values were compared at each time, by a condition or for how like they are."""
    counts: list[int] = []
    passes, close = ValueTest.matches, text.difflib.get_close_matches

    def matches(test: ValueTest, value: Any) -> bool:
        counts.append(len(value) if isinstance(value, tuple) else 1)
        return passes(test, value)

    def get_close_matches(word: str, known: Any, *how: Any) -> list[str]:
        counts.append(references.SEARCH * len(known))
        return close(word, known, *how)

    monkeypatch.setattr(ValueTest, "matches", matches)
    monkeypatch.setattr(text.difflib, "get_close_matches", get_close_matches)
    text._nearest.cache_clear()
    yield counts


@pytest.mark.parametrize(
    ("field", "operator", "written"),
    [
        ("learner.groups", "contains_any", "grup {}"),
        ("course.tags", "contains_any", "grup {}"),
        ("course.title", "in", "grup {}"),
    ],
)
def test_values_that_nobody_has_are_told_as_far_as_it_is_worth(
    compared: list[int], field: str, operator: str, written: str
) -> None:
    names = ", ".join(written.format(n) for n in range(MANY))
    known = there_are(field, [f"group {n}" for n in range(5 * MANY)])
    found = read(f"{field}: {{{operator}: [{names}]}}", known)
    assert any("did you mean 'group " in each.message for each in found)
    assert known_names.UNCOMPARED in [each.message for each in found]
    assert sum(compared) <= 2 * references.COMPARISONS_MAX


def test_values_that_are_there_cost_nothing_and_all_are_looked_at(compared: list[int]) -> None:
    values = [f"group {n}" for n in range(2 * MANY)]
    names = ", ".join([*values[:MANY], "nonsense"])
    found = read(
        f"learner.groups: {{contains_any: [{names}]}}", there_are("learner.groups", values)
    )
    assert [each.message.partition(";")[0] for each in found] == [
        "nobody is in the group 'nonsense'"
    ]
    assert sum(compared) < references.COMPARISONS_MAX // 10


def test_a_name_that_is_not_there_is_not_answered_with_a_thousand(compared: list[int]) -> None:
    rules = "".join(
        FILE.split("rules:\n")[1]
        .replace("done", f"done{n}")
        .replace("completed}]", f"cmpleted{n}}}]")
        for n in range(MANY)
    )
    templates = {f"completed{n}": FORMS for n in range(5 * MANY)}
    found = read_rules(
        FILE.split("rules:\n")[0] + "rules:\n" + rules,
        environ={},
        installed=Installed(templates=templates),
    )[1]
    assert len(found) == MANY
    assert "; did you mean 'completed" in found[0].message
    assert "and 4,950 more" in found[-1].message
    assert max(len(each.message) for each in found) < 1_500
    assert sum(compared) <= references.SEARCH * 2 * known_names.PAIRS_MAX
