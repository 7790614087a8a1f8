"""`coursebell people import --full`: who is missing has left, unless half a file says so."""

import json
from pathlib import Path

import pytest

from service.learners.directory.imports import last_imports
from service.learners.directory.people import People, PersonRow
from tests.cli.people_file import ADOBE, person, run
from tests.engines import opened


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def file_of(*ids: int | str, head: str = "id,name") -> str:
    return f"{head}\n" + "".join(f"{id},X{id}\n" for id in ids)


def left(lms_id: str, source: str = "", account: str = "") -> str | None:
    found = person(lms_id, source, account)
    assert found is not None
    return found.left_as


def test_who_is_missing_has_left_and_comes_back_with_a_row() -> None:
    assert run(file_of(7, 8, 9)).exit_code == 0
    gone = run(file_of(7, 9), "--full")
    assert gone.output == "2 people: 0 new, 0 changed, 2 unchanged, 1 missing\n"
    assert [left(id) for id in "789"] == [None, "missing", None]

    again = run(file_of(7, 9), "--full")
    assert again.output == "2 people: 0 new, 0 changed, 2 unchanged\n"
    back = run(file_of(8))
    assert back.output == "1 people: 0 new, 1 changed, 0 unchanged, 1 back again\n"
    assert left("8") is None


def test_without_full_nobody_is_taken_away() -> None:
    run(file_of(7, 8))
    assert run(file_of(7)).output == "1 people: 0 new, 0 changed, 1 unchanged\n"
    assert left("8") is None


def test_a_full_file_speaks_for_the_sources_and_accounts_in_it_alone() -> None:
    run(file_of(7, 8), "--source", "sunbird")
    run(file_of(7, 8), "--source", "adobe", "--account", "1")
    run(file_of(7, 8), "--source", "adobe", "--account", "2")
    run(file_of(7), "--source", "adobe", "--account", "1", "--full")
    found = [left("8", *there) for there in (("sunbird", ""), ("adobe", "1"), ("adobe", "2"))]
    assert found == [None, "missing", None]

    both = "id,source,account\n7,adobe,1\n7,adobe,2\n"
    assert run(both, "--full", "--source", "sunbird").output.endswith(", 1 missing\n")
    assert (left("8", "sunbird"), left("8", "adobe", "2")) == (None, "missing")


def test_adobes_report_is_everybody_of_the_source_adobe() -> None:
    run(file_of(7, 8), "--source", "adobe")
    assert run(ADOBE, "--full").output.endswith("1 missing\n")
    assert left("8", "adobe") == "missing"


def test_who_left_otherwise_stays_as_they_left() -> None:
    run(file_of(7, 8))
    ledger = opened(Path("data"))
    people = People(ledger)
    with ledger.transaction() as cursor:
        people.store(cursor, [PersonRow("8", left_as="deleted")], 1)
    ledger.close()
    assert "missing" not in run(file_of(7), "--full").output
    assert left("8") == "deleted"
    assert "back" not in run(file_of(8)).output
    assert left("8") == "deleted"


def test_a_manager_known_by_address_and_who_was_met_in_letters_are_not_missing() -> None:
    run("id,name,manager\n7,Ada,boss@example.org\n")
    ledger = opened(Path("data"))
    people = People(ledger)
    with ledger.transaction() as cursor:
        people.meet(cursor, [(people.new_id(1), ("", "", "77"))])
    ledger.close()
    assert "missing" not in run(file_of(7), "--full").output
    assert left("77") is None


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (f"{file_of(7)},Bob\n", 1, "rows of it could not be used, so nobody is taken to"),
        ("id,name\n", 2, "no row of it could be used, so nothing was done"),
        (file_of(7).encode() + b"8,\xff\n", 2, "nobody is taken to be missing"),
    ],
)  # fmt: skip
def test_of_half_a_file_nobody_is_missing(content: str | bytes, code: int, words: str) -> None:
    run(file_of(7, 8))
    result = run(content, "--full")
    assert result.exit_code == code
    assert words in result.stderr
    assert left("8") is None


