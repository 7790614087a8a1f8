"""`coursebell people import`: good rows go in, bad ones are named, twice changes nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.learners.directory.people import Person
from tests.cli.people_file import ADOBE, person, run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_goes_in_and_the_second_time_changes_nothing() -> None:
    content = "id,name,email\n7,Ada,ada@example.org\n8,Grace,grace@example.org\n"
    assert run(content).output == "2 people: 2 new, 0 changed, 0 unchanged\n"
    assert run(content).output == "2 people: 0 new, 0 changed, 2 unchanged\n"


def test_all_plain_columns_are_kept() -> None:
    result = run(
        "id,name,email,manager,timezone,locale,groups,source,account,Cost Center\n"
        "7,Ada,ada@example.org,9,Europe/Berlin,pt_BR,eng; all|ops,adobe,42,4711\n"
    )
    assert result.exit_code == 0, result.output
    ada = person("7", "adobe", "42")
    assert ada == Person(
        id=ada.id if ada else "",
        source="adobe",
        account="42",
        lms_id="7",
        name="Ada",
        email="ada@example.org",
        manager="9",
        timezone="Europe/Berlin",
        locale="pt-BR",
        groups=("eng", "all", "ops"),
        fields={"Cost Center": "4711"},
    )


def test_bad_rows_are_named_by_line_and_column_and_good_ones_go_in() -> None:
    result = run("id,name,email\n7,Ada,ada@example.org\n8,Bob,bob AT secret.org\n,Eve,\n9,X,\n")
    assert result.exit_code == 1
    assert result.stderr == (
        "people.csv:3: email: warning: expected one address, e.g. ann@example.org\n"
        "people.csv:4: id: expected the LMS's id of the person\n"
    )
    assert result.stdout == "3 people: 3 new, 0 changed, 0 unchanged, 1 row not usable\n"
    bob = person("8")
    assert person("7") and person("9") and bob and (bob.name, bob.email) == ("Bob", None)


def test_an_unknown_zone_or_language_is_a_warning_and_the_row_goes_in() -> None:
    run("id,timezone,locale\n7,Europe/Berlin,de\n")
    result = run("id,name,timezone,locale,manager\n7,Ada,Mars/X,<de>,two@x@y\n")
    assert result.exit_code == 0
    assert result.stderr == (
        "people.csv:2: manager: warning: expected an id or one address\n"
        "people.csv: locale: 1 row has '<de>', which is no language (first line 2); write a tag "
        "like de or pt-BR\n"
        "people.csv: timezone: 1 row has 'Mars/X', which is no zone (first line 2); write an IANA "
        "name, e.g. Europe/Berlin\n"
    )
    ada = person("7")
    assert ada and (ada.name, ada.timezone, ada.locale) == ("Ada", "Europe/Berlin", "de")


def test_a_language_that_nobody_speaks_is_one_line_and_one_known_in_part_counts() -> None:
    result = run("id,locale\n7,xx_YYYYY\n8,xx_YYYYY\n9,de_YYYYY\n10,Deutsch\n11,zh_Hant_TW\n")
    assert result.exit_code == 0
    assert result.stderr == (
        "people.csv: locale: 2 rows have 'xx_YYYYY', which is no language (first line 2); write "
        "a tag like de or pt-BR\n"
        "people.csv: locale: 1 row has 'de_YYYYY', which is known by its first part only "
        "(first line 4); de was taken\n"
        "people.csv: locale: 1 row has 'Deutsch', which is no language (first line 5); did you "
        "mean de?\n"
    )
    found = [person(id) for id in ("7", "9", "11")]
    assert [each and each.locale for each in found] == [None, "de", "zh-Hant-TW"]


def test_adobes_report_is_known_by_its_header() -> None:
    assert run(ADOBE, "--account", "42").exit_code == 0
    ada = person("7", "adobe", "42")
    assert ada and (ada.email, ada.manager) == ("ada@example.org", "boss@example.org")
    assert (ada.timezone, ada.locale, ada.groups) == ("Europe/Berlin", "en-US", ("Eng", "All"))
    assert ada.fields == {"AF_Cost Center": "4711", "state": "ACTIVE", "userType": "Internal"}


def test_adobes_report_without_ids_is_refused_with_the_way_out() -> None:
    result = run("name,userEmail,userType\nAda,ada@example.org,Internal\n")
    assert result.exit_code == 2
    assert "people.csv:1: expected a column id or internalUserID" in result.stderr
    assert "generateUsers" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffID ; Name ; E-Mail\r\n7;Ada;ada@example.org\r\n".encode(),
        b"sep=;\nid;name;email\n7;Ada;ada@example.org\n",
        "id\tname\temail\n7\tAda\tada@example.org\n".encode("utf-16"),
        b"\n".join([b'id,"name",email', b'7,"Ada",ada@example.org,,', b",,", b""]),
        b"id,name,email\r7,Ada,ada@example.org\r",
    ],
)
def test_files_as_spreadsheets_write_them_are_read(content: bytes) -> None:
    result = run(content)
    assert result.exit_code == 0, result.output
    ada = person("7")
    assert ada and (ada.name, ada.email) == ("Ada", "ada@example.org")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "people.csv: no header in the first line"),
        (b"PK\x03\x04rest", "people.csv: an Excel workbook or ZIP file"),
        ("id,name\n7,Zoë\n".encode("latin-1"), "people.csv:2: not text in UTF-8"),
        ("id,name\n7,Ada\n".encode("utf-16-le"), "people.csv: no header in the first line"),
        (b"id,email,E-Mail\n", "people.csv:1: E-Mail: the column is there twice"),
        (b"\x00\x01\x02", "people.csv: no header in the first line"),
    ],
)
def test_a_file_that_is_no_table_is_one_line_and_exit_2(content: bytes, expected: str) -> None:
    result = run(content)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"coursebell: {expected}") and result.stderr.count("\n") == 1


def test_a_missing_file_is_one_line_and_exit_2() -> None:
    result = CliRunner().invoke(main, ["people", "import", "nope.csv", "--new"])
    assert result.exit_code == 2
    assert result.stderr.startswith("coursebell: nope.csv: cannot be read (No such file")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b"8,B\x00b", "people.csv:3: expected text without NUL bytes"),
        (b'8,"Bob', "people.csv:3: expected a closing quotation mark"),
        (b'8,"Bob"by', "people.csv:3: expected cells between ','"),
        (b"8," + b"x" * 10_000_000, "people.csv:3: expected at most 262,144 characters"),
        (b"8," + b"x" * 200_000, "people.csv:3: expected cells between ','"),
        (b"8,Bob,Smith", "people.csv:3: expected 2 cells as in the header, got 3"),
        (b"8", "people.csv:3: expected 2 cells as in the header, got 1"),
    ],
)
def test_a_broken_row_costs_itself_and_no_other(row: bytes, expected: str) -> None:
    result = run(b"id,name\n7,Ada\n" + row + b"\n9,Grace\n10,\n")
    assert result.exit_code == 1
    assert result.stderr.startswith(expected) and result.stderr.count("\n") == 1
    assert result.stdout.startswith("3 people: 3 new") and "1 row not usable" in result.stdout


def test_a_cell_may_go_on_over_lines_and_line_numbers_stay_true() -> None:
    result = run('id,name\n7,"Ada\nLovelace"\n,Eve\n')
    assert result.stderr == "people.csv:4: id: expected the LMS's id of the person\n"
    ada = person("7")
    assert ada and ada.name == "Ada\nLovelace"


def test_only_the_first_twenty_problems_are_shown_and_the_rest_counted() -> None:
    result = run("id,name\n" + ",X\n" * 1_025)
    assert len(result.stderr.splitlines()) == 22
    assert "\npeople.csv: and 1,005 more\n" in result.stderr
    assert "1,025 rows not usable" in result.stdout


def test_an_account_without_a_source_is_refused() -> None:
    result = run("id,account\n7,42\n")
    assert result.stderr.startswith("people.csv:2: account: expected a source beside it\n")


def test_the_result_as_json_names_the_problems() -> None:
    result = run("id,name\n7,Ada\n,X\n", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "file": "people.csv",
        "ok": False,
        "added": 1,
        "changed": 0,
        "unchanged": 0,
        "missing": 0,
        "returned": 0,
        "managers": [],
        "kept": None,
        "refused": None,
        "unusable": 1,
        "warnings": 0,
        "problems": [
            {
                "line": 3,
                "column": "id",
                "expected": "expected the LMS's id of the person",
                "warning": False,
            }
        ],
        "values": [],
    }
