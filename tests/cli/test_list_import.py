"""`coursebell people import --list`: groups under a name of their own, beside those of others."""

from pathlib import Path

import pytest

from service.learners.directory.people import People
from tests.cli.people_file import person, run
from tests.engines import opened

MAIN = "id,name,groups\n7,Ada,Sales\n8,Grace,Sales; Ops\n9,Alan,\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    run(MAIN)
    return tmp_path


def groups(lms_id: str) -> tuple[str, ...]:
    found = person(lms_id)
    assert found is not None
    return found.groups


def members(group: str) -> int:
    ledger = opened(Path("data"))
    try:
        return len(People(ledger).in_group(group, "", ""))
    finally:
        ledger.close()


def test_a_list_without_a_column_of_groups_is_a_group() -> None:
    assert run("id\n7\n9\n", "--list", "Pilot").output == (
        "2 people: 0 new, 2 changed, 0 unchanged\n"
    )
    assert [groups(id) for id in "789"] == [("Sales", "Pilot"), ("Sales", "Ops"), ("Pilot",)]
    assert (members("Pilot"), members("Sales")) == (2, 2)
    assert run("id\n7\n9\n", "--list", "Pilot").output.endswith("0 changed, 2 unchanged\n")


def test_lists_do_not_take_each_others_groups() -> None:
    run("id,groups\n7,Red\n8,Red; Sales\n", "--list", "Teams")
    run("id\n7\n", "--list", "Pilot")
    assert groups("7") == ("Sales", "Pilot", "Red")
    assert groups("8") == ("Sales", "Ops", "Red")

    run("id,groups\n7,Finance\n8,\n")
    assert groups("7") == ("Finance", "Pilot", "Red")
    assert groups("8") == ("Red", "Sales")
    run("id,groups\n7,\n8,\n", "--list", "Teams")
    assert [groups(id) for id in "78"] == [("Finance", "Pilot"), ()]
    assert (members("Red"), members("Finance"), members("Pilot")) == (0, 1, 1)


def test_who_is_missing_from_a_full_list_is_out_of_its_groups_and_has_not_left() -> None:
    run("id\n7\n8\n", "--list", "Pilot")
    result = run("id\n7\n", "--list", "Pilot", "--full")
    assert result.output == "1 people: 0 new, 0 changed, 1 unchanged, 1 missing\n"
    assert [groups(id) for id in "78"] == [("Sales", "Pilot"), ("Sales", "Ops")]
    assert (members("Pilot"), members("Sales")) == (1, 2)
    grace = person("8")
    assert grace is not None and grace.left_as is None
    assert "missing" not in run("id\n7\n", "--list", "Pilot", "--full").output


def test_half_a_list_puts_nobody_out() -> None:
    run("id\n" + "".join(f"{n}\n" for n in range(20, 60)), "--list", "Pilot")
    result = run("id\n20\n", "--list", "Pilot", "--full")
    assert result.exit_code == 2
    assert "39 of 40 people of the list Pilot are not in it" in result.stderr
    assert members("Pilot") == 40


def test_whom_nobody_knew_is_added_by_a_list_and_a_list_calls_nobody_back() -> None:
    assert run("id,email\n10,eve@example.org\n", "--list", "Pilot").output.startswith(
        "1 people: 1 new"
    )
    assert groups("10") == ("Pilot",)
    assert run(MAIN, "--full").output.endswith(", 1 missing\n")
    run("id,email\n10,eve@example.org\n", "--list", "Pilot")
    eve = person("10")
    assert eve is not None and (eve.left_as, eve.email) == ("missing", "eve@example.org")
    run("id,state\n10,active\n", "--list", "Pilot")
    eve = person("10")
    assert eve is not None and eve.left_as == "missing"


def test_a_list_has_a_name() -> None:
    result = run("id\n7\n", "--list", " ")
    assert result.exit_code == 2 and "expected a name, got none" in result.stderr
