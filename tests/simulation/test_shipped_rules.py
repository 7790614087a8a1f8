"""The tests of the repository's own rules, each a test here."""

import json
from functools import cache
from typing import Any

import pytest
from click.testing import CliRunner

from service.cli import main
from service.rules.language.reader import read_rules
from tests.installation import ROOT

FILE = ROOT / "tests/rules.test.yaml"
NAMES = [
    line.partition("name: ")[2].strip()
    for line in FILE.read_text().splitlines()
    if line.startswith("  - name: ")
]


@cache
def results() -> dict[str, Any]:
    options = ["--rules", str(ROOT / "rules.yaml"), "--templates", str(ROOT / "templates")]
    result = CliRunner().invoke(main, ["test", *options, "--json"])
    assert result.exit_code in (0, 1), result.output
    return {test["name"]: test for test in json.loads(result.stdout)["files"][0]["tests"]}


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_do_what_their_owner_expects(name: str) -> None:
    assert results()[name]["failures"] == []


def test_each_rule_sends_in_one_test_and_there_are_some_in_which_nobody_is_told() -> None:
    rules, _ = read_rules((ROOT / "rules.yaml").read_bytes(), environ={})
    text = FILE.read_text()
    assert rules is not None and len(NAMES) == len(results())
    for rule in rules.rules:
        assert f"- {{rule: {rule.id}," in text, f"no test expects {rule.id}"
    assert text.count("expect: []") >= len(rules.rules)
