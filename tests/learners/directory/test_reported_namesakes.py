"""Two systems give the same small numbers: whom a row for every source is about, and whom not."""

import pytest

from service.learners.directory.managers import Managers
from service.learners.directory.people import People, Person
from service.learners.directory.reported import ReportedValue
from service.learners.facts import Contact
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.directory.known_people import NOW, meet, row, store

ADA = ("community-training", "", "7")
BOSS = ("community-training", "", "9")
SAID = Contact("Ada Lovelace", "ada@example.org")


def hear(ledger: SqliteStore, people: People, person: str, said: Contact) -> None:
    with ledger.transaction() as cursor:
        cursor.executemany(*people.contacts.changes({person: ReportedValue(said, NOW, NOW)}))


def ada_known(ledger: SqliteStore, people: People, said: Contact) -> Person:
    """Ada as she is known by her id, which is as she is found, before her letter is kept too."""
    (ada,) = meet(ledger, people, ADA)
    before = people.get(ada, said)
    hear(ledger, people, ada, said)
    found = people.get(ada)
    assert found and found == before == people.find(ADA)
    assert (found.id, found.source, found.account) == (ada, *ADA[:2])
    return found


@pytest.mark.parametrize(
    ("imported", "said"),
    [
        ({"email": "ADA@Example.org", "name": "A. L."}, SAID),
        ({"name": "Lovelace, ada"}, SAID),
        ({"email": "ada@example.org"}, SAID),
        ({"name": " ada  LOVELACE", "email": "other@example.org"}, Contact("Ada Lovelace")),
        ({"name": "Ada Lovelace"}, SAID),
        ({"email": "other@example.org"}, Contact("Ada Lovelace")),
        ({"name": "Grace"}, Contact(None, "ada@example.org")),
        ({}, SAID),
    ],
)
def test_a_row_for_every_source_speaks_if_letters_do_not_contradict_it(
    ledger: SqliteStore, people: People, imported: dict[str, str], said: Contact
) -> None:
    store(ledger, people, row("7", locale="de", **imported))
    found = ada_known(ledger, people, said)

    assert found.locale == "de"
    assert found.name == (imported.get("name") or said.name)
    assert found.email == (imported.get("email") or said.email)


@pytest.mark.parametrize(
    ("imported", "said"),
    [
        ({"email": "other@example.org"}, SAID),
        ({"name": "Grace Hopper"}, SAID),
        ({"name": "Grace Hopper", "email": "grace@example.org"}, Contact("Ada Lovelace")),
    ],
)
def test_where_they_contradict_it_they_speak_alone(
    ledger: SqliteStore, people: People, imported: dict[str, str], said: Contact
) -> None:
    store(ledger, people, row("7", locale="de", manager="9", **imported), row("9", name="Boss"))
    found = ada_known(ledger, people, said)

    assert (found.name, found.email, found.locale) == (said.name, said.email, None)
    assert Managers(people).of(found) is None


def test_a_stranger_met_in_the_same_transaction_is_not_taken_for_another(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", name="Grace", email="grace@example.org"))
    found = people.find(ADA, "f" * 32, SAID)
    assert found == Person("f" * 32, *ADA, name=SAID.name, email=SAID.email)


def test_a_row_of_the_source_wins_whatever_letters_say(ledger: SqliteStore, people: People) -> None:
    store(ledger, people, row("7", name="Other", email="other@example.org"))
    store(ledger, people, row("7", *ADA[:2], name="A.", email="lovelace@example.org"))
    found = people.find(ADA)
    assert found
    hear(ledger, people, found.id, SAID)
    found = people.get(found.id)
    assert found and (found.name, found.email) == ("A.", "lovelace@example.org")


def test_a_manager_of_a_row_for_every_source_is_not_a_stranger_with_the_same_number(
    ledger: SqliteStore, people: People
) -> None:
    boss = row("9", name="Grace", email="grace@example.org")
    store(ledger, people, row("7", name="Ada Lovelace", manager="9"), boss)
    ada = ada_known(ledger, people, SAID)
    (stranger,) = meet(ledger, people, BOSS)
    assert (found := Managers(people).of(ada)) and (found.id, found.name) == (stranger, "Grace")

    hear(ledger, people, stranger, Contact("Eve", "eve@example.org"))
    assert (found := Managers(people).of(ada)) and found.email == "grace@example.org"

    store(ledger, people, row("7", *ADA[:2], manager="9"))
    own = people.find(ADA)
    assert own and (found := Managers(people).of(own)) and found.email == "eve@example.org"


def test_a_manager_known_by_address_is_whoever_has_it_and_no_namesake(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("9", name="Grace", email="grace@example.org"))
    store(ledger, people, row("7", *ADA[:2], manager="grace@example.org"))
    (stranger,) = meet(ledger, people, BOSS)
    hear(ledger, people, stranger, Contact("Eve", "eve@example.org"))
    ada = people.find(ADA)
    assert ada and (found := Managers(people).of(ada))
    assert (found.name, found.email) == ("Grace", "grace@example.org")
