"""What an import can make no use of is named with its line, and costs no more than itself."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.learners.directory.tables.csv_cells import names_in
from service.rules.text import side_by_side
from tests.cli.people_file import person

PEOPLE = "id,name,email,manager,timezone,locale,groups,Cost Center"
GOOD = "7,Ada,ada@example.org,boss@example.org,Europe/Berlin,de,Eng,4711"
COURSES = "id,title,kind,tags,url,parents"
COURSE = "course:7,Logic,course,math,https://lms.example.org/7,learningProgram:1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imported(what: str, content: str | bytes, *options: str) -> Result:
    Path(f"{what}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return CliRunner().invoke(main, [what, "import", f"{what}.csv", "--new", *options])


def listed(what: str, *options: str) -> str:
    return CliRunner().invoke(main, [what, *options]).stdout


def known(what: str, id: str) -> dict[str, object]:
    (found,) = json.loads(listed(what, "show", id, "--json"))["items"]
    assert isinstance(found, dict)
    return found


SPOILT = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NV", "#WERT!", "####", "1.23457E+11")


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("name", SPOILT),
        ("email", (*SPOILT, "n/a", "a@x.org; b@x.org", "Ann <a@x.org>", "'ada@example.org")),
        ("manager", (*SPOILT, "two@x@y", "'9", "x" * 256)),
        ("groups", (*SPOILT, "Eng; #N/A")),
        ("Cost Center", SPOILT),
    ],
)
def test_a_cell_of_a_person_costs_itself_and_what_was_known_stays(
    column: str, cells: tuple[str, ...]
) -> None:
    assert imported("people", f"{PEOPLE}\n{GOOD}\n").exit_code == 0
    before = known("people", "7")
    place = PEOPLE.split(",").index(column)
    for cell in cells:
        row = GOOD.split(",")
        row[place] = f'"{cell}"'
        result = imported("people", f"{PEOPLE}\n8,Bo,,,,,,\n{','.join(row)}\n")
        assert result.exit_code == 0
        assert result.stderr.startswith(f"people.csv:3: {column}: warning: expected ")
        assert result.stderr.count("\n") == 1 and cell not in result.output
        assert known("people", "7") == before
        assert person("8")


@pytest.mark.parametrize(
    ("column", "cells"),
    [("timezone", (*SPOILT, "Mars/X", "Berlin", "23")), ("locale", (*SPOILT, "German", "<de>"))],
)
def test_a_zone_or_language_costs_itself_and_is_named(column: str, cells: tuple[str, ...]) -> None:
    imported("people", f"{PEOPLE}\n{GOOD}\n")
    before = known("people", "7")
    for cell in cells:
        row = GOOD.split(",")
        row[PEOPLE.split(",").index(column)] = cell
        result = imported("people", f"{PEOPLE}\n8,Bo,,,,,,\n{','.join(row)}\n")
        assert result.exit_code == 0
        assert result.stderr.startswith(f"people.csv: {column}: 1 row has '{cell}', which is ")
        assert result.stderr.count("\n") == 1
        assert known("people", "7") == before
        assert person("8")


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("title", SPOILT),
        ("kind", (*SPOILT, "webinar")),
        ("tags", (*SPOILT, "a; #REF!")),
        ("url", (*SPOILT, "javascript:alert(1)", "lms.example.org/7")),
        ("parents", (*SPOILT, "'course:1", "course:1; 1.2E+12")),
    ],
)
def test_a_cell_of_a_course_costs_itself_and_what_was_known_stays(
    column: str, cells: tuple[str, ...]
) -> None:
    assert imported("courses", f"{COURSES}\n{COURSE}\n").exit_code == 0
    before = known("courses", "course:7")
    place = COURSES.split(",").index(column)
    for cell in cells:
        row = COURSE.split(",")
        row[place] = f'"{cell}"'
        result = imported("courses", f"{COURSES}\n{','.join(row)}\n")
        assert result.exit_code == 0
        assert result.stderr.startswith(f"courses.csv:2: {column}: warning: expected ")
        assert result.stderr.count("\n") == 1 and cell not in result.output
        assert known("courses", "course:7") == before


def test_an_emptied_cell_says_that_there_is_none() -> None:
    imported("people", f"{PEOPLE}\n{GOOD}\n")
    assert imported("people", f"{PEOPLE}\n7,,,,,,,\n").stderr == ""
    empty = {"name": None, "email": None, "manager": None, "timezone": None, "locale": None}
    assert known("people", "7").items() >= {**empty, "groups": [], "fields": {}}.items()
    imported("courses", f"{COURSES}\n{COURSE}\n")
    assert imported("courses", f"{COURSES}\ncourse:7,,,,,\n").stderr == ""
    after = {"title": None, "kind": "course", "tags": [], "url": None, "parents": []}
    assert known("courses", "course:7").items() >= after.items()


@pytest.mark.parametrize("id", [*SPOILT, "1,23E+15", "'0012", "x" * 256])
@pytest.mark.parametrize("what", ["people", "courses"])
def test_a_row_without_an_id_that_can_be_used_is_left_out(what: str, id: str) -> None:
    result = imported(what, f'id\n"{id}"\n7\n')
    assert result.exit_code == 1 and "1 row not usable" in result.stdout
    assert result.stderr.startswith(f"{what}.csv:2: id: expected the LMS's id of the ")
    assert ", got " in result.stderr and id not in result.output
    assert known(what, "7")


@pytest.mark.parametrize("id", ["2-Jan", "Jan-24", "12. Mrz", "1/2/2026", "2026-03-01 00:00:00"])
def test_an_id_that_looks_like_a_date_is_told_and_goes_in(id: str) -> None:
    result = imported("people", f"id\n{id}\n")
    assert (result.exit_code, result.stderr) == (
        0,
        "people.csv:2: id: warning: expected the LMS's id of the person, got what may be a "
        "spreadsheet's date\n",
    )
    assert known("people", id)


@pytest.mark.parametrize(
    "id", ["0012", "1e10", "12-dev", "1.2.3", "do_3141", "course:7", "#12", "ann@x.org", "E+11"]
)
def test_an_id_that_is_only_odd_goes_in_without_a_word(id: str) -> None:
    assert imported("people", f"id\n{id}\n").stderr == ""


def test_a_name_may_begin_as_an_error_does() -> None:
    groups = "#sales; #C!; #1; #Winners!; 1e5; +1"
    assert imported("people", f"id,groups\n7,{groups}\n").stderr.count("\n") == 1
    groups = "#sales; #c!; #1; #Winners!; 1e5; +1"
    assert imported("people", f"id,groups\n7,{groups}\n").stderr == ""


def test_an_id_in_a_formula_that_keeps_its_zeros_is_refused() -> None:
    result = imported("people", 'id,manager\n"=""0042""",\n7,"=""0042"""\n')
    assert result.exit_code == 1
    assert "people.csv:2: id: expected the LMS's id of the person, got a formula" in result.stderr
    assert "3: manager: warning: expected an id or one address, got a formula" in result.stderr


