"""Two doors keep letters at once, and whoever reads on from a number passes none over."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.ledger.store import Append
from tests.campaigns import length
from tests.ledger.stores import ENGINES, Open, kept, opened_again, row
from tests.ledger.test_postgres_store import locked, waiting
from tests.postgres import Cluster

DOORS = 3


@pytest.fixture(params=ENGINES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store again and again, as by another process each time."""
    yield from opened_again(request, tmp_path)


def test_each_letter_has_a_number_of_its_own_and_none_is_passed_over(opened: Open) -> None:
    rounds, barrier, done = length(200, 30), threading.Barrier(DOORS + 1), threading.Event()
    reading = Letters(opened())
    doors = [Letters(opened()) for _ in range(DOORS)]

    def keep(door: int) -> list[int]:
        receipts: list[int] = []
        barrier.wait(20)
        for n in range(rounds):
            some = [Arrival(f"s{door}", n, {}, b"%d" % n)] * (1 + n % 70)
            receipts += doors[door].keep(some)
        return receipts

    def follow() -> list[int]:
        seen, ends = [0], False
        barrier.wait(20)
        while not ends:
            ends = done.is_set()
            while found := reading.waiting(10, after=seen[-1]):
                seen += [letter.n for letter in found]
        return seen[1:]

    with ThreadPoolExecutor(DOORS + 1) as pool:
        following = pool.submit(follow)
        try:
            kept = [each.result(120) for each in [pool.submit(keep, n) for n in range(DOORS)]]
        finally:
            done.set()
        seen = following.result(30)
    assert all(each == sorted(each) for each in kept)
    assert seen == sorted(n for each in kept for n in each) == [*range(1, len(seen) + 1)]
    feeds = {each.source: each for each in reading.feeds.all()}
    assert [feeds[f"s{door}"].letters for door in range(DOORS)] == [len(each) for each in kept]
    assert [feeds[f"s{door}"].last_letter for door in range(DOORS)] == [each[-1] for each in kept]


@pytest.mark.parametrize("opened", ["postgresql"], indirect=True)
def test_who_works_does_not_wait_for_the_line_of_the_doors(
    opened: Open, cluster: Cluster, postgres_address: str
) -> None:
    """A door has what others wait for while its COMMIT is on its way, and no longer."""
    worker, door = opened(), Letters(opened())
    assert worker.lease.acquire() and door.keep([Arrival("s", 1, {}, b"x")]) == [1]
    with ThreadPoolExecutor(2) as pool, locked(postgres_address, "doors"):
        late = pool.submit(door.keep, [Arrival("s", 2, {}, b"x")])
        waiting(cluster, 1)
        pool.submit(worker.lease.append, Append(rows=[row("ada")])).result(3)
        assert not late.done()
    assert late.result() == [2] and kept(worker) == [("ada", 1)]


def test_letters_that_two_let_wait_again_wait_once(opened: Open) -> None:
    two = [Letters(opened()) for _ in range(2)]
    numbers = two[0].keep([Arrival("s", 1, {}, b"x")] * 40)
    with opened().transaction() as cursor:
        cursor.execute("DELETE FROM waiting")
        cursor.execute(
            "INSERT INTO taken (n, taken_at, state, events) "
            "SELECT n, 1, 'set_aside', '[]' FROM letters"
        )
    barrier = threading.Barrier(2)

    def retry(letters: Letters) -> int:
        letters.retry([])
        barrier.wait(20)
        return letters.retry(numbers)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(retry, two)) == 40
    assert [letter.n for letter in two[0].waiting(99)] == numbers
