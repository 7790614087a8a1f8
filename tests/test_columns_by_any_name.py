"""A column of the people import is read by rules, templates and tests, whatever it is called."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.rules.fields import field_named
from service.rules.language.columns import column_of, field_of
from tests.cli.people_file import run
from tests.installation import DONE, ROOT, START, Installation, completed

NAMES = [
    "AF_Country/Region", "Cost Center", "a.b", "Team (EU)", "O'Brien", "R&D", "Büro", "#1",
    "a: b", 'say "hi"', "2024", "a,b", "[x]", "_x", "items", "it's \"so\"",
]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def quoted(text: str) -> str:
    """A key of YAML that may hold any text."""
    return "'" + text.replace("'", "''") + "'"


def csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def imported(column: str) -> None:
    header = f"id,email,{csv_cell(column)}"
    assert run(f"{header}\n77,a@example.org,Germany\n78,b@example.org,France\n").exit_code == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_with_such_a_column_sends_to_whom_it_should(folder: Path, name: str) -> None:
    rules = DONE + f"    conditions:\n      - {quoted(field_of(name))}: Germany\n"
    with Installation(folder, rules) as desk:
        imported(name)
        desk.app.writer.forget()
        desk.post(completed(START, 77), completed(START, 78))
        desk.tick()
        assert desk.states() == ["sent"]
        (sent,) = desk.notifications()
        explained = CliRunner().invoke(main, ["explain", sent["id"]], env=desk.environ).stdout
        assert f"{field_of(name)} eq Germany: got Germany" in explained


@pytest.mark.parametrize(
    "condition",
    [
        'learner.fields."AF_Country/Region": Germany',
        "learner.fields.'AF_Country/Region': {in: [Germany]}",
        'any: [{learner.fields."AF_Country/Region": Germany}, {learner.groups: {contains: x}}]',
        'all: [{none: [{learner.fields."AF_Country/Region": {ne: Germany}}]}]',
        '\'learner.fields."AF_Country/Region"\': {matches: "germ*"}',
    ],
)
def test_it_is_plain_yaml_and_may_stand_in_groups(folder: Path, condition: str) -> None:
    with Installation(folder, DONE + f"    conditions:\n      - {condition}\n") as desk:
        imported("AF_Country/Region")
        desk.app.writer.forget()
        desk.post(completed(START, 77), completed(START, 78))
        desk.tick()
        assert desk.states() == ["sent"]


@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_of_a_field_is_one_field(name: str) -> None:
    spellings = [f'learner.fields."{name}"', f"learner.fields.'{name}'", field_of(name)]
    assert {column_of(each) for each in spellings} == {name}
    fields = [field_named(each) for each in spellings]
    assert {each and each.name for each in fields} == {field_of(name)}


def test_simple_names_go_on_without_quotes() -> None:
    assert field_of("Cost Center") == "learner.fields.Cost Center"
    for wrong in (
        "learner.fields.a/b",
        'learner.fields.""',
        'learner.fields."a',
        "learner.fields.",
    ):
        assert field_named(f"learner.fields.{wrong}") is None


@pytest.mark.parametrize("name", NAMES)
def test_a_template_reads_it_and_is_checked(folder: Path, name: str) -> None:
    (folder / "templates/note/email").mkdir(parents=True)
    key = name.replace("\\", "\\\\").replace('"', '\\"')
    body = f'From {{{{ learner.fields["{key}"] }}}}\n'
    (folder / "templates/note/email/subject.txt").write_text("Hi\n")
    (folder / "templates/note/email/body.txt").write_text(body)
    rules = DONE.replace("template: completed", "template: note")
    settings = {"COURSEBELL_TEMPLATES": str(folder / "templates")}
    with Installation(folder, rules, **settings) as desk:
        imported(name)
        desk.app.writer.forget()
        desk.post(completed(START, 77))
        desk.tick()
        assert desk.states() == ["sent"]
        assert "From Germany" in desk.drawer()[0]
        checked = CliRunner().invoke(main, ["check"], env=desk.environ).stdout
        assert "no import brought" not in checked


def test_a_column_that_nobody_has_is_warned_of_in_rules_and_templates(folder: Path) -> None:
    rules = DONE + '    conditions:\n      - learner.fields."AF_County/Region": Germany\n'
    (folder / "templates/note/email").mkdir(parents=True)
    (folder / "templates/note/email/subject.txt").write_text("Hi\n")
    body = folder / "templates/note/email/body.txt"
    body.write_text('{{ learner.fields["AF_Country/Regio"] }}\n')
    settings = {"COURSEBELL_TEMPLATES": str(folder / "templates")}
    rules = rules.replace("template: completed", "template: note")
    with Installation(folder, rules, **settings) as desk:
        imported("AF_Country/Region")
        checked = CliRunner().invoke(main, ["check"], env=desk.environ).stdout
    meant = "did you mean 'AF_Country/Region'?"
    for lacking in ("AF_County/Region", "AF_Country/Regio"):
        assert f"no import brought the column '{lacking}'; {meant}" in checked


def test_without_its_quotes_it_is_refused_with_them(folder: Path) -> None:
    Path("rules.yaml").write_text(
        f"version: 1\nchannels: {{email: 'drawer://'}}\nrules:\n{DONE}"
        "    conditions:\n      - learner.fields.AF_Country/Region: Germany\n"
    )
    told = CliRunner().invoke(main, ["check", "rules.yaml"]).output
    assert "unknown field 'learner.fields.AF_Country/Region'; a name with such signs" in told
    assert 'learner.fields."AF_Country/Region"' in told


def test_a_rule_test_gives_such_a_column(folder: Path) -> None:
    Path("rules.yaml").write_text(
        f"version: 1\nchannels: {{email: 'drawer://'}}\nrules:\n{DONE}"
        '    conditions:\n      - learner.fields."AF_Country/Region": Germany\n'
    )
    Path("rules.test.yaml").write_text(
        "people: {ada: {fields: {AF_Country/Region: Germany}}, bob: {fields: {'a.b': x}}}\n"
        "courses: {safety: {}}\ntests:\n  - name: by country\n    given:\n"
        "      - {at: 1d, event: enrollment.completed, learner: ada, course: safety}\n"
        "      - {at: 1d, event: enrollment.completed, learner: bob, course: safety}\n"
        "    expect: [{rule: done, to: ada}]\n"
    )
    result = CliRunner().invoke(main, ["test", "--templates", str(ROOT / "templates")])
    assert result.exit_code == 0, result.output


def test_the_schema_of_an_installation_offers_what_it_has(folder: Path) -> None:
    with Installation(folder, DONE) as desk:
        run("id,timezone,locale,groups,AF_Country/Region,Unit\n7,UTC,de,Pilot; Sales,Germany,N\n")
        text = CliRunner().invoke(main, ["schema", "--data", "data"], env=desk.environ).stdout
        plain = CliRunner().invoke(main, ["schema"], env=desk.environ).stdout
    found, known = json.loads(text)["definitions"], json.loads(plain)["definitions"]
    keys = set(found["condition.enrollment"]["properties"])
    keys -= set(known["condition.enrollment"]["properties"])
    assert keys == {'learner.fields."AF_Country/Region"', "learner.fields.Unit"}
    assert '"Pilot"' in json.dumps(found["learner.groups"])
    assert '"UTC"' in json.dumps(found["learner.timezone"])
    assert '"group:Pilot"' in json.dumps(found["entry.enrollment"])
    assert "Germany" not in text, "a value of a column may be of one person alone"


def test_a_schema_of_no_installation_is_refused() -> None:
    result = CliRunner().invoke(main, ["schema", "--data", "nowhere"])
    assert result.exit_code == 2
    assert "nowhere: no installation is there" in result.output
