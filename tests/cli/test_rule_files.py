"""The rule file and the templates are named alike in every command that reads them."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import COMMANDS, main
from tests.installation import ADA, DONE, ROOT, START, Installation, body, completed

READERS = ("run", "check", "schema", "preview", "test", "backtest", "try")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Rules with `done`; beside them other.yaml has `other`, whose template is elsewhere."""
    monkeypatch.chdir(tmp_path)
    with Installation(tmp_path, DONE) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick(START)
        shutil.copytree(ROOT / "templates", "words")
        shutil.copytree("words/completed", "words/finished")
        text = office.rules.read_text().replace("id: done", "id: other")
        Path("other.yaml").write_text(text.replace("template: completed", "template: finished"))
        Path("letter.json").write_bytes(
            body(completed(START + 1, 77, course="course:8", session="course:8_1"))
        )
        yield office


def run(office: Installation, *words: str) -> Result:
    return CliRunner(env={**office.environ, "COLUMNS": "100"}).invoke(main, words)


@pytest.mark.parametrize("name", READERS)
def test_each_command_that_reads_rules_says_the_same_of_the_options(name: str) -> None:
    (command,) = (each for each in COMMANDS if each.name == name)
    helps = {o.opts[0]: getattr(o, "help", None) for o in command.params}
    assert (helps["--rules"], helps["--templates"]) == ("Rule file.", "Template folder.")


@pytest.mark.parametrize(
    "words",
    [
        ("check", "other.yaml"),
        ("check", "--rules", "other.yaml"),
        ("check", "other.yaml", "--rules", "./other.yaml"),
        ("backtest", "other.yaml"),
        ("backtest", "--rules", "other.yaml"),
        ("preview", "finished", "--rules", "other.yaml"),
        ("schema", "--tests", "--rules", "other.yaml"),
    ],
)
def test_the_file_is_named_by_argument_or_option(
    office: Installation, words: tuple[str, ...]
) -> None:
    found = run(office, *words, "--templates", "words")
    assert found.exit_code == 0, found.output
    expected = {"check": "nothing is wrong", "preview": "finished, email"}
    assert expected.get(words[0], "other") in found.stdout
    without = run(office, *words)
    assert without.exit_code != 0 and "finished" in without.output


def test_a_rule_of_another_file_is_tried_with_its_templates(office: Installation) -> None:
    words = ("try", "other", "--event", "letter.json", "--data", "data")
    found = run(office, *words, "--rules", "other.yaml", "--templates", "words")
    assert found.exit_code == 0, found.output
    assert "triggered by enrollment.completed; other.yaml:" in found.stdout
    assert "template finished" in found.stdout
    assert run(office, *words).exit_code == 2


@pytest.mark.parametrize("name", ["check", "backtest"])
def test_two_different_rule_files_are_refused(office: Installation, name: str) -> None:
    found = run(office, name, "other.yaml", "--rules", "rules.yaml")
    assert found.exit_code == 2 and not found.stdout
    assert found.stderr == (
        "coursebell: expected one rule file, got other.yaml and --rules rules.yaml; "
        "leave one of them out\n"
    )


def test_a_rule_file_that_is_not_there_is_not_passed_over(office: Installation) -> None:
    for words in (("check", "nope.yaml"), ("preview", "completed", "--rules", "nope.yaml")):
        found = run(office, *words)
        assert found.exit_code == 2 and re.match(r"coursebell: nope\.yaml: ", found.stderr)


def test_verifying_takes_no_rule_file(office: Installation) -> None:
    for words in (["other.yaml"], ["--rules", "other.yaml"], ["--templates", "words"]):
        found = run(office, "backtest", "--verify", *words)
        assert found.exit_code == 2 and "takes the rules from the ledger" in found.stderr
