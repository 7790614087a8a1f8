"""Mistakes of values: durations, names, events, operands, each told once at its place."""

import pytest

from tests.rules.language.rule_files import HEAD, NOTIFY, ROOM, SEATS, problems

GOOD = HEAD + NOTIFY


def condition(text: str) -> str:
    return f"{HEAD}    conditions:\n      - {text}\n{NOTIFY}"


def room_condition(text: str) -> str:
    return f"{SEATS}    conditions:\n      - {text}\n{ROOM}"


MISTAKES = {
    "two events": (
        HEAD.replace("enrollment.completed", "[enrollment.completed, learner.seen]") + NOTIFY,
        "7:22: expected one event, got a list; for more, write more rules",
    ),
    "an event of another language": (
        HEAD.replace("enrollment.completed", "course_done") + NOTIFY,
        "7:22: unknown event 'course_done'; write enrollment.completed",
    ),
    "a misspelt event that cancels": (
        GOOD + "    cancel_on: [enrollment.progresed]\n",
        "9:17: unknown event 'enrollment.progresed'; did you mean 'enrollment.progressed'?",
    ),
    "two recipients": (
        GOOD.replace("to: learner", "to: [learner, manager]"),
        (
            "8:19: 'to' takes one of learner, manager, managers_manager, watchers or group:NAME, "
            "got a list; for more, write more entries"
        ),
    ),
    "a misspelt recipient": (
        GOOD.replace("to: learner", "to: lerner"),
        (
            "8:19: 'to' takes learner, manager, managers_manager, watchers or group:NAME, "
            "not 'lerner'; did you mean 'learner'?"
        ),
    ),
    "a group without a name": (
        GOOD.replace("to: learner", "to: 'group:'"),
        "8:19: expected the name of one group after 'group:', without ; and |",
    ),
    "two groups in one": (
        GOOD.replace("to: learner", "to: 'group:a;b'"),
        "8:19: expected the name of one group after 'group:', without ; and |",
    ),
    "a list of channels": (
        GOOD.replace("via: email", "via: [email]"),
        "8:33: expected one name, got a list; for more, write more entries",
    ),
    "a duration without a unit": (
        GOOD + "    collapse: 10\n",
        "9:15: expected a duration like 7d, 12h or 1w2d, got '10'",
    ),
    "a duration of more than ten years": (
        GOOD + "    collapse: 4000d\n",
        "9:15: expected a duration of ten years at most, got '4000d'",
    ),
    "a number for a zone": (
        GOOD.replace("rules:", "defaults: {timezone: 7}\nrules:", 1),
        "5:22: unknown time zone '7'; expected a name like Europe/Berlin",
    ),
    "a list for a zone": (
        GOOD.replace("rules:", "defaults: {timezone: [UTC]}\nrules:", 1),
        "5:22: unknown time zone a list; expected a name like Europe/Berlin",
    ),
    "a zone of another kind": (
        GOOD.replace("rules:", "defaults: {timezone: posix/Europe/Berlin}\nrules:", 1),
        (
            "5:22: unknown time zone 'posix/Europe/Berlin'; expected a name like Europe/Berlin; "
            "did you mean 'Europe/Berlin'?"
        ),
    ),
    "a variable in an id": (
        GOOD.replace("id: completed", "id: ${ID}"),
        "6:9: ${…} works under 'channels' only; write the value itself",
    ),
    "a password in a description": (
        GOOD + "    description: 'smtp://ada:hunter2@h'\n",
        "9:18: a password is written into this file; only channels may hold one, as ${NAME}",
    ),
    "conditions without dashes": (
        HEAD + "    conditions: {course.id: x}\n" + NOTIFY,
        "8:17: expected a list, each item on a line that starts with '- '; got a mapping",
    ),
    "a condition of nothing": (
        condition("{}"),
        "9:9: expected 'field: value', got nothing",
    ),
    "two conditions in one of a group": (
        condition("any: [{course.id: x, course.kind: course}]"),
        "9:30: one condition, one line; put '- ' before 'course.kind'",
    ),
    "a field nothing is like": (
        condition("salary: 5"),
        "9:9: unknown field 'salary'",
    ),
    "a misspelt operator": (
        condition("enrollment.progress: {gtee: 5}"),
        "9:31: unknown operator 'gtee'; did you mean 'gte'?",
    ),
    "an unknown operator of a trigger": (
        SEATS.replace("available}", "available, from: {below: 3}}") + ROOM,
        "7:56: unknown operator 'below'; write lt",
    ),
    "a text for a trigger's number": (
        SEATS.replace("available}", "available, to: few}") + ROOM,
        "7:53: expected a number for 'instance.seats_available', got 'few'",
    ),
    "a field of an enrolment in a rule about seats": (
        room_condition("enrollment.progress: 5"),
        (
            "9:9: 'enrollment.progress' is not known here; an instance rule can read "
            "course.*, event.*, instance.*"
        ),
    ),
    "a date without an operator": (
        condition("enrollment.started_at: 2026-03-01"),
        "9:32: 'enrollment.started_at' needs an operator, e.g. {gte: 2026-03-01}",
    ),
    "a list where one tag goes": (
        condition("course.tags: {contains: [a, b]}"),
        (
            "9:33: 'contains' takes one value, not a list; for several values write "
            "{contains_any: [a, b]}"
        ),
    ),
    "a list of nothing": (
        condition("course.id: {in: []}"),
        "9:25: 'in' takes a list like [a, b], not an empty list",
    ),
    "a mapping where one value goes": (
        condition("course.id: {eq: {a: b}}"),
        "9:25: expected one value for 'course.id', got a mapping",
    ),
    "a duration in words": (
        condition("enrollment.days_silent: {gt: a week}"),
        "9:38: expected days or a duration like 7d or 12h, got 'a week'",
    ),
    "a number with a sign": (
        condition("enrollment.progress: {gte: 80%}"),
        "9:36: expected a number for 'enrollment.progress', got '80%'",
    ),
    "neither true nor false": (
        condition("course.id: {empty: maybe}"),
        "9:28: expected true or false, got 'maybe'",
    ),
    "a list for a boolean": (
        condition("enrollment.passed: {in: [true]}"),
        "9:29: 'in' does not go with 'enrollment.passed'; it takes eq, ne, empty; write eq",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_one_mistake_is_told_once_at_its_place(case: str) -> None:
    text, told = MISTAKES[case]
    assert problems(text) == [f"rules.yaml:{told}"]
