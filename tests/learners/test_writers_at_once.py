"""On PostgreSQL: what another process commits while a batch waits for its turn is seen."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.learners.directory.people import PersonRow
from service.learners.directory.tables.csv_import import rows_at_once, small_transaction
from service.learners.facts import Fact
from service.ledger.postgresql.postgres_store import PostgresStore
from tests.campaigns import length
from tests.learners.cast import NOW, day, enrolled
from tests.learners.writer_with_rules import Desk, by
from tests.ledger.test_postgres_store import waiting
from tests.merged_people import ACCOUNT, merge_fact
from tests.postgres import Cluster

OpenDesk = Callable[[], Desk]


@pytest.fixture
def another(postgres_address: str, tmp_path: Path) -> Iterator[OpenDesk]:
    """Opens one more desk on the same ledger, which shares the work with those before."""
    desks: list[Desk] = []

    def opens() -> Desk:
        desks.append(Desk(PostgresStore(postgres_address, tmp_path)))
        for _ in range(2):
            held = [desk.ledger.lease.acquire() for desk in desks]
        assert all(held)
        return desks[-1]

    yield opens
    for desk in desks:
        desk.ledger.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as threads:
        yield threads


def beside(
    cluster: Cluster, desk: Desk, other: Desk, links: dict[str, str], fact: Fact
) -> list[str]:
    """What becomes of a fact that has been written and waits while others merge people."""
    with ThreadPoolExecutor(1) as pool:
        with other.ledger.transaction() as cursor:
            late = pool.submit(desk.write, fact)
            waiting(cluster, 1)
            for sql, rows in other.people.merges.changes(links):
                cursor.executemany(sql, rows)
        return late.result(20)


def merging(desk: Desk) -> None:
    """Merge whom nobody else is about: only then anybody looks for merges."""
    rows = [PersonRow(id, *ACCOUNT) for id in ("1", "2", "8", "9")]
    general = [PersonRow(id, "adobe", name="Ada") for id in ("77", "78")]
    with desk.ledger.transaction() as cursor:
        desk.people.store(cursor, [*rows, *general], NOW)
    assert desk.write(merge_fact(8, 9, day(1))) == ["recorded"]


def test_two_that_merge_each_other_make_no_circle(another: OpenDesk, cluster: Cluster) -> None:
    desk, other = another(), another()
    merging(desk)
    one, two = (desk.people.known([(*ACCOUNT, id)])[*ACCOUNT, id] for id in ("1", "2"))
    assert beside(cluster, desk, other, {two: one}, merge_fact(1, 2, day(2))) == ["set_aside"]
    assert desk.people.records_of(one) == [one, two]


def test_who_is_met_while_their_general_row_is_merged_is_merged_too(
    another: OpenDesk, cluster: Cluster
) -> None:
    desk, other = another(), another()
    merging(desk)
    general = desk.people.known([("adobe", "", "77"), ("adobe", "", "78")])
    links = {general["adobe", "", "77"]: general["adobe", "", "78"]}
    assert beside(cluster, desk, other, links, enrolled(day(1))) == ["recorded"]
    met = desk.people.known([(*ACCOUNT, "77")])[*ACCOUNT, "77"]
    assert [each.lms_id for each in desk.people.records(met)] == ["78", "77"]


def test_an_import_beside_letters_about_the_same_people_fails_nobody(
    another: OpenDesk, pool: ThreadPoolExecutor
) -> None:
    """Both meet the same people; each is there once, with what the import says of them."""
    rounds, barrier = length(40, 8), threading.Barrier(3)
    ids = [[f"{n}.{each}" for each in range(12)] for n in range(rounds)]

    def importing(desk: Desk) -> None:
        for some in ids:
            barrier.wait(30)
            rows = [PersonRow(id, *ACCOUNT, name=f"of {id}") for id in reversed(some)]
            with small_transaction(desk.ledger) as cursor:
                desk.people.store(cursor, rows, NOW)

    def telling(desk: Desk) -> None:
        for some in ids:
            barrier.wait(30)
            facts = [by(enrolled(day(1)), person=id) for id in some]
            assert set(desk.write(*facts)) <= {"recorded", "duplicate"}

    desks = [another() for _ in range(3)]
    works = (importing, telling, telling)
    for each in [pool.submit(work, desk) for work, desk in zip(works, desks, strict=True)]:
        each.result(120)
    keys = [(*ACCOUNT, id) for some in ids for id in some]
    people = desks[0].people
    found = people.known(keys)
    assert len(found) == len(keys)
    named = [people.get(person) for person in found.values()]
    assert all(person and person.name == f"of {person.lms_id}" for person in named)


def test_an_import_is_small_where_others_may_be_at_work(another: OpenDesk) -> None:
    """A lock of the folder tells of this machine alone."""
    assert rows_at_once(another().ledger) == 2_000
