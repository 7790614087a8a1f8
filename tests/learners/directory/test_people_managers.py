"""Managers, groups and merging: who is who among people."""

import pytest

from service.learners.directory.managers import Managers
from service.learners.directory.people import People
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.directory.known_people import ADA, NOW, meet, row, rows_in, store


def test_a_manager_is_found_by_lms_id_in_the_closest_scope(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", "adobe", "42", manager="9"), row("9", name="Everyone's"))
    ada = people.find(ADA)
    assert ada is not None
    boss = Managers(people).of(ada)
    assert boss is not None and (boss.name, boss.account) == ("Everyone's", "42")
    store(ledger, people, row("9", "adobe", "42", name="Closer"))
    boss = Managers(people).of(ada)
    assert boss is not None and boss.name == "Closer"


def test_someone_without_a_manager_or_with_an_unknown_one_has_none(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", "adobe", "42", manager="9"), row("8", "adobe", "42"))
    found = [people.find(("adobe", "42", lms_id)) for lms_id in "78"]
    assert [Managers(people).of(p) for p in found if p] == [None, None]


def test_a_manager_known_only_by_address_can_be_written_to(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", *ADA[:2], manager="Boss@Example.org"), row("8", manager="x"))
    ada = people.find(ADA)
    boss = ada and Managers(people).of(ada)
    assert boss and (boss.lms_id, boss.email) == (None, "Boss@Example.org")
    assert people.get(boss.id) == boss


@pytest.mark.parametrize("together", [True, False])
def test_a_manager_known_by_address_keeps_the_id_when_their_row_comes(
    ledger: SqliteStore, people: People, together: bool
) -> None:
    learner = row("7", *ADA[:2], manager="boss@example.org")
    manager = row("9", *ADA[:2], name="Grace", email="boss@EXAMPLE.org")
    store(ledger, people, learner)
    ada = people.find(ADA)
    waiting = ada and Managers(people).of(ada)
    assert store(ledger, people, *([learner] if together else []), manager)[:2] == (1, 0)
    boss = ada and Managers(people).of(ada)
    assert waiting and boss and (boss.id, boss.lms_id, boss.name) == (waiting.id, "9", "Grace")
    assert rows_in(ledger) == 2


def test_an_address_of_someone_already_known_by_id_is_merged_into_them(
    ledger: SqliteStore, people: People
) -> None:
    (boss,) = meet(ledger, people, ("adobe", "42", "9"))
    store(ledger, people, row("7", *ADA[:2], manager="boss@example.org"))
    assert rows_in(ledger) == 3
    ada = people.find(ADA)
    waiting = ada and Managers(people).of(ada)
    store(ledger, people, row("9", *ADA[:2], email="boss@example.org"))
    assert waiting
    found = ada and Managers(people).of(ada)
    assert found and found.id == boss
    assert len(people.page()) == 2
    owed_to = people.get(waiting.id)
    assert owed_to and owed_to.email == "boss@example.org", "a list that is on its way has a reader"


def test_the_order_of_rows_in_a_file_does_not_matter(ledger: SqliteStore, people: People) -> None:
    learner = row("7", manager="boss@example.org")
    manager = row("9", email="boss@example.org")
    store(ledger, people, manager, learner)
    assert rows_in(ledger) == 2
    store(ledger, people, learner, manager)
    assert rows_in(ledger) == 2


def test_two_spellings_of_an_address_are_one_person(ledger: SqliteStore, people: People) -> None:
    store(
        ledger, people, row("7", manager="Boss@example.org"), row("8", manager="BOSS@EXAMPLE.org")
    )
    store(ledger, people, row("9", email="boss@example.org"))
    found = [people.find(("", "", id)) for id in ("7", "8")]
    bosses = [Managers(people).of(each) for each in found if each]
    assert [boss and boss.lms_id for boss in bosses] == ["9", "9"]
    assert rows_in(ledger) == 3


def test_a_manager_at_an_address_is_not_the_stranger_who_has_their_lms_id_here(
    ledger: SqliteStore, people: People
) -> None:
    """5 is the boss everywhere, but in this account it is Eve: her row hides the boss's."""
    store(ledger, people, row("5", name="Boss", email="boss@example.org"))
    store(ledger, people, row("7", *ADA[:2], manager="boss@example.org"))
    store(ledger, people, row("5", *ADA[:2], name="Eve", email="eve@example.org"))
    ada = people.find(ADA)
    boss = ada and Managers(people).of(ada)
    assert boss and (boss.name, boss.email) == ("Boss", "boss@example.org")
    assert people.get(boss.id) == boss


@pytest.mark.parametrize("eve", ["eve@example.org", None])
def test_a_manager_whose_row_is_hidden_here_is_known_by_address_only(
    ledger: SqliteStore, people: People, eve: str | None
) -> None:
    store(ledger, people, row("5", name="Boss", email="boss@example.org"))
    learner = row("7", *ADA[:2], manager="boss@Example.org")
    store(ledger, people, row("5", *ADA[:2], email=eve), learner)
    assert rows_in(ledger) == 4
    ada = people.find(ADA)
    boss = ada and Managers(people).of(ada)
    assert boss and (boss.lms_id, boss.name, boss.email) == (None, None, "boss@Example.org")


def test_a_manager_whose_closer_row_has_the_same_address_is_known(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("5", email="boss@example.org"))
    closer = row("5", *ADA[:2], name="Boss", email="boss@example.org")
    store(ledger, people, closer, row("7", *ADA[:2], manager="boss@example.org"))
    assert rows_in(ledger) == 3
    ada = people.find(ADA)
    boss = ada and Managers(people).of(ada)
    assert boss and (boss.lms_id, boss.name) == ("5", "Boss")


def test_a_group_is_seen_from_an_account_and_closer_rows_hide_general_ones(
    ledger: SqliteStore, people: People
) -> None:
    store(
        ledger,
        people,
        row("1", groups=("eng",)),
        row("2", groups=("eng",)),
        row("2", "adobe", "42", groups=("ops",)),
        row("3", "adobe", "42", groups=("eng", "ops", "eng")),
        row("4", "adobe", "43", groups=("eng",)),
    )
    members = [people.get(one) for one in people.in_group("eng", "adobe", "42")]
    assert sorted(p.lms_id or "" for p in members if p) == ["1", "3"]
    others = [people.get(one) for one in people.in_group("eng", "sunbird", "")]
    assert sorted(p.lms_id or "" for p in others if p) == ["1", "2"]


def test_leaving_a_group_is_noticed(ledger: SqliteStore, people: People) -> None:
    store(ledger, people, row("1", groups=("eng",)))
    store(ledger, people, row("1", groups=()))
    assert people.in_group("eng", "", "") == []


def test_a_person_merely_met_does_not_hide_the_general_row_from_a_group(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", groups=("eng",)))
    meet(ledger, people, ADA)
    assert len(people.in_group("eng", "adobe", "42")) == 1


def test_of_two_rows_with_one_key_the_later_counts(ledger: SqliteStore, people: People) -> None:
    assert store(ledger, people, row("7", name="Old"), row("7", name="New")) == (1, 0, 0)
    (only,) = people.namesakes("7")
    assert only.name == "New"


def test_pages_follow_each_other_to_the_end(ledger: SqliteStore, people: People) -> None:
    store(ledger, people, *(row(str(n)) for n in range(5)))
    first = people.page(limit=3)
    rest = people.page(after=first[-1].id, limit=3)
    assert [len(first), len(rest)] == [3, 2]
    assert {p.lms_id for p in first + rest} == set("01234")


def test_an_import_that_fails_leaves_nothing(ledger: SqliteStore, people: People) -> None:
    with pytest.raises(RuntimeError), ledger.transaction() as cursor:
        people.store(cursor, [row("7", groups=("eng",))], NOW)
        raise RuntimeError
    assert rows_in(ledger) == 0 and people.in_group("eng", "", "") == []
