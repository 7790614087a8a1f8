"""Managers, lists and course titles, where only a letter says who or what they are."""

from collections.abc import Iterator

import pytest

from service.learners.directory.courses import Course, CourseRow, Courses
from service.learners.directory.managers import Managers
from service.learners.directory.people import People, Person
from service.learners.directory.reported import ReportedValue
from service.learners.facts import Contact
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.directory.known_people import ADA, NOW, meet, row, store

BOSS = ("adobe", "42", "9")


@pytest.fixture
def courses(ledger: SqliteStore) -> Iterator[Courses]:
    yield Courses(ledger)


def hear(ledger: SqliteStore, people: People, person: str, **said: object) -> None:
    with ledger.transaction() as cursor:
        cursor.executemany(*people.contacts.changes({person: ReportedValue(Contact(**said), NOW)}))  # type: ignore[arg-type]


def call(ledger: SqliteStore, courses: Courses, title: str, *key: str) -> None:
    with ledger.transaction() as cursor:
        cursor.executemany(*courses.titles.changes({key: ReportedValue(title, NOW)}))  # type: ignore[dict-item]


def manager(people: People) -> Person:
    ada = people.find(ADA)
    boss = ada and Managers(people).of(ada)
    assert boss
    return boss


def test_a_manager_known_only_by_address_is_whom_a_letter_names_there(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", *ADA[:2], manager="boss@Example.org"))
    (boss,) = meet(ledger, people, BOSS)
    assert manager(people).name is None

    hear(ledger, people, boss, name="Grace", email="boss@example.org")

    assert (manager(people).id, manager(people).name) == (boss, "Grace")


def test_a_letter_from_another_account_names_no_manager_here(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", *ADA[:2], manager="boss@example.org"))
    (other,) = meet(ledger, people, ("adobe", "43", "9"))
    hear(ledger, people, other, name="Eve", email="boss@example.org")

    assert (manager(people).name, manager(people).email) == (None, "boss@example.org")


def test_whose_address_an_import_says_is_not_met_at_the_one_in_a_letter(
    ledger: SqliteStore, people: People
) -> None:
    """What is meant for one mailbox never goes to another."""
    store(ledger, people, row("9", *BOSS[:2], name="Grace", email="grace@example.org"))
    grace = people.find(BOSS)
    assert grace
    hear(ledger, people, grace.id, email="boss@example.org")
    store(ledger, people, row("7", *ADA[:2], manager="boss@example.org"))

    assert (manager(people).lms_id, manager(people).email) == (None, "boss@example.org")


def test_who_has_left_an_address_is_not_met_there_because_a_letter_still_says_so(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("9", *BOSS[:2], email="boss@example.org"))
    store(ledger, people, row("7", *ADA[:2], manager="boss@example.org"))
    store(ledger, people, row("9", *BOSS[:2], email="grace@example.org"))
    grace = people.find(BOSS)
    assert grace
    hear(ledger, people, grace.id, email="boss@example.org")
    ada = people.find(ADA)

    assert ada and Managers(people).of(ada) is None


@pytest.mark.parametrize("named", ["9", "Grace Hopper"])
def test_a_manager_known_by_id_or_name_can_be_written_to_where_a_letter_says(
    ledger: SqliteStore, people: People, named: str
) -> None:
    store(ledger, people, row("7", *ADA[:2], manager=named))
    (boss,) = meet(ledger, people, BOSS)
    store(ledger, people, row("9", *BOSS[:2], name="Grace Hopper"))
    hear(ledger, people, boss, name="G. Hopper", email="boss@example.org")

    assert (manager(people).id, manager(people).email) == (boss, "boss@example.org")


def test_lists_show_what_letters_say(ledger: SqliteStore, people: People) -> None:
    (ada,) = meet(ledger, people, ADA)
    store(ledger, people, row("8", name="Grace"))
    hear(ledger, people, ada, name="Ada", fields={"phone": "1"})

    assert {person.name for person in people.page()} == {"Ada", "Grace"}
    assert [(p.name, p.fields) for p in people.namesakes("7")] == [("Ada", {"phone": "1"})]


def test_a_title_that_no_import_said_is_the_one_in_letters(
    ledger: SqliteStore, courses: Courses
) -> None:
    call(ledger, courses, "Logic", "adobe", "42", "course:1")
    assert courses.get("adobe", "42", "course:1") == Course(
        "course:1", "adobe", "42", title="Logic", kind="course"
    )
    assert courses.get("adobe", "43", "course:1") is None
    with ledger.transaction() as cursor:
        courses.store(cursor, [CourseRow("course:1", tags=("a",))], NOW)
    found = courses.get("adobe", "42", "course:1")
    assert found and (found.title, found.tags) == ("Logic", ("a",))
    with ledger.transaction() as cursor:
        courses.store(cursor, [CourseRow("course:1", title="Logic 101")], NOW)
    found = courses.get("adobe", "42", "course:1")
    assert found and found.title == "Logic 101"
