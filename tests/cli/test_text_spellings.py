"""Texts in the spelling of spreadsheets and word processors, from the keyboard to the verdict."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.learners.directory.courses import Courses
from tests.cli.people_file import person, run
from tests.engines import opened
from tests.installation import (
    DONE,
    FREE,
    ROOT,
    SESSION,
    START,
    Installation,
    body,
    completed,
    seats,
)

PICKY = """
  - id: picky
    trigger: {{event: enrollment.completed}}
    conditions:
      - {condition}
    notify:
      - {{to: learner, via: email, template: completed}}
"""
PAIRS = {
    "a hard blank in a group": (
        "groups",
        "Sales\u00a0Team",
        "learner.groups: {contains: Sales Team}",
    ),
    "two blanks": ("groups", "x;Sales  Team", "learner.groups: {contains_any: [Sales Team]}"),
    "a thin one in the rule": (
        "groups",
        "Sales Team",
        "learner.groups: {contains: Sales\u2009Team}",
    ),
    "letters in two parts": ("groups", "Mu\u0308nchen", "learner.groups: {contains: München}"),
    "something invisible": ("state", "ACTIVE\u200b", "learner.fields.state: ACTIVE"),
    "a soft hyphen within": ("state", "AC\u00adTIVE", "learner.fields.state: {matches: 'act*'}"),
    "a column's name": ("Cost\u00a0Center", "X1", "learner.fields.Cost Center: X1"),
    "a column's name in parts": ("Bu\u0308ro", "X1", "learner.fields.Büro: X1"),
    "a column's name in the rule": ("Cost Center", "X1", "learner.fields.Cost\u00a0Center: X1"),
    "a language": ("locale", "de_DE", "learner.locale: de_DE"),
    "a language in capitals": ("locale", "de-DE", "learner.locale: {in: [DE_DE, fr]}"),
    "a header": ("Lo\u200bcale", "de\u200b", "learner.locale: de"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def office(folder: Path) -> Iterator[Installation]:
    with Installation(folder, DONE + FREE) as office:
        yield office


@pytest.mark.parametrize("pair", PAIRS)
def test_an_imported_text_is_the_one_in_the_rule(folder: Path, pair: str) -> None:
    head, value, condition = PAIRS[pair]
    assert run(f"id,email,{head}\n77,ada@example.org,{value}\n").exit_code == 0
    with Installation(folder, PICKY.format(condition=condition)) as office:
        office.post(completed(START, 77))
        office.tick()
        assert office.states() == ["sent"]


def test_a_group_is_told_however_the_rule_and_the_cell_spell_it(folder: Path) -> None:
    group = DONE.replace("to: learner", "to: group:Bu\u0308ro\u00a0Nord")
    run("id,email,groups\n78,grace@example.org,Büro  Nord\u200b\n")
    with Installation(folder, group) as office:
        office.post(completed(START, 77))
        office.tick()
        assert office.states() == ["sent"]


def test_a_learner_a_manager_and_a_group_are_found_by_cells_of_a_spreadsheet() -> None:
    cells = (
        "id,email,manager,groups\n\u200b77\u00a0,ada@example.org\u200b,\ufeff78,Sales\u2003Team\n"
    )
    assert run(cells + "78,grace@example.org,,\n").exit_code == 0
    ada = person("77")
    assert ada and (ada.email, ada.manager) == ("ada@example.org", "78")


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ("id,email\n7,ada＠example.org\n",
         "2: email: warning: expected one address, e.g. ann@example.org; there is a "
         "FULLWIDTH COMMERCIAL AT at character 4 of it; write @"),
        ("id,locale\n7,d\u0435\n",
         "(first line 2); write a tag like de or pt-BR; there is a CYRILLIC SMALL LETTER IE at "
         "character 2 of it; write e"),
        ("\u0456d,email\n7,ada@example.org\n",
         "1: expected a column id or internalUserID; there is a CYRILLIC SMALL LETTER "
         "BYELORUSSIAN-UKRAINIAN I at character 1 of it; write i"),
    ],
)  # fmt: skip
def test_what_looks_right_in_a_cell_and_is_not_is_named(cells: str, told: str) -> None:
    assert told in run(cells).output


def test_a_text_that_is_taken_and_hardly_meant_is_a_warning_and_named_where_it_does_not_match(
    folder: Path,
) -> None:
    cells = "id,email,groups,state\n77,ada@example.org,Ops;“Sales”,АCTIVE\n"
    named = "there is a LEFT DOUBLE QUOTATION MARK at character 1 of it; take it out"
    result = run(cells, "--source", "adobe")
    assert result.exit_code == 0
    assert f"2: groups: warning: this is hardly the text that is meant; {named}" in result.output
    assert "2: state: warning: this is hardly the text that is meant" in result.output
    assert person("77", "adobe").groups == ("Ops", "“Sales”")
    rules = PICKY.format(condition="learner.groups: {contains: Sales}")
    with Installation(folder, rules):
        Path("letter.json").write_bytes(body(completed(START, 77)))
        command = ["try", "picky", "--event", "letter.json", "--data", "data"]
        environ = {"COURSEBELL_EMAIL_URL": "drawer://", "COURSEBELL_CHAT_URL": "drawer://"}
        environ["COURSEBELL_TEMPLATES"] = str(ROOT / "templates")
        found = CliRunner().invoke(main, command, env=environ).output
    assert 'got [Ops, “Sales”]; there is a LEFT DOUBLE QUOTATION MARK in it; write "' in found


def test_tags_in_quotes_of_a_word_processor_are_a_warning() -> None:
    Path("courses.csv").write_text("id,tags\ncourse:7,„mandatory“\n")
    found = CliRunner().invoke(main, ["courses", "import", "courses.csv", "--new"]).output
    assert "courses.csv:2: tags: warning: this is hardly the text that is meant" in found


@pytest.mark.parametrize(
    ("id", "kind"),
    [("learning_program:7", ""), ("Learning Path:7", ""), ("7", "Learning Program"),
     ("LEARNINGPROGRAM:7\u200b", "learning_path"), ("7", "learningPath")],
)  # fmt: skip
def test_a_plain_file_of_courses_may_spell_ids_as_letters_do(id: str, kind: str) -> None:
    Path("courses.csv").write_text(f"id,kind,title\n{id},{kind},Logic\n")
    command = ["courses", "import", "courses.csv", "--new", "--source", "adobe"]
    assert CliRunner().invoke(main, command).exit_code == 0
    ledger = opened(Path("data"))
    found = Courses(ledger).get("adobe", "1", "learningProgram:7")
    ledger.close()
    assert found and (found.title, found.kind) == ("Logic", "learning_path")


def test_a_number_of_another_system_is_no_id_of_adobe() -> None:
    Path("courses.csv").write_text("id,kind\n7,course\n")
    command = ["courses", "import", "courses.csv", "--new", "--source", "community-training"]
    assert CliRunner().invoke(main, command).exit_code == 0
    listed = CliRunner().invoke(main, ["courses", "list", "--json"]).stdout
    assert json.loads(listed)["items"][0]["id"] == "7"


def test_commands_take_ids_in_every_spelling(office: Installation) -> None:
    office.post(completed(START, 77), seats(START, 10))
    office.tick(START)
    odd = SESSION.replace("course:", " COURSE: ")
    data = ("--data", "data")
    for words in (
        ("watch", "add", odd, "77\u200b", *data),
        ("explain", "--rule", "done", "--learner", "\u200b77", "--course", "Course:7", *data),
        ("explain", "--rule", "done", "--learner", "77", "--instance", odd, *data),
        ("explain", "--rule", "free", "--instance", odd, *data),
        ("people", "show", "77\u00a0", *data),
    ):
        found = CliRunner().invoke(main, list(words))
        assert found.exit_code == 0, found.output
    listed = CliRunner().invoke(main, ["watch", "list", SESSION, "--json", *data]).stdout
    assert [each["learner"] for each in json.loads(listed)["items"]] == ["77"]
