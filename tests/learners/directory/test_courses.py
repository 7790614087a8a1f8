"""Courses: titles and tags as imported, one spelling of ids."""

import pytest

from service.learners.directory.courses import Course, CourseRow, Courses
from service.learners.facts import course_id
from service.ledger.sqlite.sqlite_store import SqliteStore

NOW = 1_700_000_000_000


@pytest.fixture
def courses(ledger: SqliteStore) -> Courses:
    return Courses(ledger)


def store(ledger: SqliteStore, courses: Courses, *rows: CourseRow) -> tuple[int, int, int]:
    with ledger.transaction() as cursor:
        return courses.store(cursor, rows, NOW)


@pytest.mark.parametrize(
    "text", ["learning_program:1", "learningProgram:1", " LEARNINGPROGRAM:1", "learningprogram:1"]
)
def test_every_spelling_of_a_learning_program_is_one(
    ledger: SqliteStore, courses: Courses, text: str
) -> None:
    assert course_id(text) == course_id(course_id(text)) == "learningProgram:1"
    store(ledger, courses, CourseRow(id="learning_program:1", title="Logic"))
    found = courses.get("adobe", "42", text)
    assert found is not None and (found.title, found.kind) == ("Logic", "learning_path")


def test_other_ids_stay_as_they_are() -> None:
    assert [course_id(text) for text in ("2475", "do_31:x", "course:1")] == [
        "2475",
        "do_31:x",
        "course:1",
    ]


def test_the_closest_row_is_given(ledger: SqliteStore, courses: Courses) -> None:
    assert courses.get("adobe", "42", "course:1") is None
    for scope in (("", ""), ("adobe", ""), ("adobe", "42")):
        store(ledger, courses, CourseRow("course:1", *scope, title=str(scope)))
        found = courses.get("adobe", "42", "course:1")
        assert found is not None and found.title == str(scope)
    other = courses.get("adobe", "43", "course:1")
    assert other is not None and other.title == "('adobe', '')"


def test_storing_twice_changes_nothing(ledger: SqliteStore, courses: Courses) -> None:
    rows = [CourseRow("course:1", title="Logic", tags=("a", "b", "a")), CourseRow("course:2")]
    assert store(ledger, courses, *rows) == (2, 0, 0)
    assert store(ledger, courses, *rows) == (0, 0, 2)


def test_what_a_row_does_not_say_stays(ledger: SqliteStore, courses: Courses) -> None:
    store(ledger, courses, CourseRow("course:1", title="Logic", tags=("a",), url="https://x.org"))
    changed = CourseRow("course:1", url="", parents=("learning_program:9",))
    assert store(ledger, courses, changed) == (0, 1, 0)
    assert courses.get("", "", "course:1") == Course(
        id="course:1",
        title="Logic",
        kind="course",
        tags=("a",),
        parents=("learningProgram:9",),
    )


def test_thousands_of_courses_are_stored_and_listed(ledger: SqliteStore, courses: Courses) -> None:
    rows = [CourseRow(f"course:{n}") for n in range(2_500)]
    assert store(ledger, courses, *rows) == (2_500, 0, 0)
    first = courses.page(limit=2_000)
    rest = courses.page(after=first[-1].id, limit=2_000)
    assert (len(first), len(rest)) == (2_000, 500)


def test_rows_of_one_course_stay_on_one_page(ledger: SqliteStore, courses: Courses) -> None:
    rows = [CourseRow("course:1", "adobe", account) for account in "123"]
    store(ledger, courses, *rows, CourseRow("course:2"))
    assert [c.account for c in courses.page(limit=2)] == ["1", "2", "3"]
    assert [c.id for c in courses.page(after="course:1", limit=2)] == ["course:2"]


def test_courses_are_listed_and_their_lists_counted(ledger: SqliteStore, courses: Courses) -> None:
    rows = [
        CourseRow("course:1", title="Logic", tags=("safety", "eu"), url="https://x.example.org"),
        CourseRow("course:1", "adobe", "42", title="Logic II", tags=("safety",)),
        CourseRow("course:2", "adobe", "42", parents=("learningProgram:9",)),
    ]
    assert store(ledger, courses, *rows) == (3, 0, 0)
    assert store(ledger, courses, *rows) == (0, 0, 3)
    assert courses.values_in("tags") == {"safety": 2, "eu": 1}
    assert courses.values_in("parents") == {"learningProgram:9": 1}
    assert courses.ids() == {"course:1": 2, "course:2": 1}
    assert courses.accounts("adobe") == courses.accounts(None) == {"42"}
    assert courses.have_links("adobe") and [c.account for c in courses.namesakes("course:1")] == [
        "", "42",
    ]  # fmt: skip
    assert [each.id for each in courses.page(limit=1)] == ["course:1", "course:1"]
    found = courses.get("adobe", "42", "course:1")
    assert found and found.title == "Logic II"
