"""A course has a link without its API or an import: the source's pattern, filled with its id."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.learners.directory.course_links import course_link, link_pattern
from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from tests.installation import DONE, ROOT, START, Installation, body, completed

PATTERN = "https://lms.example.org/go?a={event.account}#/{course.type}/{course.number}"
LINK = "https://lms.example.org/go?a=1234#/course/7"
ADOBE = {"COURSEBELL_ADOBE_COURSE_URL": PATTERN}
ADA = PersonRow("77", name="Ada", email="ada@example.org")
OPEN = {"COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "true"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(desk: Installation, *words: str) -> str:
    return CliRunner().invoke(main, list(words), env=desk.environ).output


def test_a_shipped_mail_shows_the_link_and_every_command_the_same_one(folder: Path) -> None:
    rules = DONE + "    conditions: [course.url: {matches: 'https://lms.example.org/*'}]\n"
    with Installation(folder, rules, **ADOBE) as desk:
        desk.import_people([ADA])
        desk.post(completed(START, 77))
        desk.tick()
        assert desk.states() == ["sent"]
        assert LINK in desk.drawer()[0]

        (sent,) = desk.notifications()
        assert f"got {LINK}" in command(desk, "explain", sent["id"])
        assert LINK in command(desk, "preview", "completed", "--notification", sent["id"])
        Path("letter.json").write_bytes(
            body(completed(START, 77, course="course:8", session="course:8_1"))
        )
        tried = command(desk, "try", "done", "--event", "letter.json", "--data", "data")
        assert LINK.replace("/7", "/8") in tried
        backtest = json.loads(command(desk, "backtest", "--json", "--data", "data"))
        assert (backtest["sent"], backtest["matched"]) == (1, 1)


def test_what_an_import_says_goes_first(folder: Path) -> None:
    with Installation(folder, DONE, **ADOBE) as desk:
        desk.import_people([ADA])
        with desk.app.ledger.transaction() as cursor:
            desk.app.courses.store(
                cursor, [CourseRow("course:7", "adobe", url="https://own.example.org/7")], START
            )
        desk.post(completed(START, 77))
        desk.tick()
        assert "https://own.example.org/7" in desk.drawer()[0]
        assert LINK not in desk.drawer()[0]


def test_of_another_source_there_is_no_link(folder: Path) -> None:
    with Installation(folder, DONE, COURSEBELL_SUNBIRD_COURSE_URL=PATTERN) as desk:
        desk.import_people([ADA])
        desk.post(completed(START, 77))
        desk.tick()
        assert "lms.example.org" not in desk.drawer()[0]


def test_a_rule_test_has_the_same_link(folder: Path) -> None:
    Path("rules.yaml").write_text(
        f"version: 1\nchannels: {{email: 'drawer://'}}\nrules:\n{DONE}"
        "    conditions: [course.url: {matches: 'https://lms.example.org/*/safety'}]\n"
    )
    Path("rules.test.yaml").write_text(
        "people: {ada: {}}\ncourses: {safety: {}}\ntests:\n  - name: by link\n    given:\n"
        "      - {at: 1d, event: enrollment.completed, learner: ada, course: safety}\n"
        "    expect: [{rule: done, to: ada, text: 'https://lms.example.org/'}]\n"
    )
    words = ["test", "--templates", str(ROOT / "templates")]
    assert CliRunner().invoke(main, words).exit_code == 1
    result = CliRunner().invoke(main, words, env=ADOBE)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("course", "link"),
    [
        ("course:7", "https://x.org/course:7/7/course?1%202"),
        ("learning_program:7", "https://x.org/learningProgram:7/7/learningProgram?1%202"),
        ("do_2136", "https://x.org/do_2136/do_2136/?1%202"),
        ("a/b c&d", "https://x.org/a%2Fb%20c%26d/a%2Fb%20c%26d/?1%202"),
    ],
)
def test_names_are_filled_in_and_encoded(course: str, link: str) -> None:
    pattern = "https://x.org/{course.id}/{course.number}/{course.type}?{event.account}"
    assert course_link(link_pattern(pattern), "1 2", course) == link


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("https://x.org/courses", "{course.id} or {course.number} in it"),
        ("https://x.org/{event.account}", "{course.id} or {course.number} in it"),
        ("https://x.org/{course.id}/{course.title}", "no names in braces but {course.id}"),
        ("https://x.org/{course.id", "a link with {course.id} or"),
        ("https://x.org/{course.id}}", "an https:// address"),
        ("https://{course.id}.x.org/", "names in braces behind its host"),
        ("https://{course.id}", "names in braces behind its host"),
        ("javascript:alert('{course.id}')", "an https:// address"),
        ("x.org/{course.id}", "an https:// address"),
        ("https://x.org/a b/{course.id}", "an https:// address"),
    ],
)
def test_a_pattern_that_cannot_lead_anywhere_is_refused_at_the_start(
    pattern: str, told: str
) -> None:
    result = CliRunner().invoke(main, ["check"], env={"COURSEBELL_ADOBE_COURSE_URL": pattern})
    assert result.exit_code == 2
    assert "COURSEBELL_ADOBE_COURSE_URL: expected " in result.output
    assert told in result.output


def test_check_says_which_source_has_no_links(folder: Path) -> None:
    told = "course.url: no course of adobe has a link, so mails go without one; set COURSEBELL_"
    with Installation(folder, DONE, **OPEN) as desk:
        desk.post(completed(START, 77))
        desk.tick()
        checked = command(desk, "check")
        assert f"{told}ADOBE_COURSE_URL, or import courses with a column url" in checked
        assert "completed/email/body" in checked
        desk.environ |= ADOBE
        assert told not in command(desk, "check")
        del desk.environ["COURSEBELL_ADOBE_COURSE_URL"]
        Path("courses.csv").write_text("id,url\ncourse:7,https://own.example.org/7\n")
        command(desk, "courses", "import", "courses.csv")
        assert told not in command(desk, "check")


def test_mails_that_show_no_link_need_none(folder: Path) -> None:
    note = folder / "templates/note/email"
    note.mkdir(parents=True)
    (note / "subject.txt").write_text("Hi\n")
    (note / "body.txt").write_text("Well done\n")
    rules = DONE.replace("template: completed", "template: note")
    settings = {"COURSEBELL_TEMPLATES": str(folder / "templates")}
    with Installation(folder, rules, **OPEN, **settings) as desk:
        assert "has a link" not in command(desk, "check")
