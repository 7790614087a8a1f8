"""People and courses in whatever spelling are found, also in ledgers of older versions."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from service.learners.directory.courses import CourseRow, Courses
from service.learners.directory.managers import Managers
from service.learners.directory.people import People, PersonRow, person_key
from service.learners.facts import Contact
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.cast import completed, day
from tests.learners.directory.known_people import NOW, meet, row, store
from tests.learners.writer_with_rules import Desk
from tests.ledger.stores import Opened
from tests.spellings import TEXTS, spelled


@settings(max_examples=50, deadline=None)
@given(st.data(), TEXTS, TEXTS, TEXTS)
def test_every_spelling_finds_the_person_the_group_the_manager_and_the_column(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    id: str,
    group: str,
    column: str,
) -> None:
    ledger = SqliteStore(tmp_path_factory.mktemp("people") / "ledger.db")
    people = People(ledger)
    boss = f"boss {id}"
    written = PersonRow(
        data.draw(spelled(id)),
        manager=data.draw(spelled(boss)),
        groups=(data.draw(spelled(group)), data.draw(spelled(group))),
        fields={data.draw(spelled(column)): "x"},
    )
    again = PersonRow(data.draw(spelled(id)), fields={data.draw(spelled(column)): "y"})
    assert store(ledger, people, written, PersonRow(data.draw(spelled(boss)))) == (2, 0, 0)
    assert store(ledger, people, again) == (0, 1, 0)

    found = people.find(person_key("", "", data.draw(spelled(id))))
    assert found is not None
    assert [each.id for each in people.namesakes(data.draw(spelled(id)))] == [found.id]
    assert people.in_group(data.draw(spelled(group)), "adobe", "1") == [found.id]
    assert Managers(people).of(found) == people.find(person_key("", "", boss))
    assert list(found.fields.values()) == ["y"]
    assert len(found.groups) == 1
    assert people.everybody(9)[found.id] == people.get(found.id)
    ledger.close()


def test_what_people_see_stays_as_it_was_written(ledger: SqliteStore, people: People) -> None:
    store(ledger, people, row("7", name="Ada\u00a0L.", groups=("Sales\u00a0Team",)))
    found = people.find(("", "", "7"))
    assert found and (found.name, found.groups) == ("Ada\u00a0L.", ("Sales\u00a0Team",))


def test_an_address_is_one_with_and_without_what_nobody_sees(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("9", email="boss@example.org\u200b"))
    store(ledger, people, row("7", manager="\ufeffboss@EXAMPLE.org"))
    ada = people.find(("", "", "7"))
    boss = ada and Managers(people).of(ada)
    assert boss and boss.lms_id == "9"


def as_an_older_version_left_it(ledger: Opened, *statements: str) -> People:
    """Write into the tables what was kept before texts had a form, and open them anew."""
    with ledger.transaction() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return People(ledger)


KEYS = ("ada@example.org", "ada lovelace")
OLD = "UPDATE people SET lms_id = '7\u200b' WHERE lms_id = '7'"
OLD_GROUP = "UPDATE people_in_groups SET name = 'Sales\u00a0Team'"
OLD_FIELDS = 'UPDATE people SET fields = \'{"Cost\u00a0Center":"X1"}\''


def test_people_of_an_older_ledger_are_found_by_id_group_and_column(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", groups=("Sales Team",), fields={"x": "1"}))
    older = as_an_older_version_left_it(ledger, OLD, OLD_GROUP, OLD_FIELDS)
    found = older.find(("adobe", "1", "7"))
    assert found and found.fields == {"Cost Center": "X1"}
    assert older.in_group("Sales Team", "", "") == [found.id]
    assert as_an_older_version_left_it(ledger).find(("adobe", "1", "7")) == found


def test_a_ledger_from_before_a_column_was_there_is_widened(tmp_path: Path) -> None:
    ledger = SqliteStore(tmp_path / "ledger.db")
    people = People(ledger)
    store(ledger, people, row("7", name="Ada Lovelace", email="Ada@example.org", manager="8"))
    before = people.find(("", "", "7"))
    with closing(sqlite3.connect(ledger.path)) as older:
        for index in (
            "people_by_name",
            "people_by_unique_id",
            "people_missing",
            "people_merged",
            "people_with_odd_keys",
        ):
            older.execute(f"DROP INDEX {index}")
        for column in ("unique_id", "left_as", "name_key", "merged_into"):
            older.execute(f"ALTER TABLE people DROP COLUMN {column}")
        older.execute("UPDATE people SET address = 'Ada@example.org'")
        older.commit()
    found = People(ledger).imported_rows("address = ? AND name_key = ?", KEYS)
    assert found == [before]
    assert People(ledger).find(("", "", "7")) == before


def test_two_spellings_of_an_address_that_an_older_version_told_apart_become_one_person(
    ledger: SqliteStore, people: People
) -> None:
    store(
        ledger, people, row("7", manager="boss@example.org"), row("8", manager="grace@example.org")
    )
    store(ledger, people, row("9", manager="other@example.org"))
    older = (
        "UPDATE people SET email = 'Boss@example.org', address = 'Boss@example.org' "
        "WHERE address = 'grace@example.org'",
        "UPDATE people SET manager = 'Boss@example.org' WHERE lms_id = '8'",
        "UPDATE people SET email = 'BOSS@example.org', address = 'BOSS@example.org', lms_id = '10' "
        "WHERE address = 'other@example.org'",
    )
    before = {each.id: each.email for each in people.page() if each.lms_id is None}
    found = as_an_older_version_left_it(ledger, *older)
    led = [found.find(("", "", id)) for id in "78"]
    bosses = [Managers(found).of(each) for each in led if each]
    assert [boss and boss.lms_id for boss in bosses] == ["10", "10"]
    assert [each.lms_id for each in found.page() if each.email] == ["10"]
    for waiting in before:
        owed_to = found.get(waiting)
        assert owed_to and owed_to.email, "a list that is on its way to either has a reader"
    assert as_an_older_version_left_it(ledger).page() == found.page()


@pytest.mark.parametrize("told", [True, False])
def test_who_was_imported_under_an_odd_id_and_met_by_letters_is_one_person(
    ledger: SqliteStore, people: People, told: bool
) -> None:
    store(ledger, people, row("7", name="Old", groups=("Sales",)))
    older = as_an_older_version_left_it(ledger, OLD)
    with ledger.transaction() as cursor:
        cursor.execute(OLD)
    (ada,) = meet(ledger, older, ("", "", "7"))
    if told:
        store(ledger, older, row("7", name="New", groups=("Sales",)))
    found = as_an_older_version_left_it(ledger).find(("", "", "7"))
    assert found and (found.id, found.name) == (ada, "New" if told else "Old")
    assert older.in_group("Sales", "", "") == [ada]
    assert [each.id for each in older.page()] == [ada]


def test_a_course_is_found_by_every_spelling_of_its_id(ledger: SqliteStore) -> None:
    courses = Courses(ledger)
    with ledger.transaction() as cursor:
        rows = [CourseRow("Learning_Path:7\u200b", tags=("a\u00a0b", "a b"), parents=("COURSE:1",))]
        assert courses.store(cursor, rows, NOW) == (1, 0, 0)
    found = courses.get("adobe", "1", "learning program:7")
    assert found and (found.id, found.kind) == ("learningProgram:7", "learning_path")
    assert (found.tags, found.parents) == (("a\u00a0b",), ("course:1",))


def test_an_address_in_a_letter_that_was_kept_with_capitals_is_found(desk: Desk) -> None:
    contact = Contact("Ada", "ada@example.org")
    desk.write(replace(completed(day(1)), contact=contact))
    with desk.ledger.transaction() as cursor:
        cursor.execute("UPDATE contacts SET address = 'Ada@Example.org'")
    (ada,) = People(desk.ledger).known([("adobe", "1234", "77")]).values()
    query = "SELECT person FROM contacts WHERE address = ?"
    assert desk.ledger.reader().execute(query, ("ada@example.org",)).fetchall() == [(ada,)]
