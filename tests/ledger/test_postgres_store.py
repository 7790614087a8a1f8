"""On PostgreSQL: the order of commits, who may write, and what a server does in its bad hours."""

import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, PersistenceError

from service.ledger.postgresql.connections import Server, SessionLost
from service.ledger.postgresql.portable_sql import as_here
from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.postgresql.tables import PLACES
from service.ledger.postgresql.transactions import FEW
from service.ledger.sqlite.sqlite_store import HighWaterMark
from service.ledger.store import Append, LedgerError, Unknown
from tests.campaigns import campaign, length
from tests.ledger.stores import BOTH_WAYS, OpenPostgres, kept, padding, refused, row
from tests.postgres import Cluster
from tests.waiting import until

OTHERS = "pid <> pg_backend_pid() AND application_name = 'coursebell'"


@contextmanager
def locked(address: str, row: str) -> Iterator[None]:
    """Hold one row as somebody who is slow to commit."""
    with psycopg.connect(address) as session:
        assert session.execute(f"SELECT 1 FROM {row} FOR UPDATE").fetchone()
        yield
        session.rollback()


def waiting(cluster: Cluster, how_many: int) -> None:
    """Until so many sessions wait for a row."""
    sql = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS} AND wait_event_type = 'Lock'"
    until(lambda: cluster.execute(sql)[0][0] >= how_many, f"{how_many} wait for a row")


@BOTH_WAYS
def test_who_began_first_and_commits_last_is_last_in_the_log(
    another: OpenPostgres,
    cluster: Cluster,
    postgres_address: str,
    pool: ThreadPoolExecutor,
    more: int,
) -> None:
    """A number that is given at the beginning would stand before what a follower has passed."""
    slow, quick = another(), another()
    slow.append(Append(rows=[row("slow")]))
    lane = slow._by_hand.lanes.ready()[1].shard
    with locked(postgres_address, f"shards WHERE shard = {lane}"):
        late = pool.submit(slow.append, Append(rows=[*padding(more), row("slow", 2)]))
        waiting(cluster, 1)
        passed = quick.append(Append(rows=[row("quick")]))
        assert quick.end() == passed
    assert late.result(20) > passed
    assert [stream for _, stream, *_ in quick.log(passed, 9_999)][-1:] == ["slow"]
    assert len(quick.log(passed, 9_999)) == more + 1


def test_what_it_rests_on_is_looked_at_when_nobody_else_can_commit(
    another: OpenPostgres, cluster: Cluster, postgres_address: str, pool: ThreadPoolExecutor
) -> None:
    """Both have written and wait for their turn; whoever has it second sees what the first did."""
    stores = another(), another()
    for store in stores:
        store.append(Append(rows=[row(f"warm{id(store)}")]))
    with locked(postgres_address, "head"):
        first, second = (
            pool.submit(refused, store, rows=[row(mine)], rests_on={yours: 0})
            for store, mine, yours in zip(stores, ("a", "b"), ("b", "a"), strict=True)
        )
        waiting(cluster, 2)
    assert sorted([first.result(20), second.result(20)]) == [False, True]


def test_a_session_that_was_ended_is_opened_again(another: OpenPostgres, cluster: Cluster) -> None:
    store = another()
    store.create("CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)")
    end = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OTHERS}"
    for n in range(3):
        store.append(Append(rows=[row(f"s{n}"), *padding(FEW * (n == 1))]))
        cluster.execute(end)
        assert len(kept(store)) == n + 1 + FEW * (n > 0)
        cluster.execute(end)
        with store.transaction() as cursor:
            cursor.execute("INSERT INTO things VALUES (?)", (f"t{n}",))
        cluster.execute(end)
    assert store.lease.acquire()
    for _ in range(2):
        cluster.execute(end)
        store.lease.renew()
    cluster.execute(end)
    store.lease.append(Append(rows=[row("still mine")]))
    with pytest.raises(SessionLost), store.one_moment():
        store.end()
        cluster.execute(end)
        store.end()
    with pytest.raises(PersistenceError, match="nothing is kept"), store.transaction() as cursor:
        cursor.execute("INSERT INTO things VALUES (?)", ("lost",))
        cluster.execute(end)
    assert store.reader().execute("SELECT count(*) FROM things").fetchone() == (3,)


