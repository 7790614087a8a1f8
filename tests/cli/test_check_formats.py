"""`coursebell check --format`: for people, for programs, for GitHub, each with the same places."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.cli.check import annotation, placeless
from service.rules.language.errors import Diagnostic
from tests.installation import ROOT

RULES = """\
version: 1
channels: {email: drawer://}
rules:
  - id: done
    trigger: {event: enrolment.completed}
    conditions:
      - course.tag: {contains: 100%}
    notify: [{to: learner, via: email, template: completed}]
"""
GOOD = RULES.replace("enrolment", "enrollment").replace("course.tag:", "course.tags:")
EVENT = "unknown event 'enrolment.completed'; did you mean 'enrollment.completed'?"
FIELD = "unknown field 'course.tag'; did you mean 'course.tags'?"
SCORE = (
    "no configured source fills 'enrollment.score' (community-training would); "
    "its value stays unknown"
)


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSEBELL_TEMPLATES", str(ROOT / "templates"))


def check(rules: str, *words: str, name: str = "rules.yaml") -> Result:
    Path(name).write_text(rules)
    return CliRunner().invoke(main, ["check", "--rules", name, *words])


def test_for_people_each_mistake_is_one_line() -> None:
    result = check(RULES)
    assert result.exit_code == 1
    assert result.stdout == (
        f"error rules.yaml:5:22: {EVENT}\nerror rules.yaml:7:9: {FIELD}\n"
    )  # fmt: skip


def test_for_github_each_mistake_is_an_annotation_at_its_line() -> None:
    result = check(RULES, "--format", "github")
    assert result.exit_code == 1
    assert result.stdout == (
        f"::error file=rules.yaml,line=5,col=22::{EVENT}\n"
        f"::error file=rules.yaml,line=7,col=9::{FIELD}\n"
    )


def test_a_warning_is_an_annotation_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED", "true")
    rules = GOOD.replace("course.tags: {contains: 100%}", "enrollment.score: {gte: 50}")
    result = check(rules, "--format", "github")
    assert result.exit_code == 0
    assert result.stdout == f"::warning file=rules.yaml,line=7,col=9::{SCORE}\n"
    assert check(rules).stdout.endswith("; nothing is wrong, but for 1 warning\n")


def test_when_nothing_is_wrong_github_is_told_nothing() -> None:
    result = check(GOOD, "--format", "github")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (
        check(GOOD).stdout.splitlines(keepends=True)[-1]
        == "1 rule read, 1 live, 1 channel; nothing is wrong\n"
    )


def test_what_has_no_place_in_a_rule_file_is_told_all_the_same() -> None:
    result = check(GOOD.replace("drawer://", "mailto://h"), "--format", "github")
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith("::error::") and "email" in line


def test_names_and_words_cannot_break_out_of_an_annotation() -> None:
    result = check(RULES, "--format", "github", name="a,b%c.yaml")
    assert result.stdout.startswith("::error file=a%2Cb%25c.yaml,line=5,col=22::unknown event ")
    problem = Diagnostic("C:\\r,1\r\n.yaml", 1, 2, "100 %,\r\n::warning::: no")
    assert annotation(problem) == (
        "::error file=C%3A\\r%2C1%0D%0A.yaml,line=1,col=2::100 %25,%0D%0A::warning::: no"
    )
    assert placeless("50 %\nof it") == "::error::50 %25%0Aof it"


def test_for_programs_both_spellings_are_the_same() -> None:
    told = check(RULES, "--format", "json")
    assert told.exit_code == 1
    assert told.stdout == check(RULES, "--json").stdout
    assert json.loads(told.stdout)["problems"][0] == {
        "file": "rules.yaml", "line": 5, "column": 22, "severity": "error", "message": EVENT,
    }  # fmt: skip
