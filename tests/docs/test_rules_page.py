"""The page for rule authors: each of its rules is read, and does what the page says it does."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from service.api.resources.imports import ImportAnswer
from service.cli import main
from service.cli.directory.people import ShownPerson
from service.learners.directory.people import Person
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.sending.templates.templates import Templates
from tests.installation import ROOT

PAGE = (ROOT / "docs/rules.md").read_text()
TESTS = ROOT / "tests/docs/page.test.yaml"
NAMES = [each["name"] for each in yaml.safe_load(TESTS.read_text())["tests"]]
HEAD, *RULES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"`coursebell ([a-z]+)(?: ([a-z]+))?", PAGE)

MONDAY = """\
  - id: monday-list
    trigger: {stalled_for: 14d, count_from: enrolled}
    conditions:
      - course.tags: {contains: mandatory}
    notify:
      - to: manager
        via: email
        template: team_stalled
        digest: {every: week, on: mon, at: "08:00"}
    on_activate: current
"""
"""What somebody made of the page who wants to know on Monday morning which of their people have
been stuck for two weeks on mandatory training."""
STUCK = """\
people:
  ada: {name: Ada Lovelace, manager: grace}
  alan: {name: Alan Turing, manager: grace}
  lena: {name: Lena Vogt, manager: grace}
  grace: {timezone: Europe/Berlin}
courses:
  safety: {title: Safe driving, tags: [mandatory]}
  poetry: {title: Reading poems}
tests:
  - name: on Monday morning
    given:
      - {at: 0d, event: enrollment.enrolled, learner: ada, course: safety}
      - {at: 2d, event: enrollment.started, learner: alan, course: safety}
      - {at: 0d, event: enrollment.enrolled, learner: lena, course: poetry}
      - {at: 1d, event: enrollment.enrolled, learner: lena, course: safety}
      - {at: 18d, event: enrollment.progressed, learner: lena, course: safety, progress: 20}
    until: 21d
    expect:
      - {rule: monday-list, to: grace, at: 20d23h, text: "driving · No activity for 18 days"}
"""


def command(folder: Path, rules: str, *words: str) -> Result:
    file = folder / "rules.yaml"
    file.write_text(rules)
    options = ["--rules", str(file), "--templates", str(ROOT / "templates")]
    return CliRunner().invoke(main, [*words, *options])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("page")
    result = command(folder, HEAD + "".join(RULES), "test", str(TESTS), "--json")
    assert result.exit_code in (0, 1), result.output
    return {test["name"]: test for test in json.loads(result.stdout)["files"][0]["tests"]}


@cache
def words() -> Templates:
    return Templates(ROOT / "templates")


def test_its_rules_make_one_file_in_which_nothing_is_wrong_or_doubtful() -> None:
    rules, problems = read_rules(
        HEAD + "".join(RULES), environ={}, installed=Installed(words().forms)
    )
    assert problems == []
    assert rules is not None and len(rules.rules) == len(RULES) == 12


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.split()[2])
def test_each_rule_can_be_pasted_alone(rule: str) -> None:
    assert read_rules(HEAD + rule, environ={}, installed=Installed(words().forms))[1] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_do_what_the_page_says(name: str, results: dict[str, Any]) -> None:
    assert results[name]["failures"] == []


def test_each_of_its_rules_is_in_a_test() -> None:
    text = TESTS.read_text()
    for rule in RULES:
        assert f"- {{rule: {rule.split()[2]}," in text


def test_what_it_begins_a_file_of_rule_tests_with_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```\n(people:.*?)```", PAGE, re.DOTALL)
    (tmp_path / "rules.test.yaml").write_text(example)
    result = command(tmp_path, HEAD + RULES[0], "test")
    assert result.exit_code == 0, result.output


def test_the_rule_that_is_explained_is_the_first_of_the_ten() -> None:
    (explained,) = re.findall(r"```\n(  - id: congratulate.*?)```", PAGE, re.DOTALL)
    bare = re.sub(r"(?m) +#.*$", "", explained)
    assert yaml.safe_load(bare)[0].items() <= yaml.safe_load(RULES[0])[0].items()


def test_it_names_the_templates_that_are_there() -> None:
    told = set(re.findall(r"(?m)^\| `(\w+)` \|", PAGE.partition("## Files of people")[0]))
    assert told == {name for name, forms in words().forms.items() if forms}


def test_it_says_what_an_import_answers_and_people_show_adds() -> None:
    answers, shown = (
        PAGE.partition(f"### What {title}")[2].partition("\n#")[0]
        for title in ("an import answers", "`people show` says")
    )
    keys = {*ImportAnswer.__struct_fields__} - {"file"}
    assert [key for key in keys if f"`{key}`" not in answers] == []
    lines = {*ShownPerson.__struct_fields__} - {*Person.__struct_fields__} | {"left_as"}
    assert [line for line in lines if f"`{line}`" not in shown] == []


@pytest.mark.parametrize("verb", sorted(set(COMMANDS)), ids=" ".join)
def test_it_names_commands_that_are_there(verb: tuple[str, str]) -> None:
    result = CliRunner().invoke(main, [*filter(None, command_of(verb)), "--help"])
    assert result.exit_code == 0, result.output


def command_of(verb: tuple[str, str]) -> tuple[str, str]:
    """The second word is part of the command where it has commands of its own."""
    found = main.commands[verb[0]]
    return verb if hasattr(found, "commands") else (verb[0], "")


def test_who_has_read_it_writes_the_list_for_monday_morning(tmp_path: Path) -> None:
    assert read_rules(HEAD + MONDAY, environ={}, installed=Installed(words().forms))[1] == []
    (tmp_path / "rules.test.yaml").write_text(STUCK)
    result = command(tmp_path, HEAD + MONDAY, "test")
    assert result.exit_code == 0, result.output
