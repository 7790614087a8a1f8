"""The schema agrees with the reader: it takes what is good, and refuses what it can know is bad."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft7Validator

from service.app.app import SOURCES
from service.rules.conditions import OPERATORS
from service.rules.fields import EVENTS, FIELDS, Sources
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.rules.language.schema import schema_of
from service.rules.language.yaml_reader import read_document
from service.sending.templates.templates import Templates
from tests.campaigns import fuzz
from tests.rules.language import (
    test_mistakes,
    test_mistakes_of_conditions,
    test_mistakes_of_entries,
    test_mistakes_of_shape,
    test_mistakes_of_values,
    test_mistakes_of_windows,
    test_reader,
)
from tests.rules.language.editors import EDITORS
from tests.rules.language.mutations import GOOD, mutations
from tests.rules.language.rule_files import HEAD, NOTIFY, TEMPLATES

ROOT = Path(__file__).parents[3]
KNOWN = Sources({source.name: source.fills for source in SOURCES})
FILES = [ROOT / "rules.yaml", *sorted((ROOT / "bench").glob("*.yaml"))]

OWN = Draft7Validator(schema_of(sources=KNOWN, templates=Templates(ROOT / "templates").forms))
MADE = Draft7Validator(schema_of(sources=KNOWN, templates=TEMPLATES))
ANY_TEMPLATE = Draft7Validator(schema_of(sources=KNOWN))

TYPED = """\
      - course.id: 007
      - course.title: 1e5
      - course.title: {matches: "*safe*", ne: "null"}
      - enrollment.progress: {gte: 10, lt: 50.5, in: [1, -2, "3"]}
      - enrollment.progress: "80"
      - enrollment.passed: true
      - enrollment.passed: {ne: "false"}
      - enrollment.days_silent: {gt: 36h, lt: 3, ne: 1w2d, lte: 2.5}
      - enrollment.started_at: {gte: 2026-03-01, lt: 2026-03-01T08:30:00+01:00}
      - enrollment.completed_at: {gt: 20260301, lte: 2026-W10-1, lt: 2026-03-01 08:30, gte: 2026W10}
      - enrollment.score: {empty: true}
      - enrollment.score: {empty: "false"}
      - instance.seats_available: {gt: +3}
      - event.source: {in: [adobe, sunbird]}
      - event.age: {lt: 1d}
      - learner.locale: {in: [no, de, 22:00, ~x]}
      - learner.groups: {contains: 2026, contains_any: [yes, 1_000], contains_all: [on]}
      - learner.fields.cost center: 4711
      - learner.fields.Büro: {not_in: [off]}
      - learner.fields."AF_Country/Region": {not_in: [off]}
      - learner.fields.'a "b" & (c).d': x
      - none: [{any: [{course.kind: course}]}, {all: [{enrollment.status: completed}]}]
"""
TIMED = """\
defaults: {send_window: office_hours, expires_after: 1w}
time_intervals:
  office_hours:
    - {weekdays: [mon, tue], from: 08:00, until: 18:00}
    - {from: "00:00", until: 24:00}
  any_hour: [{from: 00:30, until: "00:31"}]
rules:
  - id: completed
    trigger: {event: enrollment.completed}
    send_window: any_hour
    notify:
      - {to: learner, via: email, template: completed, send_window: any}
      - {to: manager, via: email, template: completed, digest: {every: day, at: 18:30}}
      - {to: managers_manager, via: email, template: completed, digest: {every: hour, at: ":30"}}
      - {post: room, template: completed, digest:
         {every: week, at: 08:30, "on": sun, group_by: [course.id], max_items: 500}}
    escalation:
      - {after: 7d, to: manager, via: email, template: stalled,
         throttle: {max: 1, per: 12h, group_by: []}}
      - {after: 7d, post: room, template: stalled, digest: {every: week, max_items: "7"}}
  - id: seats
    trigger: {change: instance.seats_available}
    notify: [{to: watchers, via: email, template: completed}]
    escalation: []
