"""The schema of rule tests offers what `coursebell test` reads, and what the rules are called."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema_rs import Draft7Validator, meta

from service.cli import main
from service.rules.text import listed
from service.simulation.rule_tests.event_part import EVENTS, carried
from tests.installation import ROOT
from tests.rules.language.editors import EDITORS

RULES = ROOT / "rules.yaml"
TESTS = (ROOT / "tests/rules.test.yaml").read_text()


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    command = ["schema", "--tests", "--rules", str(RULES), "--templates", str(ROOT / "templates")]
    made = CliRunner().invoke(main, command)
    assert made.exit_code == 0, made.output
    found: dict[str, Any] = json.loads(made.stdout)
    return found


@pytest.mark.parametrize("editor", EDITORS)
def test_the_tests_of_our_own_rules_are_right_in_every_editor(
    schema: dict[str, Any], editor: str
) -> None:
    assert meta.is_valid(schema)
    Draft7Validator(schema).validate(EDITORS[editor](TESTS))


def test_it_offers_the_rules_with_what_they_are_for(schema: dict[str, Any]) -> None:
    offered = one_test(schema)["expect"]["items"]["properties"]["rule"]
    place = offered["enum"].index("stalled")
    assert offered["enumDescriptions"][place].startswith("Nothing has happened in a course")
    wrong = EDITORS["text"](TESTS.replace("rule: stalled,", "rule: staled,"))
    assert not Draft7Validator(schema).is_valid(wrong)


def test_everything_it_offers_is_explained(schema: dict[str, Any]) -> None:
    assert not list(unexplained(schema))


def test_a_value_says_which_events_carry_it(schema: dict[str, Any]) -> None:
    given = one_test(schema)["given"]["items"]["properties"]
    for name in {name for event in EVENTS for name in carried(event)}:
        events = listed(event for event in EVENTS if name in carried(event))
        assert given[name]["description"] == f"Said by {events}."


PLACES = {
    "": ((), "zzz: 1\ntests: []"),
    "test": (("tests", "items"), "tests: [{zzz: 1}]"),
    "person": (("people", "additionalProperties"), "people: {a: {zzz: 1}}\ntests: []"),
    "course": (("courses", "additionalProperties"), "courses: {a: {zzz: 1}}\ntests: []"),
    "expect": (("tests", "items", "expect", "items"), "tests: [{expect: [{zzz: 1}]}]"),
    "skipped": (
        ("tests", "items", "expect_skipped", "items"), "tests: [{expect_skipped: [{zzz: 1}]}]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_it_offers_the_keys_that_are_read(
    schema: dict[str, Any], place: str, tmp_path: Path
) -> None:
    path, text = PLACES[place]
    (tmp_path / "a.yaml").write_text(text.replace("[{", "[{name: a, given: [], ", 1))
    told = CliRunner().invoke(main, [
        "test", str(tmp_path / "a.yaml"), "--rules", str(RULES), "--templates",
        str(ROOT / "templates"),
    ])  # fmt: skip
    (line,) = [line for line in told.output.splitlines() if "unknown key 'zzz'" in line]
    read = re.split(r", | or ", line.partition("; use ")[2])
    offered = schema
    for step in path:
        offered = offered.get(step) or offered["properties"][step]
    assert set(offered["properties"]) == set(read)


def one_test(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]["tests"]["items"]["properties"]
    return found


def unexplained(schema: Any) -> Any:
    """Every key without a description."""
    if isinstance(schema, dict):
        for key, value in schema.get("properties", {}).items():
            if "description" not in value:
                yield key
            yield from unexplained(value)
        yield from unexplained(schema.get("items"))
        yield from unexplained(schema.get("additionalProperties"))
