"""People: who an LMS id stands for, from imports and from letters."""

import pytest

from service.learners.directory.people import People
from service.ledger.sql import CONFLICTS
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.directory.known_people import ADA, NOW, meet, row, store


def test_an_id_is_the_second_and_then_random(people: People) -> None:
    ids = {people.new_id(NOW) for _ in range(1000)}
    assert len(ids) == 1000
    assert {(len(one), one[:8]) for one in ids} == {(32, f"{NOW // 1000:08x}")}


def test_people_once_met_are_known_by_their_key(ledger: SqliteStore, people: People) -> None:
    keys = [ADA, ("adobe", "43", "7"), ("", "", "7")]
    ids = meet(ledger, people, *keys)
    assert people.known([*keys, ("adobe", "42", "8")]) == dict(zip(keys, ids, strict=True))


def test_thousands_of_keys_are_found_at_once(ledger: SqliteStore, people: People) -> None:
    keys = [("adobe", "42", str(n)) for n in range(12_001)]
    meet(ledger, people, *keys)
    assert len(people.known(keys)) == 12_001


def test_meeting_someone_twice_is_refused(ledger: SqliteStore, people: People) -> None:
    meet(ledger, people, ADA)
    with pytest.raises(CONFLICTS):
        meet(ledger, people, ADA)


def test_someone_known_from_letters_keeps_their_id_when_imported(
    ledger: SqliteStore, people: People
) -> None:
    (ada,) = meet(ledger, people, ADA)
    assert store(ledger, people, row("7", "adobe", "42", name="Ada")) == (0, 1, 0)
    found = people.get(ada)
    assert found is not None and (found.id, found.name) == (ada, "Ada")


def test_the_closest_row_with_data_speaks_and_the_id_stays(
    ledger: SqliteStore, people: People
) -> None:
    (ada,) = meet(ledger, people, ADA)
    names = []
    for scope in (("", ""), ("adobe", ""), ("adobe", "42")):
        store(ledger, people, row("7", *scope, name=f"Ada of {scope}"))
        found = people.get(ada)
        assert found is not None and (found.id, found.source, found.account) == (ada, *ADA[:2])
        names.append(found.name)
    assert names == ["Ada of ('', '')", "Ada of ('adobe', '')", "Ada of ('adobe', '42')"]


def test_another_accounts_row_does_not_speak(ledger: SqliteStore, people: People) -> None:
    (ada,) = meet(ledger, people, ADA)
    store(ledger, people, row("7", "adobe", "43", name="Eve"))
    found = people.get(ada)
    assert found is not None and found.name is None


def test_someone_not_yet_met_is_found_by_key(ledger: SqliteStore, people: People) -> None:
    store(ledger, people, row("7", name="Ada"))
    found = people.find(ADA, "f" * 32)
    assert found is not None and (found.id, found.name, found.account) == ("f" * 32, "Ada", "42")
    assert people.find(("adobe", "42", "8")) is None
    assert people.get("f" * 32) is None


def test_importing_twice_changes_nobody(ledger: SqliteStore, people: People) -> None:
    rows = [
        row("7", name="Ada", manager="boss@example.org", groups=("b", "a"), fields={"x": "1"}),
        row("8", email="Grace@Example.org"),
    ]
    assert store(ledger, people, *rows) == (2, 0, 0)
    before = people.page()
    assert len(before) == 3
    with ledger.transaction() as cursor:
        assert people.store(cursor, rows, NOW + 60_000) == (0, 0, 2)
    assert people.page() == before


def test_what_a_row_does_not_say_stays_and_what_it_says_is_empty_goes(
    ledger: SqliteStore, people: People
) -> None:
    data = {"name": "Ada", "locale": "de", "groups": ("eng",), "fields": {"x": "1", "y": "2"}}
    store(ledger, people, row("7", **data))
    assert store(ledger, people, row("7", locale="", fields={"y": "", "z": "3"})) == (0, 1, 0)
    found = people.find(("", "", "7"))
    assert found is not None
    assert (found.name, found.locale, found.groups) == ("Ada", None, ("eng",))
    assert found.fields == {"x": "1", "z": "3"}