def test_a_wait_for_a_standby_that_is_cancelled_is_no_success(
    another: OpenPostgres, cluster: Cluster, pool: ThreadPoolExecutor
) -> None:
    """It is committed here all the same, and may be lost with this server.

    https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION
    """
    store = another()
    store.append(Append(rows=[row("before")]))
    with standby_away(cluster):
        left = pool.submit(store.append, Append(rows=[row("ended")]))
        ended = stop(cluster, "pg_terminate_backend")
        until(lambda: {(ended,)} < {(ended,), *in_commit(cluster)}, "the look itself waits, too")
        assert not left.done()
        assert [stream for stream, _ in kept(store)] == ["before", "ended"]
    assert left.result(20) == store.end()
    with standby_away(cluster):
        left = pool.submit(store.append, Append(rows=[row("cancelled")]))
        stop(cluster, "pg_cancel_backend")
        with pytest.raises(Unknown, match="standby"):
            left.result(20)
    assert [stream for stream, _ in kept(store)] == ["before", "ended", "cancelled"]
    store.append(Append(rows=[row("after")]))


@contextmanager
def standby_away(cluster: Cluster) -> Iterator[None]:
    """A standby is asked for, and there is none."""
    cluster.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    cluster.execute("SELECT pg_reload_conf()")
    shown = "SHOW synchronous_standby_names"
    until(lambda: cluster.execute(shown) == [("nobody",)], "a standby is asked for")
    cluster.execute("CHECKPOINT")  # by whom commits are told to wait, once it has read that as well
    try:
        yield
    finally:
        cluster.execute("ALTER SYSTEM RESET synchronous_standby_names")
        cluster.execute("SELECT pg_reload_conf()")
        until(lambda: cluster.execute(shown) == [("",)], "no standby is asked for")


def stop(cluster: Cluster, how: str) -> int:
    """Cancel or end whoever waits for a standby; its process id."""
    ((pid,),) = until(lambda: in_commit(cluster), "a commit waits for its standby")
    cluster.execute(f"SELECT {how}({pid})")
    return pid


def in_commit(cluster: Cluster) -> list[tuple]:
    """Who waits for a standby."""
    sql = f"SELECT pid FROM pg_stat_activity WHERE {OTHERS} AND wait_event = 'SyncRep'"
    return cluster.execute(sql)


def test_a_session_that_can_only_read_by_now_is_opened_again(another: OpenPostgres) -> None:
    """As behind a pooler, which keeps it while the server behind becomes a standby."""
    store = another()
    store.create("CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)")
    assert store.lease.acquire()

    def demoted() -> None:
        for lanes in (store._by_hand.lanes, store.lease._writer.lanes):
            lanes.ready()[0].execute("SET default_transaction_read_only = on")

    demoted()
    store.append(Append(rows=[row("by hand")]))
    store.lease.append(Append(rows=[row("with the lease")]))
    demoted()
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO things VALUES (?)", ("a",))
    store.lease.renew()
    assert store.lease._writer.lanes._keeper
    store.lease._writer.lanes._keeper.execute("SET default_transaction_read_only = on")
    store.lease.renew()
    assert len(kept(store)) == 2


def test_only_a_primary_is_written_to_and_none_of_the_past(tmp_path: Path, server: Cluster) -> None:
    old = Server(server.address)
    old.connect().close()
    server.stop()
    server.be("standby.signal")
    server.start()
    with pytest.raises(SessionLost, match="standby"):
        Server(f"{server.address}&target_session_attrs=any").connect()
    with pytest.raises(SessionLost):
        old.connect()
    server.execute("SELECT pg_promote()")
    now = Server(server.address)
    until(lambda: now.connect().close() or True, "it is promoted")
    assert now.timeline == old.timeline + 1
    store = PostgresStore(server.address, tmp_path)
    assert store.lease.acquire()
    assert store.lease._writer.lanes.ready()[1].epoch > 2**33, (
        "above every epoch of the server before"
    )
    store.close()
    now.timeline += 1
    with pytest.raises(SessionLost, match="primary of the past"):
        now.connect()
    seen = HighWaterMark(tmp_path / "server")
    seen.open()
    assert seen.end("timeline") == old.timeline + 1
    seen.write({"timeline": old.timeline + 2})
    with pytest.raises(SessionLost, match="primary of the past"):
        PostgresStore(server.address, tmp_path)
    seen.write({"server": 1})  # what was seen of another one says nothing
    PostgresStore(server.address, tmp_path).close()
    seen.close()


