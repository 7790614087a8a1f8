"""Conditions: every operator, on known and unknown values, alone and in groups."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.learners.text_form import text_form, trimmed
from service.rules.conditions import (
    OPERATORS,
    AllOf,
    AnyOf,
    FieldTest,
    NoneOf,
    compile_conditions,
    compile_wildcard,
)
from service.rules.fields import FIELDS
from tests.spellings import TEXTS, spelled

BY_VALUE = {str: "course.title", list: "course.tags", tuple: "course.tags"}


def holds(operator: str, operand: Any, value: object) -> bool:
    """Ask of a field that has such values; of those of whom nothing is known, of many kinds."""
    ours = (name for name, field in FIELDS.items() if operator in OPERATORS[field.type])
    field = BY_VALUE.get(type(value)) or next(ours)
    return compile_conditions([FieldTest(field, operator, operand, 1)])({field: value}.get)


@pytest.mark.parametrize(
    ("operator", "operand", "true_for", "false_for"),
    [
        ("eq", "Logic", "Logic", "logic"),
        ("eq", False, False, True),
        ("ne", False, True, False),
        ("gt", 2, 2.5, 2),
        ("gte", 2, 2, 1),
        ("lt", 2, 1, 2),
        ("lte", 2, 2, 3),
        ("in", ("a", "b"), "b", "c"),
        ("not_in", ("a", "b"), "c", "b"),
        ("contains", "og", "Logic", "LOGO"),
        ("contains", "safety", ["safety"], ["Safety"]),
        ("contains_any", ("a", "b"), ("b", "c"), ("c",)),
        ("contains_all", ("a", "b"), ("b", "a"), ("a", "c")),
        ("matches", "*safe?y*", "Fire SAFETY 1", "Fire safey"),
        ("empty", True, "", "x"),
        ("empty", True, [], ["x"]),
        ("empty", False, 0, ()),
        ("empty", False, False, ""),
    ],
)
def test_each_operator(operator: str, operand: Any, true_for: object, false_for: object) -> None:
    assert holds(operator, operand, true_for)
    assert not holds(operator, operand, false_for)


@given(st.data(), TEXTS, TEXTS)
def test_every_spelling_of_a_text_has_the_same_verdict(data, text, other):
    said, asked = data.draw(spelled(text)), data.draw(spelled(text))
    same = text_form(text) == text_form(other)
    for operand, verdict in ((asked, True), (data.draw(spelled(other)), same)):
        assert holds("eq", operand, said) is verdict
        assert holds("ne", operand, said) is not verdict
        assert holds("in", ("x y", operand), said) is verdict
        assert holds("not_in", ("x y", operand), said) is not verdict
        assert holds("contains", operand, ["x", said]) is verdict
        assert holds("contains_any", ("x", operand), (said,)) is verdict
        assert holds("contains_all", (operand, "x"), ("x", said)) is verdict
    assert holds("contains", asked, f"more {said} and more")
    assert holds("matches", f"*{trimmed(asked)}?e", f"one {trimmed(said)}me")


@pytest.mark.parametrize(
    ("field", "operator", "operand", "true_for", "false_for"),
    [
        ("learner.locale", "eq", "de_DE", "de-DE", "de"),
        ("learner.locale", "in", ("de-de", "fr"), "DE_de", "de-AT"),
        ("learner.locale", "matches", "de_*", "de-AT", "en-DE"),
        ("course.id", "eq", "learning_program:7", "learningProgram:7", "course:7"),
        ("course.id", "in", ("Course: 7",), "course:7", "course:8"),
        ("course.id", "contains", "learning_program:", "learningProgram:7", "course:7"),
        ("course.id", "matches", "LEARNING_PATH:*", "learningProgram:7", "course:7"),
        ("course.id", "eq", "do_7", "do_7", "DO_7"),
        ("course.parents", "contains", "learningPath:7", ("learningProgram:7",), ("course:7",)),
        ("instance.id", "eq", "COURSE:7_1", "course:7_1", "course:7_2"),
        ("course.title", "contains", " AG", "Kern\u00a0AG", "MAGIE"),
        ("course.title", "contains", " ", "a b", "ab"),
        ("learner.fields.state", "eq", "ACTIVE", "ACTIVE\u200b", "active"),
    ],
)
def test_a_field_has_a_form_of_its_own(field, operator, operand, true_for, false_for):
    test = compile_conditions([FieldTest(field, operator, operand)])
    assert test({field: true_for}.get)
    assert not test({field: false_for}.get)


@pytest.mark.parametrize(
    ("operator", "operand", "expected"),
    [
        ("eq", 1, False),
        ("gt", 1, False),
        ("gte", 1, False),
        ("lt", 1, False),
        ("lte", 1, False),
        ("in", (1,), False),
        ("contains", "a", False),
        ("contains_any", ("a",), False),
        ("contains_all", ("a",), False),
        ("matches", "*", False),
        ("empty", False, False),
        ("empty", True, True),
        ("ne", 1, True),
        ("not_in", (1,), True),
    ],
)
def test_an_unknown_value_is_false_but_for_the_negations(
    operator: str, operand: Any, expected: bool
) -> None:
    assert holds(operator, operand, None) is expected


def test_unlimited_seats_are_more_than_any_number() -> None:
    assert holds("gt", 10**18, math.inf)
    assert not holds("lte", 10**18, math.inf)
    assert not holds("empty", True, math.inf)


@given(st.lists(st.sampled_from([True, False]), min_size=1, max_size=5))
def test_groups_are_any_all_and_none(values: list[bool]) -> None:
    terms = tuple(FieldTest(str(i), "eq", True, 1) for i in range(len(values)))
    read = {str(i): value for i, value in enumerate(values)}.get
    assert compile_conditions([AnyOf(terms, 1)])(read) is any(values)
    assert compile_conditions([AllOf(terms, 1)])(read) is all(values)
    assert compile_conditions([NoneOf(terms, 1)])(read) is not any(values)
    assert compile_conditions(terms)(read) is all(values)


def test_none_is_true_of_unknown_values() -> None:
    unknown: Mapping[str, object] = {}
    assert compile_conditions([NoneOf((FieldTest("f", "eq", 1, 1),), 1)])(unknown.get)


def test_no_conditions_are_true() -> None:
    assert compile_conditions([])({}.get)


@given(st.text("ab?*", max_size=8), st.text("ab", max_size=8))
def test_wildcards_match_as_defined(pattern: str, text: str) -> None:
    def plain(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "*":
            return any(plain(p[1:], t[i:]) for i in range(len(t) + 1))
        return bool(t) and p[0] in ("?", t[0]) and plain(p[1:], t[1:])

    assert compile_wildcard(pattern)(text) is plain(pattern, text)


def test_a_hostile_wildcard_does_not_hang() -> None:
    assert not compile_wildcard("*a" * 50 + "*b")("a" * 20_000)