"""
GOODS = {
    "digests, windows and steps": HEAD.partition("rules:")[0] + TIMED,
    "a good file": HEAD + NOTIFY,
    "values of every type": HEAD + "    conditions:\n" + TYPED + NOTIFY,
    "an id of digits": (HEAD + NOTIFY).replace("id: completed", "id: 2026"),
    "an id like a number": (HEAD + NOTIFY).replace("id: completed", "id: 1e5"),
    "a description that is no text": HEAD + NOTIFY + "    description: 08:30\n",
    "a version in quotes": (HEAD + NOTIFY).replace("version: 1", "version: '1'"),
    "bundles, and enough for a day": (HEAD + NOTIFY + "    bundle: none\n").replace(
        "rules:", "defaults: {bundle: 30m, at_most: {messages: 2, per: day}}\nrules:"),
    "a digest of working days": (HEAD + NOTIFY).replace(
        "template: done", 'template: done, digest: {every: day, "on": [mon, tue, wed]}'),
    "a digest of a day of the month": (HEAD + NOTIFY).replace(
        "template: done", 'template: done, digest: {every: month, "on": 15}'),
    "a group": HEAD + NOTIFY.replace("learner", "group:sales staff"),
    "a group with a comma": HEAD + NOTIFY.replace("learner", "'group: Sales, EMEA'"),
    "no rules": "version: 1\nrules: []\n",
    "channels from the environment": "version: 1\nrules: []\nchannels:\n"
    "  a: ${A:-drawer://}\n  b: mailto://${U:-u}:${P:-}@h\n  c: ${A:-x}://h/$1\n  1: JSON://h\n",
}  # fmt: skip


def complaints(schema: Draft7Validator, text: str, editor: str) -> list[str]:
    return [error.message for error in schema.iter_errors(EDITORS[editor](text))]


def accepted(text: str, templates: dict[str, frozenset[str]] | None = None) -> bool:
    return (
        read_rules(text, environ={}, installed=Installed(templates, sources=KNOWN))[0] is not None
    )


@pytest.mark.parametrize("editor", EDITORS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_our_own_files_are_good(path: Path, editor: str) -> None:
    schema = OWN if path.parent == ROOT else ANY_TEMPLATE
    assert complaints(schema, path.read_text(), editor) == []


@pytest.mark.parametrize("editor", EDITORS)
@pytest.mark.parametrize("case", GOODS)
def test_what_the_reader_takes_is_good_in_every_editor(case: str, editor: str) -> None:
    assert accepted(GOODS[case], TEMPLATES)
    assert complaints(MADE, GOODS[case], editor) == []


def test_a_weekday_key_without_quotes_is_a_boolean_to_an_old_editor_alone() -> None:
    text = GOODS["digests, windows and steps"].replace('"on"', "on")
    assert accepted(text, TEMPLATES)
    assert [editor for editor in EDITORS if complaints(MADE, text, editor)] == ["YAML 1.1"]


def test_the_readers_own_good_file_is_good() -> None:
    text = test_reader.condition("any: [enrollment.progress: {gt: 1, lt: 2}]")
    assert MADE.is_valid(read_document(text).data)


ONLY_CHECK_KNOWS = {
    "an id used twice": "a schema compares nothing between two rules",
    "an unknown channel": "channels are named in the file itself",
    "a room for a person": "channels are named in the file itself",
    "a room for a person that is used twice": "channels are named in the file itself",
    "a misspelt channel that is used twice": "channels are named in the file itself",
    "a channel under another name that is used often": "channels are named in the file itself",
    "a channel nothing is like": "channels are named in the file itself",
    "a duration of more than ten years": "a pattern cannot add up",
    "a misspelt interval": "intervals are named in the file itself",
    "a misspelt interval that is used often": "intervals are named in the file itself",
    "an interval nothing is like": "intervals are named in the file itself",
    "an unknown interval of a step": "intervals are named in the file itself",
    "an interval over midnight": "a pattern compares nothing",
    "an interval of nothing": "a pattern compares nothing",
    "an entry twice, its group in two spellings": "a schema knows no spellings",
    "a rule that expires while its window is closed": "a schema adds nothing up",
    "a rule that expires in the longest of its windows": "a schema adds nothing up",
    "a window that is closed for longer than the defaults allow": "a schema adds nothing up",
    "defaults that expire while their own window is closed": "a schema adds nothing up",
    "a window of a rule that is closed for longer than three days": "a schema adds nothing up",
    "a step that is there already": "a week is 7d and 1w",
    "a failing channel that is to tell of itself": "a schema compares nothing between two keys",
    "a failing room that is to tell of itself": "a schema compares nothing between two keys",
    "any failing channel told of by one alone": "it is allowed",
    "a failing channel that is not there": "channels are named in the file itself",
    "a misspelt channel of a step": "channels are named in the file itself",
    "a room as a channel of a step": "channels are named in the file itself",
}
TOLD = {
    **test_mistakes.MISTAKES,
    **{
        case: (test_mistakes_of_conditions.condition(text), told)
        for case, (text, told) in test_mistakes_of_conditions.CONDITIONS.items()
    },
    **test_mistakes_of_shape.MISTAKES,
    **test_mistakes_of_values.MISTAKES,
    **test_mistakes_of_entries.MISTAKES,
    **test_mistakes_of_windows.MISTAKES,
}


@pytest.mark.parametrize("case", TOLD)
def test_every_mistake_that_a_schema_can_know_is_refused(case: str) -> None:
    valid = MADE.is_valid(read_document(TOLD[case][0]).data)
    assert valid is (case in ONLY_CHECK_KNOWS)


LEFT_TO_CHECK = {
    "a secret that looks like any path": "channels: {a: 'json://h/0123456789abcdef01234567'}\n",
    "a variable that is not set": "channels: {a: '${A}'}\n",
}


@pytest.mark.parametrize("case", LEFT_TO_CHECK)
def test_what_depends_on_the_world_is_left_to_check(case: str) -> None:
    text = "version: 1\nrules: []\n" + LEFT_TO_CHECK[case]
    assert not accepted(text)
    assert ANY_TEMPLATE.is_valid(EDITORS["YAML 1.2"](text))


@pytest.mark.parametrize("condition", ["enrollment.passed: True", "enrollment.progress: 1e5"])
def test_what_an_editor_has_typed_already_is_left_to_check(condition: str) -> None:
    text = test_mistakes_of_conditions.condition(condition)
    assert not accepted(text)
    assert ANY_TEMPLATE.is_valid(EDITORS["YAML 1.2"](text))
    assert not ANY_TEMPLATE.is_valid(EDITORS["text"](text))


def test_on_every_small_change_both_say_the_same() -> None:
    assert MADE.is_valid(read_document(GOOD).data)
    for kind, place, text in mutations():
        found, told = read_rules(text, environ={}, installed=Installed(TEMPLATES, sources=KNOWN))
        left_to_check = told and all(
            problem.message.startswith(("no channel ", "no time interval ")) for problem in told
        )
        valid = MADE.is_valid(read_document(text).data)
        assert valid is (found is not None or bool(left_to_check)), (kind, place, told)


NAMES = st.sampled_from(
    [
        *FIELDS,
        "learner.fields.x y",
        "learner.fields.",
        "learner.fields.a/b",
        'learner.fields."a/b"',
        'learner.fields.""',
        'learner.fields." "',
        'learner.fields."a',
        'learner.fields."a" b',
        "course",
        "any",
    ]
)
ALL = sorted({name for names in OPERATORS.values() for name in names})
SCALARS = st.sampled_from(
    ["", "1", "-2.5", "1e5", "true", "yes", "7d", "0d", "2026-03-01", "2026-13-01", "20260301",
     "2026-W60", "T08:30", "completed", "course", "adobe", "${A}", "a://b:c@d", "a b", "x" * 300]
)  # fmt: skip
OPERANDS = SCALARS | st.lists(SCALARS, max_size=2)
TESTS = OPERANDS | st.dictionaries(st.sampled_from([*ALL, "like"]), OPERANDS, max_size=2)
TRIGGERS = st.sampled_from(
    [f"event: {name}" for name in EVENTS]
    + [
        "stalled_for: 7d",
        "source_silent_for: 3h",
        "channel_failing_for: 30m",
        "change: instance.seat_limit",
    ]
)


@fuzz(300)
@given(TRIGGERS, NAMES, TESTS)
def test_on_any_condition_both_say_the_same(trigger: str, name: str, tested: object) -> None:
    entry = "    notify: [{to: 'group:x', via: email, template: a}]\n"
    head = HEAD.replace("event: enrollment.completed", trigger)
    text = f"{head}    conditions:\n      - {name!r}: {quoted(tested)}\n{entry}"
    assert ANY_TEMPLATE.is_valid(read_document(text).data) is accepted(text)


def quoted(value: object) -> str:
    """The value as YAML in which every scalar is text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {quoted(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(quoted, value)) + "]"
    return "'" + str(value) + "'"
