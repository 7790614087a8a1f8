"""`check --data` warns of what a rule or a template names and nobody there has."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from tests.installation import DONE, Installation, completed

HEAD = "version: 1\nchannels: {email: drawer://}\nrules:\n"
PEOPLE = [
    PersonRow(
        str(number), locale="de-DE" if number < 3 else "en-US", timezone="Europe/Berlin",
        groups=("Sales Team", "Works council"),
        fields={"Department": "Sales", "mentor": f"Grace Hopper {number}"},
    )
    for number in range(5)
]  # fmt: skip
COURSES = [
    CourseRow(f"course:{number}", title=f"Safe driving {number}", tags=("compliance",))
    for number in range(7, 10)
]


@pytest.fixture
def academy(tmp_path: Path) -> Iterator[Installation]:
    """Five people, three courses, and a completion of an account."""
    with Installation(tmp_path, DONE) as academy:
        academy.import_people(PEOPLE)
        with academy.app.ledger.transaction() as cursor:
            academy.app.courses.store(cursor, COURSES, 1)
        academy.post(completed(1_794_000_000_000, 77))
        academy.tick()
        yield academy


def check(academy: Installation, *words: str) -> str:
    found = CliRunner().invoke(main, ["check", *words], env=academy.environ)
    assert found.exit_code == 0, found.output
    return found.stdout


def warned(academy: Installation, condition: str, to: str = "learner") -> list[str]:
    """What is warned of a condition: column and message."""
    academy.rules.write_text(
        f"{HEAD}  - id: a\n    trigger: {{event: enrollment.completed}}\n    conditions:\n"
        f"      - {condition}\n    notify:\n"
        f"      - {{to: {to}, via: email, template: completed}}\n"
    )
    problems = json.loads(check(academy, "--json"))["problems"]
    assert {each["severity"] for each in problems} <= {"warning"}
    return [f"{each['line']}:{each['column']}: {each['message']}" for each in problems]


@pytest.mark.parametrize(
    "condition", ["course.tags: {contains: “compliance”}", "course.id: соurse:7"]
)
def test_a_value_nobody_has_for_how_it_is_typed_is_one_warning(
    academy: Installation, condition: str
) -> None:
    (told,) = warned(academy, condition)
    assert "did you mean 'co" in told and "here is a" in told


def test_a_group_with_a_comma_is_written_to_as_it_is_called(academy: Installation) -> None:
    academy.import_people([PersonRow("9", groups=("Sales, EMEA",))])
    tags = "course.tags: {contains: compliance}"
    assert warned(academy, tags, to='"group: Sales, EMEA"') == []
    (told,) = warned(academy, tags, to='"group:Sales, AMEA"')
    assert "did you mean 'Sales, EMEA'" in told


NOTHING_LIKE_IT = [
    (
        "course.tags: {contains: complience}",
        "7:33: no course has the tag 'complience'; did you mean 'compliance' (3 courses)?",
    ),
    ("course.id: 7", "7:20: no course has the id '7'; did you mean 'course:7'?"),
    (
        "course.id: course:70",
        "7:20: no course has the id 'course:70'; there are 'course:7', 'course:8', 'course:9'",
    ),
    (
        "course.id: {in: [course:7, course:80]}",
        "7:36: no course has the id 'course:80'; there are 'course:7', 'course:8', 'course:9'",
    ),
    (
        "course.title: {contains: walking}",
        (
            "7:34: no course has a title with 'walking' in it; there are 'course:7', "
            "'Safe driving 7', 'Safe driving 8' and 3 more"
        ),
    ),
    (
        "learner.groups: {contains: sales team}",
        "7:36: nobody is in the group 'sales team'; did you mean 'Sales Team' (5 people)?",
    ),
    (
        "none: [{learner.groups: {contains_any: [Works council, Contractors]}}]",
        (
            "7:64: nobody is in the group 'Contractors'; there are 'Sales Team', 'Works council'"
        ),
    ),
    (
        "learner.locale: de",
        "7:25: nobody has the locale 'de'; did you mean 'de-DE' (3 people)?",
    ),
    (
        "learner.locale: {ne: de}",
        "7:30: nobody has the locale 'de'; did you mean 'de-DE' (3 people)?",
    ),
    (
        "learner.locale: {matches: fr*}",
        "7:35: nobody has a locale like 'fr*'; there are 'de-DE', 'en-US'",
    ),
    (
        "learner.timezone: Europe/Berln",
        (
            "7:27: nobody has the time zone 'Europe/Berln'; "
            "did you mean 'Europe/Berlin' (5 people)?"
        ),
    ),
    (
        "learner.fields.Departement: Sales",
        "7:9: no import brought the column 'Departement'; did you mean 'Department'?",
    ),
    (
        "learner.fields.colour: red",
        "7:9: no import brought the column 'colour'; there are 'Department', 'mentor'",
    ),
    (
        "learner.fields.Department: sales",
        "7:36: nobody has the Department 'sales'; did you mean 'Sales' (5 people)?",
    ),
    (
        "event.account: 99",
        "7:24: nothing has come from the account '99'; there are '1234'",
    ),
    (
        "instance.id: course:7_9",
        "7:22: no session has the id 'course:7_9'; there are 'course:7_1'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "told"), NOTHING_LIKE_IT)
def test_what_nobody_has_is_told_once_at_its_place(
    academy: Installation, condition: str, told: str
) -> None:
    assert warned(academy, condition) == [told]


THERE_OR_MEANT = [
    "course.tags: {contains: compliance}",
    "course.title: {contains: driving}",
    "course.title: {matches: 'SAFE*'}",
    "learner.groups: {contains_any: [Sales Team, Works council]}",
    "learner.locale: {in: [de, de-DE, de-AT]}",
    "learner.fields.Department: {ne: Contractors}",
    "none: [{learner.fields.Department: Contractors}]",
    "learner.fields.mentor: {empty: false}",
    "learner.groups: {empty: true}",
    "course.kind: course",
    "event.account: 1234",
    "instance.id: course:7_1",
]


@pytest.mark.parametrize("condition", THERE_OR_MEANT)
def test_what_is_there_or_a_guard_is_let_be(academy: Installation, condition: str) -> None:
    assert warned(academy, condition) == []


def test_a_value_that_may_be_a_name_is_not_told(academy: Installation) -> None:
    (told,) = warned(academy, "learner.fields.mentor: grace hopper 1")
    assert told == "7:32: nobody has the mentor 'grace hopper 1'"


def test_a_group_that_is_told_is_looked_for_too(academy: Installation) -> None:
    assert warned(academy, "course.kind: course", to='"group:Sales Teem"') == [
        "9:14: nobody is in the group 'Sales Teem'; did you mean 'Sales Team' (5 people)?"
    ]


def test_the_same_value_is_told_once_with_its_other_lines(academy: Installation) -> None:
    both = "any: [{course.tags: {contains: x}}]\n      - course.tags: {contains: x}"
    (told,) = warned(academy, both)
    assert told.endswith("no course has the tag 'x'; there are 'compliance' (also at line 8)")


def test_the_other_forms_have_the_place_too(academy: Installation) -> None:
    warned(academy, "course.id: 7")
    told = "no course has the id '7'; did you mean 'course:7'?"
    place = f"file={academy.rules},line=7,col=20"
    assert check(academy, "--format", "github") == f"::warning {place}::{told}\n"
    assert f"warning {academy.rules}:7:20: {told}\n" in check(academy)


def test_when_nothing_was_imported_one_line_says_so(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as empty:
        several = (
            "learner.groups: {contains_any: [a, b]}\n      - learner.fields.x: y\n"
            "      - learner.locale: de\n      - course.tags: {contains: z}\n"
            "      - course.id: course:1\n      - event.account: 12"
        )
        assert warned(empty, several, to="group:g") == [
            (
                "7:40: nobody is imported yet, so groups, languages and columns are not compared "
                "with what there is; `coursebell people import FILE` "
                "(also at lines 8, 9, 14)"
            ),
            (
                "10:33: no course is imported yet, so tags and titles are not compared with what "
                "there is; `coursebell courses import FILE` (also at line 11)"
            ),
        ]


@pytest.mark.of_files
def test_without_an_installation_nothing_is_compared(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as academy:
        environ = academy.environ | {"COURSEBELL_DATA": str(tmp_path / "none")}
        academy.rules.write_text(
            HEAD + "  - id: a\n    trigger: {event: enrollment.completed}\n"
            "    notify: [{to: 'group:Nobody', via: email, template: completed}]\n"
        )
        told = CliRunner().invoke(main, ["check"], env=environ).stdout
    assert (
        told.splitlines(keepends=True)[-1] == "1 rule read, 1 live, 1 channel; nothing is wrong\n"
    )


def write_words(folder: Path, **files: str) -> Path:
    """A folder of one template, for mail."""
    place = folder / "words" / "completed" / "email"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in {"subject_txt": "Done", "body_txt": "Done", **files}.items():
        (place / name.replace("_", ".")).write_text(text)
    return folder / "words"


def of_words(academy: Installation, folder: Path) -> list[str]:
    found = json.loads(check(academy, "--templates", str(folder), "--json"))["problems"]
    return [f"{each['line']}:{each['column']}: {each['message']}" for each in found]


def test_a_column_that_a_template_reads_is_looked_for_too(
    academy: Installation, tmp_path: Path
) -> None:
    words = write_words(
        tmp_path, body_txt="Hi\n{{ learner.fields.Departement }} {{ learner.fields.Department }}\n"
    )
    assert of_words(academy, words) == [
        "2:1: no import brought the column 'Departement'; did you mean 'Department'?"
    ]


def test_words_in_a_language_that_nobody_has_are_told_when_others_go_without(
    academy: Installation, tmp_path: Path
) -> None:
    german = {"subject_de_txt": "Fertig", "body_de_txt": "Fertig"}
    assert of_words(academy, write_words(tmp_path, **german)) == []
    misnamed = {"subject_ge_txt": "Fertig", "body_ge_txt": "Fertig"}
    assert of_words(academy, write_words(tmp_path, **german, **misnamed)) == []
    for name in ("subject.de.txt", "body.de.txt"):
        (tmp_path / "words/completed/email" / name).unlink()
    assert of_words(academy, tmp_path / "words") == [
        (
            "1:1: nobody has the locale 'ge' of this file (nor of 1 more file); "
            "3 people have 'de-DE', and no words of their own"
        )
    ]