def test_names_that_are_no_ids_may_begin_with_an_apostrophe() -> None:
    imported("people", "id,name,groups\n7,'t Hooft,'s Avonds\n")
    assert known("people", "7").items() >= {"name": "'t Hooft", "groups": ["'s Avonds"]}.items()


def test_two_rows_of_one_id_that_differ_are_named_with_their_lines() -> None:
    result = imported("people", "id,name\n7,Ada\n8,Bo\n7,Ann\n8,Bo\n9,C\n7,Ada\n")
    assert result.exit_code == 0
    assert result.stderr == (
        "people.csv:4: id: warning: expected each id once, got that of line 2; this line counts\n"
        "people.csv:7: id: warning: expected each id once, got that of line 4; this line counts\n"
    )
    assert known("people", "7")["name"] == "Ada"
    both = "id,source,name\n7,adobe,Ada\n7,sunbird,Bo\n"
    assert imported("people", both).stderr == ""
    spelled = "id,title\nlearning_program:1,A\nlearningProgram:1,B\n"
    assert "courses.csv:3: id: warning: expected each" in imported("courses", spelled).stderr


def test_what_an_earlier_row_said_stays_where_a_later_one_cannot_be_used() -> None:
    imported("people", "id,email\n7,ada@example.org\n7,n/a\n")
    assert known("people", "7")["email"] == "ada@example.org"
    imported("courses", "id,url\n1,https://lms.example.org\n1,nowhere\n")
    assert known("courses", "1")["url"] == "https://lms.example.org"


ADOBE_PEOPLE = "internalUserID,group\n7,{}\n"
ADOBE_COURSES = "Training Id,Training Type,Catalog labels & Tags\n7,Course,{}\n"
SPLIT = {
    "a; b": ["a", "b"],
    "a|b": ["a", "b"],
    "a, b": ["a", "b"],
    "Sales, EMEA; Ops": ["Sales, EMEA", "Ops"],
    "Sales, EMEA;": ["Sales, EMEA"],
    "a;;b|": ["a", "b"],
    " ; , ": [","],
    "": [],
}


@pytest.mark.parametrize("cell", SPLIT)
def test_names_in_one_cell_are_parted_alike_in_every_file(cell: str) -> None:
    quoted = f'"{cell}"'
    imported("people", f"id,groups\n7,{quoted}\n")
    imported("people", ADOBE_PEOPLE.format(quoted))
    imported("courses", f"id,tags\n7,{quoted}\n")
    imported("courses", ADOBE_COURSES.format(quoted))
    shown = json.loads(listed("people", "list", "--json"))["items"]
    assert [each["groups"] for each in shown] == [SPLIT[cell]] * 2
    shown = json.loads(listed("courses", "list", "--json"))["items"]
    assert [each["tags"] for each in shown] == [SPLIT[cell]] * 2


