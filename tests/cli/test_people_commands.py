"""Importing people beside the rest of the world: pipes, a running service, lists, addresses."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from service.cli import main
from service.learners.directory.people import People
from tests import forks
from tests.cli.people_file import person, run
from tests.engines import opened
from tests.installation import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_standard_input_is_a_file_too() -> None:
    words = [
        "people",
        "import",
        "-",
        "--new",
        "--source",
        "adobe",
        "--data",
        str(Path("data").absolute()),
    ]
    done = forks.run(words, ROOT, os.environ, b"id,name\n7,Ada\n")
    assert done.returncode == 0
    assert done.stdout == b"1 people: 1 new, 0 changed, 0 unchanged\n"
    assert done.stderr == b""
    assert person("7", "adobe")


def test_an_import_goes_in_while_the_service_has_the_ledger_open() -> None:
    service = opened(Path("data"))
    people = People(service)
    before = service.revision()
    assert run("id,name\n7,Ada\n").exit_code == 0
    assert service.revision() != before
    assert people.find(("adobe", "42", "7"))
    service.close()


@pytest.mark.of_files
def test_a_ledger_that_cannot_be_opened_is_one_line_and_exit_2() -> None:
    Path("data/ledger.db").mkdir(parents=True)
    result = run("id\n7\n")
    assert result.exit_code == 2
    assert result.stderr.startswith("coursebell: data/ledger.db: the ledger cannot be opened")
    assert result.stderr.count("\n") == 1


def test_bad_settings_are_one_line_each_and_exit_2() -> None:
    environ = {"COURSEBELL_PORT": "x", "COURSEBELL_RULE": "y"}
    result = CliRunner(env=environ).invoke(main, ["people", "list"])
    assert result.exit_code == 2
    assert result.stderr == (
        "coursebell: COURSEBELL_RULE: unknown setting; did you mean COURSEBELL_RULES?\n"
        "coursebell: COURSEBELL_PORT: expected a number from 0 to 65535, got 'x'\n"
    )


def test_people_are_listed_and_shown_without_what_steers_a_terminal() -> None:
    run("id,name,email,dept\n7,A\x1b[31mda,ada@example.org,[bold]x\n8,Grace,,\n")
    listed = CliRunner().invoke(main, ["people", "list"])
    shown = CliRunner().invoke(main, ["people", "show", "7"])
    assert "ada@example.org" in listed.output and "Grace" in listed.output
    assert "[bold]x" in shown.output
    assert "\x1b" not in listed.output + shown.output


LONG = """id,name,email,manager,groups,state,source,account
11,Ann Alexandra Cholmondeley,ann.cholmondeley@a-long-department.example.org,12,Sales,,adobe,1
12,王小明王小明王小明王小明王小明王小明,wang@example.org,,HR,,adobe,1
13,محمد عبد الله بن عبد العزيز آل سعود,mohammed@example.org,11,"Pilot, Sales and HR",DELETED,adobe,1
"""
UUID = "9f8b7c6d-1234-5678-9abc-def012345678"


def listed(columns: int | None) -> Result:
    environ = {"COLUMNS": str(columns) if columns else None}
    return CliRunner(env=environ).invoke(main, ["people", "list"])


def test_a_terminal_shows_one_line_for_each_and_a_pipe_all_of_it() -> None:
    run(LONG)
    lines = listed(80).stdout.splitlines()
    assert len(lines) == 4 and max(map(cell_len, lines)) <= 80
    rows = {line.split()[0]: line for line in lines[1:]}
    assert [id for id, line in sorted(rows.items()) if "deleted" in line] == ["13"]
    assert sorted(rows) == ["11", "12", "13"] and "王小明王" in rows["12"]
    assert all("…" in line for line in lines[1:])
    for whole in (listed(None).stdout, listed(300).stdout):
        assert "ann.cholmondeley@a-long-department.example.org" in whole
        assert "…" not in whole and len(whole.splitlines()) == 4


def test_an_id_stays_whole_and_what_has_no_room_is_named() -> None:
    run(f"{LONG}{UUID},Uu,uu@example.org,,,,sunbird,academy\n")
    narrow = listed(80)
    assert UUID in narrow.stdout and len(narrow.stdout.splitlines()) == 5
    assert narrow.stderr == (
        "Without Left, Manager and Groups; a wider terminal shows them, and --json\n"
    )
    assert UUID in listed(20).stdout


def test_people_as_json_come_in_pages() -> None:
    run("id,name\n7,Ada\n8,Grace\n")
    first = json.loads(CliRunner().invoke(main, ["people", "list", "--json", "--limit=1"]).stdout)
    options = ["--json", "--after", first["next"]]
    rest = json.loads(CliRunner().invoke(main, ["people", "list", *options]).stdout)
    assert {p["name"] for p in first["items"] + rest["items"]} == {"Ada", "Grace"}
    assert rest["next"] is None


def test_someone_unknown_is_said_to_be_unknown() -> None:
    run("id,name\n8,Grace\n")
    result = CliRunner().invoke(main, ["people", "show", "7"])
    assert result.exit_code == 1
    assert result.stderr.startswith("coursebell: nobody has this LMS id")


@pytest.mark.parametrize(
    "address",
    [
        "o'brien@example.org",
        "ann+learning@example.org",
        "jörg@bücher.example",
        '"ann smith"@example.org',
        "a@b-c.example.org",
        "ann@localhost",
    ],
)
def test_unusual_but_valid_addresses_go_in_as_given(address: str) -> None:
    quoted = address.replace('"', '""')
    assert run(f'id,email\n7,"{quoted}"\n').exit_code == 0
    found = person("7")
    assert found and found.email == address


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org, bob@example.org",
        "Ann <ann@example.org>",
        "ann@example.org\r\nBcc: eve@example.org",
        "bob@",
        "@academy.example",
        "ann..smith@example.org",
        "ann@-example.org",
        "ann@example..org",
        "a" * 65 + "@example.org",
        "mailto:ann@example.org",
    ],
)
def test_what_is_not_one_address_does_not_go_in(address: str) -> None:
    result = run(f'id,email\n7,"{address}"\n')
    found = person("7")
    assert result.exit_code == 0 and found and found.email is None
    assert result.stderr == (
        "people.csv:2: email: warning: expected one address, e.g. ann@example.org\n"
    )


def test_a_manager_who_has_left_is_told_of_beside_how_they_were_found() -> None:
    run("id,manager,state\n7,8,active\n8,,deleted\n9,7,active\n", "--source", "adobe")
    shown = [CliRunner().invoke(main, ["people", "show", id]).output for id in ("7", "9")]
    assert "found by id; has left, so theirs is told" in shown[0]
    assert "found by id" in shown[1] and "has left" not in shown[1]


def test_who_has_left_is_listed_page_by_page() -> None:
    run("id,state\n7,active\n8,deleted\n9,left\n", "--source", "adobe")
    listed = CliRunner().invoke(main, ["people", "list", "--left", "--json"])
    assert sorted(each["lms_id"] for each in json.loads(listed.stdout)["items"]) == ["8", "9"]
    page = CliRunner().invoke(main, ["people", "list", "--left", "--limit", "1"])
    assert "people list --left --after" in page.stderr
