"""On PostgreSQL: a lane has one holder, and whoever lost it commits nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from service.ledger.postgresql import lanes
from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.postgresql.transactions import FEW
from service.ledger.store import Append, LeaseLost
from tests.ledger.stores import BOTH_WAYS, OpenPostgres, kept, padding, row
from tests.postgres import Cluster
from tests.waiting import until


def test_a_lease_is_held_by_one(another: OpenPostgres) -> None:
    one, two = another(), another()
    assert one.lease.acquire() and not two.lease.acquire() and one.lease.acquire()
    one.lease.append(Append(rows=[row("ada")]))
    two.append(Append(rows=[row("by hand")]))
    with pytest.raises(LeaseLost):
        two.lease.append(Append(rows=[row("never held")]))
    one.lease.renew()
    one.lease.release()
    assert two.lease.acquire() and not one.lease.acquire()
    two.lease.append(Append(rows=[row("ada", 2)]))
    one.append(Append(rows=[row("by hand", 2)]))
    assert len(kept(one)) == 4


@BOTH_WAYS
def test_who_lost_the_lease_commits_nothing(
    another: OpenPostgres, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """Also if its session could not be ended: as with another role, or another server."""
    monkeypatch.setattr(lanes, "END", "SELECT %s, %s")
    asleep, awake = another(lease_seconds=0.05), another()
    assert asleep.lease.acquire()
    asleep.lease.append(Append(rows=[row("ada")]))
    until(awake.lease.acquire, "the lease is free")
    awake.lease.append(Append(rows=[row("ada", 2)]))
    for _ in range(2):
        with pytest.raises(LeaseLost):
            asleep.lease.append(Append(rows=[*padding(more), row("grace")]))
    with pytest.raises(LeaseLost):
        asleep.lease.renew()
    assert kept(awake) == [("ada", 1), ("ada", 2)]
    asleep.append(Append(rows=[row("by hand")]))
    awake.lease.append(Append(rows=[row("ada", 3)]))
    awake.lease.release()
    assert asleep.lease.acquire()
    asleep.lease.append(Append(rows=[row("ada", 4)]))


def test_a_lease_whose_holder_is_gone_is_free_at_once(another: OpenPostgres) -> None:
    gone, next_one = another(lease_seconds=3_600.0), another()
    assert gone.lease.acquire() and not next_one.lease.acquire()
    gone.lease._writer.lanes.lose()
    until(next_one.lease.acquire, "the lease is free")
    with pytest.raises(LeaseLost):
        gone.lease.append(Append(rows=[row("ada")]))


def test_who_is_frozen_with_rows_written_keeps_nobody_waiting(another: OpenPostgres) -> None:
    frozen, next_one = another(lease_seconds=0.05), another()
    assert frozen.lease.acquire()
    session, lane = frozen.lease._writer.lanes.ready()
    session.execute("SET idle_in_transaction_session_timeout = 0")
    session.execute("BEGIN")
    session.execute(
        "INSERT INTO events VALUES (%s, %s, 'ada', 1, 'a.topic', '')", (lane.shard, lane.head + 1)
    )
    until(next_one.lease.acquire, "the lease is free")
    next_one.lease.append(Append(rows=[row("ada")]))
    with pytest.raises(LeaseLost):
        frozen.lease.append(Append(rows=[row("grace")]))
    assert kept(next_one) == [("ada", 1)]


def test_who_is_frozen_inside_a_copy_keeps_nobody_waiting(
    another: OpenPostgres, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No timeout of the server ends that: only whoever takes the lane does."""
    written, awake, write = threading.Event(), threading.Event(), psycopg.Copy.write

    def freeze(copying: psycopg.Copy, data: bytes) -> None:
        write(copying, data[: len(data) // 2])
        written.set()
        assert awake.wait(20)
        write(copying, data[len(data) // 2 :])

    frozen, next_one = another(lease_seconds=0.05), another()
    assert frozen.lease.acquire()
    what = Append(rows=padding(2 * FEW))
    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Copy, "write", freeze)
        asleep = pool.submit(frozen.lease.append, what)
        assert written.wait(20)
    until(next_one.lease.acquire, "the lease is free")
    next_one.lease.append(what)
    awake.set()
    with pytest.raises(LeaseLost):
        asleep.result(20)
    assert len(kept(next_one)) == 2 * FEW


def test_a_lease_is_kept_while_a_long_transaction_runs(
    another: OpenPostgres, cluster: Cluster
) -> None:
    one, two = another(lease_seconds=0.2), another()
    assert one.lease.acquire()
    now = "extract(epoch FROM clock_timestamp())::float8"
    ((begun,),) = cluster.execute(f"SELECT {now}")

    def held() -> bool:
        one.lease.renew()
        assert not two.lease.acquire()
        return cluster.execute(f"SELECT {now}")[0][0] > begun + 0.4

    with one.transaction():
        until(held, "it has been held for longer than a lease lasts")
    one.lease.append(Append(rows=[row("ada")]))


def test_lanes_are_given_again_and_never_two_at_once(
    another: OpenPostgres, pool: ThreadPoolExecutor
) -> None:
    def lane_of(store: PostgresStore) -> int:
        store.append(Append(rows=[row(f"s{id(store)}")]))
        return store._by_hand.lanes.ready()[1].shard

    stores = [another() for _ in range(4)]
    first = [*pool.map(lane_of, stores)]
    assert len(set(first)) == 4 and max(first) == lanes.BY_HAND[1]
    stores[0].close()
    assert until(lambda: lane_of(another()), "it writes") in first


def test_a_session_that_had_ended_says_nothing_of_a_standby(another: OpenPostgres) -> None:
    """Who takes a lane over ends its old session, and is warned where that is gone already."""
    lanes_of = another()._by_hand.lanes
    session, _ = lanes_of.ready()
    heard: list[str | None] = []
    session.add_notice_handler(lambda notice: heard.append(notice.sqlstate))
    session.execute("SELECT pg_terminate_backend(2147483647)")
    assert heard == ["01000"] and not lanes_of.cancelled