def test_quotes_within_a_name_part_no_list_and_make_none() -> None:
    lists = [('"a', 'b"'), ("a, b",), ('"a, b"',), ('a"', "b"), ("a", "b")]
    assert len({side_by_side(names) for names in lists}) == len(lists)


def test_a_manager_known_by_address_alone_is_no_end_of_the_row_above() -> None:
    imported("people", "id,manager\n7,grace@example.org\n")
    assert {line.split()[0] for line in listed("people", "list").splitlines()[1:]} == {"7", "-"}


@pytest.mark.parametrize("cell", ["course：7", "course:７", "“course:7”", "соurse:7"])
def test_an_id_that_only_looks_right_is_named(cell: str) -> None:
    for what, text in (("courses", f"id\n{cell}\n"), ("people", f"id,manager\n7,{cell}\n")):
        assert "hardly the text that is meant; there is a" in imported(what, text).stderr


@pytest.mark.parametrize("one", SPLIT)
@pytest.mark.parametrize("other", SPLIT)
def test_other_lists_look_otherwise(one: str, other: str) -> None:
    same = names_in(one) == names_in(other)
    assert same == (side_by_side(names_in(one)) == side_by_side(names_in(other)))


def test_one_group_with_a_comma_looks_like_one() -> None:
    imported("people", 'id,groups\n7,"Sales, EMEA; Ops"\n')
    imported("courses", 'id,tags,parents\n7,"a, b; c","x,y;z"\n')
    for words in (("people", "list"), ("people", "show", "7")):
        assert '"Sales, EMEA", Ops' in listed(*words)
    for words in (("courses", "list"), ("courses", "show", "7")):
        assert '"a, b", c' in listed(*words)
    assert '"x,y", z' in listed("courses", "show", "7")


@pytest.mark.parametrize("what", ["people", "courses"])
def test_another_encoding_is_said_and_the_refusal_says_how(what: str) -> None:
    column, field = ("groups", "groups") if what == "people" else ("tags", "tags")
    content = f"id,{column}\n7,Zoë’s\n".encode("cp1252")
    refused = imported(what, content)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"coursebell: {what}.csv:2: not text in UTF-8; expected")
    assert "--encoding windows-1252" in refused.stderr
    for name in ("windows-1252", "cp1252", "Windows_1252"):
        assert imported(what, content, "--encoding", name).exit_code == 0
    assert known(what, "7")[field] == ["Zoë’s"]


def test_a_byte_order_mark_says_more_than_the_option() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        content = "id,name\n7,Zoë\n".encode(encoding)
        assert imported("people", content, "--encoding", "windows-1252").exit_code == 0
        assert known("people", "7")["name"] == "Zoë"
    unmarked = "id,name\n8,Zoë\n".encode("utf-16-le")
    assert imported("people", unmarked, "--encoding", "utf-16-le").exit_code == 0
    assert known("people", "8")["name"] == "Zoë"


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        (b"id,name\n7,\x81\n", "windows-1252", "people.csv:2: not text in CP1252"),
        (b"id\n7\n", "windows-125", "'windows-125': expected an encoding of text"),
        (b"id\n7\n", "base64", "'base64': expected an encoding of text"),
        ("id\n7\n".encode("utf-16-le"), "utf-8", "no header in the first line"),
    ],
)
def test_an_encoding_that_it_is_not_in_is_refused(content: bytes, encoding: str, told: str) -> None:
    result = imported("people", content, "--encoding", encoding)
    assert result.exit_code == 2 and told in result.stderr


@pytest.mark.parametrize("first", ['"sep=;"\r\n', "SEP=;\n", "\n\n", "sep=;\n\n", "  \n"])
def test_what_excel_puts_above_the_header_is_passed_over(first: str) -> None:
    assert imported("people", f"{first}id;name\n\n7;Ada\n").exit_code == 0
    assert known("people", "7")["name"] == "Ada"


def test_a_tab_that_is_named_parts_cells() -> None:
    assert imported("people", "sep=\t\nid\tname\n7\tAda; Bob, Cy; D\n").exit_code == 0
    assert known("people", "7")["name"] == "Ada; Bob, Cy; D"


@pytest.mark.parametrize(("what", "header"), [("people", "id,email"), ("courses", "id,title")])
def test_a_header_that_comes_again_is_nobody(what: str, header: str) -> None:
    result = imported(what, f"{header}\n7,\n{header}\n8,\n")
    assert (result.exit_code, result.stderr) == (
        1,
        f"{what}.csv:3: expected a row, got the header again\n",
    )
    assert '"id": "id"' not in listed(what, "list", "--json")


def test_text_that_is_not_in_the_encoding_that_was_said_is_named() -> None:
    content = "id,name\n6,Ann\n7,J\u00f6rg\n".encode() + "8,M\u00fcller\n".encode("cp1252")
    result = imported("people", content, "--encoding", "windows-1252")
    assert (result.exit_code, result.stderr) == (
        0,
        "people.csv:3: warning: expected text in CP1252, got UTF-8; leave --encoding out\n",
    )