def test_too_many_at_once_are_refused_again_and_again_until_they_are_allowed() -> None:
    run(file_of(*range(40)), "--source", "adobe")
    strangers = file_of(*range(1_000, 1_400))
    for _ in range(2):
        result = run(strangers, "--full", "--source", "adobe")
        assert result.exit_code == 2
        assert (
            "people.csv: 40 of 40 people of adobe are not in it, more than 20 %, so nobody is "
            "taken to be missing; its rows are in. Is it the whole file? Then say "
            "--allow-missing 100\n"
        ) in result.stderr
    assert left("3", "adobe") is None
    allowed = run(strangers, "--full", "--source", "adobe", "--allow-missing", "100")
    assert (allowed.exit_code, left("3", "adobe")) == (0, "missing")


@pytest.mark.parametrize(
    ("tail", "options"), [(",no id\n", ["--full"]), ('"x', ["--full"]), ("", [])]
)
def test_a_wrong_file_that_failed_or_was_not_full_does_not_count_as_known(
    tail: str, options: list[str]
) -> None:
    run(file_of(*range(40)), "--full")
    strangers = file_of(*range(1_000, 1_400))
    run(strangers + tail, *options)
    result = run(strangers, "--full")
    assert result.exit_code == 2
    assert "40 of 40 people are not in it" in result.stderr
    assert left("3") is None


def test_who_is_new_and_has_left_at_once_is_not_taken_off_those_known() -> None:
    run(file_of(*range(100)))
    gone = "".join(f"{n},X,deleted\n" for n in range(1_000, 1_200))
    there = "".join(f"{n},X{n},active\n" for n in range(88))
    result = run(f"id,name,state\n{there}{gone}", "--full")
    assert result.exit_code == 0
    assert result.output.endswith(", 12 missing\n")


def test_a_few_are_never_too_many() -> None:
    run(file_of(*range(10)))
    assert run(file_of(0), "--full").output.endswith(", 9 missing\n")


def test_a_row_that_has_to_be_left_out_is_forgiven_who_is_lenient() -> None:
    content = f"{file_of(7)},Bob\n"
    assert run(content).exit_code == 1
    assert run(content, "--lenient").exit_code == 0
    assert run("id,name\n,Bob\n", "--lenient").exit_code == 2


def test_the_result_as_json_counts_who_left_and_who_came_back() -> None:
    run(file_of(7, 8))
    gone = json.loads(run(file_of(7), "--full", "--json").stdout)
    assert (gone["ok"], gone["missing"], gone["returned"]) == (True, 1, 0)
    back = json.loads(run(file_of(7, 8), "--full", "--json").stdout)
    assert (back["changed"], back["missing"], back["returned"]) == (1, 0, 1)


def test_each_import_is_recorded_but_not_one_that_is_refused() -> None:
    run(file_of(*range(40)), "--source", "adobe")
    assert run(file_of(7), "--full", "--source", "adobe").exit_code == 2
    run(file_of(7), "--list", "Pilot", "--source", "adobe")
    ledger = opened(Path("data"))
    found = last_imports(ledger)
    ledger.close()
    told = [(each.what, each.source, each.list, each.rows, each.added) for each in found]
    assert told == [("people", "adobe", "", 40, 40), ("people", "adobe", "Pilot", 1, 0)]


def test_one_that_was_killed_while_it_marked_is_right_after_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(file_of(*range(3_000)))
    half = file_of(*range(1_500))
    kept, marked = People.store, []

    def killed(
        self: People, cursor: object, rows: list[PersonRow], *more: int, **named: str
    ) -> object:
        if rows[0].left_as:
            marked.append(rows)
        if len(marked) > 1:
            raise KeyboardInterrupt
        return kept(self, cursor, rows, *more, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(People, "store", killed)
        assert run(half, "--full", "--allow-missing", "50").exit_code != 0
    assert run(half, "--full", "--allow-missing", "50").exit_code == 0
    ledger = opened(Path("data"))
    found = {row.lms_id: row.left_as for row in People(ledger).page(limit=5_000)}
    ledger.close()
    assert found == {str(n): None if n < 1_500 else "missing" for n in range(3_000)}
