"""Matchers: mistakes in conditions, each told once at its place."""

import pytest

from tests.rules.language.rule_files import HEAD, NOTIFY, problems


def condition(text: str) -> str:
    return f"{HEAD}    conditions:\n      - {text}\n{NOTIFY}"


CONDITIONS = {
    "an unknown field": (
        "course.tag: {contains: x}",
        "9:9: unknown field 'course.tag'; did you mean 'course.tags'?",
    ),
    "a field in two parts": (
        "course: {id: x}",
        (
            "9:9: write the whole name of the field: course.id, course.kind, course.title, "
            "course.tags, course.url or course.parents"
        ),
    ),
    "an operator without a field": (
        "gte: 5",
        "9:9: expected a field before 'gte', e.g. {enrollment.progress: {gte: …}}",
    ),
    "a field for templates": (
        "learner.name: x",
        (
            "9:9: 'learner.name' is for templates only; a condition cannot name one person; ask "
            "for learner.groups, or for a column of the import: learner.fields.NAME"
        ),
    ),
    "an unknown operator": (
        "enrollment.progress: {less: 5}",
        "9:31: unknown operator 'less'; write lt",
    ),
    "an operator of another type": (
        "course.tags: {lt: 5}",
        (
            "9:23: 'lt' does not go with 'course.tags'; "
            "it takes contains, contains_any, contains_all, empty"
        ),
    ),
    "a bare value for a list": (
        "course.tags: mandatory",
        "9:22: 'course.tags' needs an operator, e.g. {contains: mandatory}",
    ),
    "a bare list": (
        "course.id: [a, b]",
        "9:20: 'eq' takes one value, not a list; for several values write {in: [a, b]}",
    ),
    "a text for a number": (
        "enrollment.progress: {in: [1, two]}",
        "9:39: expected a number for 'enrollment.progress', got 'two'",
    ),
    "only true and false are booleans": (
        "enrollment.passed: yes",
        "9:28: expected true or false, got 'yes'",
    ),
    "an unknown status": (
        "enrollment.status: complete",
        (
            "9:28: 'complete' is no enrollment.status; use enrolled, in_progress, completed or "
            "unenrolled; did you mean 'completed'?"
        ),
    ),
    "a date in words": (
        "enrollment.started_at: {gt: yesterday}",
        (
            "9:37: expected a date or time like 2026-03-01 or 2026-03-01T08:30:00+01:00, "
            "got 'yesterday'"
        ),
    ),
    "a list where one value goes": (
        "course.id: {in: a}",
        "9:25: 'in' takes a list like [a, b], not 'a'",
    ),
    "an empty group": ("any: []", "9:14: 'any' needs at least one condition"),
    "a group that is no list": (
        "any: x",
        "9:14: expected a list of conditions, each on a line that starts with '- ', got 'x'",
    ),
    "a condition without a field": ("mandatory", "9:9: expected 'field: value', got 'mandatory'"),
    "no operator": (
        "course.tags: {}",
        "9:22: expected an operator and a value, e.g. {contains: mandatory}",
    ),
    "two conditions in one": (
        "{course.id: x, course.kind: course}",
        "9:24: one condition, one line; put '- ' before 'course.kind'",
    ),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_one_mistake_is_told_once_at_its_place(case: str) -> None:
    text, told = CONDITIONS[case]
    assert problems(condition(text)) == [f"rules.yaml:{told}"]
