"""`coursebell people import` finds managers as systems name them, and lists whom nobody is."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.learners.directory.people import People
from service.learners.directory.reported import ReportedValue
from service.learners.directory.tables import csv_import
from service.learners.facts import Contact
from tests.cli.people_file import person, run
from tests.engines import opened


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def show(lms_id: str, *options: str) -> str:
    return CliRunner().invoke(main, ["people", "show", lms_id, *options]).output


COMPANY = """id,name,email,manager
1,Ada Chief,ada@example.org,
2,Bob Two,bob@example.org,1
3,Cy Three,cy@example.org,Nobody Here
4,Di Same,di@example.org,
5,Di Same,di5@example.org,4
6,Ed Six,ed@example.org,"Same, Di"
7,Flo Self,flo@example.org,FLO@example.org
8,Gus Eight,gus@example.org,9
9,Hal Nine,hal@example.org,8
10,Ina Ten,ina@example.org,99
11,Jo Eleven,jo@example.org,stranger@example.org
"""


def test_who_cannot_be_found_is_listed_with_lines_and_without_names() -> None:
    result = run(COMPANY)
    assert result.exit_code == 0
    assert result.stderr == (
        "people.csv: manager: 2 people name a manager whom nobody is (lines 4, 11)\n"
        "people.csv: manager: 1 person names a manager whom several are (line 7)\n"
        "people.csv: manager: 1 person is named as their own manager (line 8)\n"
        "people.csv: manager: 2 people stand in a circle of managers and have none (lines 9, 10)\n"
        "people.csv: manager: `coursebell people show ID` tells whom each of them names, and why "
        "none is found\n"
    )
    assert json.loads(run(COMPANY, "--json").stdout)["managers"] == [
        {"why": "nobody", "people": 2, "lines": [4, 11]},
        {"why": "several", "people": 1, "lines": [7]},
        {"why": "self", "people": 1, "lines": [8]},
        {"why": "circle", "people": 2, "lines": [9, 10]},
    ]


def test_a_manager_whose_address_a_later_row_takes_is_written_to_where_rows_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_import, "ROWS_ALONE", 1)
    rows = "id,email,manager\n1,ada@example.org,boss@example.org\n8,{},\n"
    run(rows.format("boss@example.org"))
    moved = run(rows.format("new@example.org"))
    assert (moved.exit_code, moved.stderr) == (0, "")
    assert json.loads(show("1", "--json"))["items"][0]["manager_found"] == "found by address"


def test_many_lines_are_cut_short_and_of_two_rows_of_one_person_the_later_counts() -> None:
    rows = "".join(f"{n},nobody\n" for n in range(12))
    result = run(f"id,manager\n{rows}0,stranger@example.org\n")
    assert "11 people name a manager whom nobody is (lines 3, 4," in result.stderr
    assert " 12, …)\n" in result.stderr
    assert result.stderr.count("coursebell people show ID") == 1


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("Manager Email,Manager ID,manager,Manager Name", "b@x.org,9,8,Bo", "b@x.org"),
        ("Manager Email,Manager ID,manager,Manager Name", ",9,8,Bo", "9"),
        ("Manager Email,Manager ID,manager,Manager Name", ",9,c@x.org,Bo", "c@x.org"),
        ("Manager Email,Manager ID,manager,Manager Name", ",,,Bo", "Bo"),
        ("Manager Email,Manager ID,manager,Manager Name", ",,,", None),
        ("Supervisor,Reports To", "9,8", "9"),
        ("line_manager_email,managerName", "#N/A,Bo", "Bo"),
    ],
)
def test_the_surest_column_that_is_filled_names_the_manager(
    header: str, cells: str, expected: str | None
) -> None:
    assert run(f"id,{header}\n7,{cells}\n").exit_code == 0
    ada = person("7")
    assert ada and ada.manager == expected


def test_what_another_system_calls_a_column_stays_an_extra_field_too() -> None:
    assert run("id,Employee ID,Manager Name\n7,E7,Bo\n").exit_code == 0
    ada = person("7")
    assert ada and (ada.unique_id, ada.manager) == ("E7", "Bo")
    assert ada.fields == {"Employee ID": "E7", "Manager Name": "Bo"}


def test_adobes_unique_id_is_one() -> None:
    report = "internalUserID,customerDefinedUniqueUserId,managerEmail\n7,E7,boss@example.org\n"
    assert run(report).exit_code == 0
    ada = person("7", "adobe")
    assert ada and (ada.unique_id, ada.manager) == ("E7", "boss@example.org")
    assert ada.fields == {}


def test_people_show_says_how_the_manager_is_found() -> None:
    run(COMPANY)
    found = [json.loads(show(str(n), "--json"))["items"][0]["manager_found"] for n in range(1, 12)]
    assert found[:3] == ["", "found by id", "none: nobody has this id or name"]
    assert found[5:8] == [
        "none: several have this name or unique id",
        "none: it is the person itself",
        "none: a circle of managers",
    ]
    assert found[10] == "found by address"
    assert "none: a circle of managers" in show("9")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Ada Byron Lovelace", "is about whom letters call so, the names differ in a middle name"),
        ("Grace Hopper", "is about somebody else, the names have no given name in common"),
    ],
)
def test_people_show_says_what_decides_whom_a_row_is_about(said: str, words: str) -> None:
    run("id,name\n7,Ada Lovelace\n")
    ledger = opened(Path("data"))
    people = People(ledger)
    person_id = people.new_id(1)
    with ledger.transaction() as cursor:
        people.meet(cursor, [(person_id, ("community-training", "", "7"))])
        cursor.executemany(
            *people.contacts.changes({person_id: ReportedValue(Contact(said), 1, 1)})
        )
    ledger.close()
    for each in json.loads(show("7", "--json"))["items"]:
        assert each["is_one_with"] == [f"community-training: the row for every source {words}"]
    assert "the row for every source" in show("7")