@pytest.mark.parametrize(
    "address", ["postgresql://u:s%ecret@h/db", "host=h secret", "postgresql://h:secret/db"]
)
def test_an_address_that_cannot_be_read_is_refused_and_not_quoted(
    tmp_path: Path, address: str
) -> None:
    with pytest.raises((LedgerError, SessionLost)) as error:
        PostgresStore(address, tmp_path)
    assert "secret" not in str(error.value)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SessionLost, match="No such file"):
        PostgresStore(f"postgresql://secret:hidden@/d?host={tmp_path}", tmp_path)


def test_a_newer_ledger_is_refused(
    another: OpenPostgres, cluster: Cluster, postgres_address: str
) -> None:
    another()
    with psycopg.connect(postgres_address) as session:
        session.execute("UPDATE head SET schema = 99")
    with pytest.raises(LedgerError, match="schema 99"):
        another()


def test_many_may_make_the_same_tables_at_once(
    another: OpenPostgres, pool: ThreadPoolExecutor
) -> None:
    script = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY) WITHOUT ROWID;"
    barrier = threading.Barrier(4)

    def make(_: int) -> bool:
        barrier.wait(20)
        return another().create(script)

    assert [*pool.map(make, range(4))] == [True] * 4


def test_a_commit_is_on_disk_whatever_the_server_does_by_default(
    cluster: Cluster, postgres_address: str
) -> None:
    address = postgres_address + "%20-csynchronous_commit%3Doff"
    session = Server(address).connect()
    shown = session.execute("SHOW synchronous_commit").fetchone()
    session.close()
    assert shown == ("on",)


@campaign
def test_a_server_that_restarts_in_the_middle_loses_nothing(
    another: OpenPostgres, cluster: Cluster, pool: ThreadPoolExecutor
) -> None:
    """`immediate` is a crash; every writer goes on, and each event is there once."""
    restarts, writers, over = length(20, 2), 3, threading.Event()

    def write(name: int) -> int:
        store, n = another(), 0
        while not over.is_set() or n < 50:
            more = padding(FEW, f"pad{name}.{n}.") if n % 10 == 0 else []
            try:
                store.append(Append(rows=[row(f"s{name}", n + 1), *more]))
            except SessionLost:  # the server is away: nothing is kept
                continue
            n += 1
        return n

    written = [pool.submit(write, name) for name in range(writers)]
    follower = another()
    for _ in range(restarts):
        before = end_of(follower)
        until(lambda before=before: end_of(follower) > before + PLACES, "they write")
        cluster.stop(signal.SIGQUIT)
        cluster.start()
    over.set()
    for name, n in enumerate(done.result(60) for done in [*written]):
        stream = [version for _, _, version, *_ in follower.stream(f"s{name}")]
        assert stream == [*range(1, n + 1)]
    log = kept(follower, 10**6)
    assert len(set(log)) == len(log)


def end_of(store: PostgresStore) -> int:
    """The end of the log, or 0 while the server is away."""
    try:
        return store.end()
    except SessionLost:
        return 0


def test_placeholders_are_renamed_and_nothing_else() -> None:
    assert as_here("SELECT ?, :a, ':b ? %', \"c?\" -- :d ?") == (
        "SELECT %s, %(a)s, ':b ? %%', \"c?\" -- :d ?"
    )
    assert as_here("SELECT x::text, y % 2 WHERE a LIKE 'it''s ?%'") == (
        "SELECT x::text, y %% 2 WHERE a LIKE 'it''s ?%%'"
    )


def test_no_error_quotes_a_value(another: OpenPostgres) -> None:
    store = another()
    store.create("CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, n INTEGER)")
    put = "INSERT INTO things VALUES (?, ?)"
    store.append(Append(tables=[(put, [("secret", 1)])]))
    for rows, kind in (([("secret", 1)], IntegrityError), ([("a", "secret")], PersistenceError)):
        with pytest.raises(kind) as error:
            store.append(Append(tables=[(put, rows)]))
        assert "secret" not in str(error.value)
        assert re.search(r"things|22P02", str(error.value))
