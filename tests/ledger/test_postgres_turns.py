"""On PostgreSQL: who reads and then writes does it in turn, as nobody else commits meanwhile."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from eventsourcing.persistence import PersistenceError

from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.postgresql.transactions import BEGIN_ALONE
from service.ledger.sql import CONFLICTS, RunAgain, unless_beaten
from service.ledger.store import Append
from tests.campaigns import length
from tests.ledger.stores import BOTH_WAYS, OpenPostgres, kept, padding, refused, row
from tests.ledger.test_postgres_store import OTHERS, locked, waiting
from tests.postgres import Cluster
from tests.waiting import until

TABLE = "CREATE TABLE IF NOT EXISTS counted (name TEXT PRIMARY KEY, n INTEGER NOT NULL)"
PUT = "INSERT INTO counted (name, n) VALUES (?, ?)"
COUNT = f"{PUT} ON CONFLICT (name) DO UPDATE SET n = counted.n + excluded.n"
CLASH = "INSERT INTO counted (name, n) SELECT name, n FROM counted WHERE name = ?"
"""Fails where it finds anything."""


def counted(store: PostgresStore) -> dict[str, int]:
    return dict(store.reader().execute("SELECT name, n FROM counted").fetchall())


@BOTH_WAYS
def test_what_is_run_in_turn_sees_whoever_was_before(
    another: OpenPostgres,
    cluster: Cluster,
    postgres_address: str,
    pool: ThreadPoolExecutor,
    more: int,
) -> None:
    """Write skew: both have written and wait for their turn; one of them fails by the other."""
    stores = another(), another()
    stores[0].create(TABLE)

    def both(mine: str, yours: str, store: PostgresStore) -> bool:
        rows = [row(mine), *padding(more, mine)]
        return refused(store, rows=rows, tables=[(PUT, [(mine, 1)])], in_turn=[(CLASH, [(yours,)])])

    with locked(postgres_address, "head"):
        left = [pool.submit(both, "a", "b", stores[0]), pool.submit(both, "b", "a", stores[1])]
        waiting(cluster, 2)
    assert sorted(each.result(20) for each in left) == [False, True]
    assert len(counted(stores[0])) == 1 and len(kept(stores[0])) == 1 + more


def test_what_is_run_in_turn_is_written_with_the_rest(store: PostgresStore) -> None:
    """On both engines, behind what the same write has in its tables."""
    store.create(TABLE)
    store.append(Append(tables=[(PUT, [("a", 1)])], in_turn=[(COUNT, [("a", 1), ("b", 1)])]))
    assert counted(store) == {"a": 2, "b": 1}
    with pytest.raises(CONFLICTS):
        store.append(Append(tables=[(PUT, [("c", 1)])], in_turn=[(CLASH, [("a",)])]))
    assert counted(store) == {"a": 2, "b": 1}


def test_who_reads_and_then_writes_is_alone(
    another: OpenPostgres, pool: ThreadPoolExecutor
) -> None:
    """Each reads the highest number and writes the next one: none is given twice, none fails."""
    times, writers, barrier = length(100, 25), 3, threading.Barrier(3)
    another().create(TABLE)

    def count(name: int) -> list[int]:
        store, given = another(), []
        barrier.wait(20)
        for _ in range(times):
            with store.transaction() as cursor:
                n = cursor.execute("SELECT coalesce(MAX(n), 0) + 1 FROM counted").fetchone()[0]
                cursor.execute(PUT, (f"{name}.{n}", n))
            given.append(n)
        return given

    given = [n for each in pool.map(count, range(writers)) for n in each]
    assert sorted(given) == [*range(1, times * writers + 1)]


def test_who_is_alone_is_not_ended_by_who_waits_for_that(
    another: OpenPostgres, cluster: Cluster, pool: ThreadPoolExecutor
) -> None:
    """A write that has such a row gives way and is tried again; it is a value, a block is not."""
    alone, other = another(), another()
    alone.create(TABLE)
    other.append(Append(tables=[(PUT, [("a", 0)])]))
    begun = f"SELECT xact_start FROM pg_stat_activity WHERE {OTHERS} AND wait_event_type = 'Lock'"
    seen: set[tuple] = set()

    def tried_twice() -> bool:
        seen.update(cluster.execute(begun))
        return len(seen) > 1

    with alone.transaction() as cursor:
        late = pool.submit(other.append, Append(rows=[row("late")], tables=[(COUNT, [("a", 1)])]))
        until(tried_twice, "it gave way and came again")
        cursor.execute("UPDATE counted SET n = 10 WHERE name = ?", ("a",))
    late.result(20)
    assert counted(alone) == {"a": 11} and kept(alone) == [("late", 1)]


def test_a_block_that_could_not_begin_leaves_nothing_behind(
    another: OpenPostgres, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = another()
    store.create(TABLE)
    store._by_hand.lanes.ready()[0].execute("SET lock_timeout = 50")
    with locked(postgres_address, "head"), pytest.raises(PersistenceError), store.transaction():
        pass
    with store.transaction() as cursor:
        cursor.execute(PUT, ("a", 1))
    store.append(Append(tables=[(PUT, [("b", 1)])]))
    assert counted(store) == {"a": 1, "b": 1}


def test_who_freezes_alone_is_ended_and_others_go_on(
    another: OpenPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen, other = another(), another()
    frozen.create(TABLE)
    assert "timeout = 3000;" in BEGIN_ALONE
    quick = BEGIN_ALONE.replace("timeout = 3000;", "timeout = 300;")
    monkeypatch.setattr("service.ledger.postgresql.lane_session.BEGIN_ALONE", quick)
    with pytest.raises(RunAgain, match="nothing is kept"), frozen.transaction() as cursor:
        cursor.execute(PUT, ("a", 1))
        other.append(Append(rows=[row("ada")], tables=[(PUT, [("a", 2)])]))
    assert (counted(frozen), kept(frozen)) == ({"a": 2}, [("ada", 1)])


def once(error: Exception) -> Callable[[], str]:
    """Work that fails the first time."""
    left = [error]

    def work() -> str:
        if left:
            raise left.pop()
        return "done"

    return work


def test_what_may_be_run_again_is_run_again() -> None:
    assert unless_beaten(once(RunAgain("a deadlock"))) == "done"


def test_a_deadlock_of_blocks_is_run_again(another: OpenPostgres, cluster: Cluster) -> None:
    """Such as with somebody who works by hand: PostgreSQL ends one of two that wait so."""
    store = another()
    store.create(TABLE)
    tries = []

    def work() -> None:
        tries.append(1)
        with store.transaction() as cursor:
            cursor.execute(COUNT, ("a", 1))
            if len(tries) == 1:
                raises = "DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$"
                cursor.execute(raises)

    unless_beaten(work)
    assert (counted(store), len(tries)) == ({"a": 1}, 2)
