"""`coursebell courses import`: our own columns or Adobe's Trainings report."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.learners.directory.courses import Course, Courses
from tests.engines import opened


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(content: str, *options: str) -> Result:
    Path("courses.csv").write_text(content, encoding="utf-8")
    return CliRunner().invoke(main, ["courses", "import", "courses.csv", "--new", *options])


def course(course_id: str, source: str = "", account: str = "") -> Course | None:
    ledger = opened(Path("data"))
    try:
        return Courses(ledger).get(source, account, course_id)
    finally:
        ledger.close()


def test_all_plain_columns_are_kept_and_twice_changes_nothing() -> None:
    content = (
        "id,title,kind,tags,url,parents\n"
        "learning_program:1,Logic,Learning Path,a; b,https://lms.example.org/1,\n"
        "course:2,Sets,,,,learning_program:1|course:9\n"
    )
    assert run(content).output == "2 courses: 2 new, 0 changed, 0 unchanged\n"
    assert run(content).output == "2 courses: 0 new, 0 changed, 2 unchanged\n"
    assert course("learningProgram:1") == Course(
        id="learningProgram:1",
        title="Logic",
        kind="learning_path",
        tags=("a", "b"),
        url="https://lms.example.org/1",
    )
    sets = course("course:2")
    assert sets and (sets.kind, sets.parents) == ("course", ("learningProgram:1", "course:9"))


def test_adobes_trainings_report_is_known_by_its_header() -> None:
    result = run(
        "Catalog Name,Training Type,Training Id,Training unique id,Training Name,"
        "Catalog labels & Tags\n"
        "Default,Course,11,u,Logic,logic;math\n"
        "Default,Learning Program,12,u,Path,\n"
        "Default,Learning Path,learning_program:13,u,Path,\n"
        "Default,Certification,14,u,Cert,\n"
        "Default,Job Aid,15,u,Sheet,\n",
        "--account",
        "42",
    )
    assert (result.exit_code, result.output) == (0, "4 courses: 4 new, 0 changed, 0 unchanged\n")
    logic = course("course:11", "adobe", "42")
    assert logic and (logic.title, logic.kind, logic.tags) == ("Logic", "course", ("logic", "math"))
    kinds = {
        one: found.kind if (found := course(one, "adobe", "42")) else None
        for one in ("learningProgram:12", "learningProgram:13", "certification:14")
    }
    assert list(kinds.values()) == ["learning_path", "learning_path", "certification"]


def test_the_newer_trainings_report_has_labels_and_tags_in_columns_of_their_own() -> None:
    result = run(
        "Catalog Name,Training ID,Training Unique ID,Training Type,Training Name,Embedded Path,"
        "Modules,Status of Training,Last Published Date (UTC TimeZone),Catalog Labels,Tags\n"
        "Default,11,u,Course,Logic,,,Published,,Department:Sales,logic;math\n"
        "Default,12,u,Learning Path (Higher Level),Path,,,Published,,,logic\n"
        "Default,certification:13,u,Certification,Cert,,,Retired,,Sales,\n"
    )
    assert result.output == "3 courses: 3 new, 0 changed, 0 unchanged\n"
    logic = course("course:11", "adobe")
    assert logic and logic.tags == ("Department:Sales", "logic", "math")
    path = course("learningProgram:12", "adobe")
    assert path and (path.kind, path.title, path.tags) == ("learning_path", "Path", ("logic",))
    cert = course("certification:13", "adobe")
    assert cert and cert.tags == ("Sales",)


def test_what_cannot_be_used_is_named() -> None:
    result = run("id,titel,kind,url\ncourse:1,Logic,webinar,javascript:alert(1)\n,X,,\n")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "courses.csv:1: titel: warning: unknown column, left out; expected one of id, title, "
        "kind, tags, url, parents, source, account",
        "courses.csv:2: kind: warning: expected course, learning_path or certification",
        "courses.csv:2: url: warning: expected an https:// address",
        "courses.csv:3: id: expected the LMS's id of the course",
    ]
    found = course("course:1")
    assert found and (found.kind, found.url) == ("course", None)


def test_a_training_of_an_unknown_type_is_not_guessed() -> None:
    result = run("Training Id,Training Type,Training Name\n11,Webinar,Logic\n")
    assert result.exit_code == 2
    assert result.stderr.startswith("courses.csv:2: Training Type: expected Course, Learning Path")


def test_a_file_without_ids_is_refused() -> None:
    result = run("title\nLogic\n")
    assert (result.exit_code, result.stderr) == (
        2,
        "coursebell: courses.csv:1: expected a column id or Training Id\n",
    )


def test_courses_are_listed_and_shown() -> None:
    run("id,title\ncourse:1,Logic\ncourse:2,Sets\n")
    listed = CliRunner().invoke(main, ["courses", "list", "--limit", "1"])
    assert "Logic" in listed.stdout and "Sets" not in listed.stdout
    assert listed.stderr == "More: coursebell courses list --after course:1\n"
    shown = json.loads(CliRunner().invoke(main, ["courses", "show", "course:2", "--json"]).stdout)
    assert [item["title"] for item in shown["items"]] == ["Sets"]
    assert CliRunner().invoke(main, ["courses", "show", "course:3"]).exit_code == 1
