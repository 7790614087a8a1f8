"""On PostgreSQL: what stands beside the log, what is wrong with it, how many sessions it takes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.store import Append, LedgerError
from tests.ledger.stores import OpenPostgres, padding, row
from tests.ledger.test_postgres_store import OTHERS
from tests.postgres import Cluster
from tests.waiting import until


@contextmanager
def by_hand(address: str) -> Iterator[psycopg.Connection]:
    """Somebody who may do anything, also what a trigger forbids."""
    with psycopg.connect(address) as session:
        session.execute("SET session_replication_role = replica")
        yield session


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ("DELETE FROM events WHERE originator_id = 's2'", "1 commits without their last event"),
        ("DELETE FROM commits WHERE n = 2", "2 events in no commit"),
        ("UPDATE head SET n = 1", "2 commits beyond the head"),
        ("UPDATE commits SET n = -n WHERE n = 2", "1 commits of a lane over each other"),
        ("UPDATE shards SET head = 0", "1 lanes that would give a number again"),
    ],
)
def test_what_is_wrong_with_the_log_is_found(
    another: OpenPostgres, postgres_address: str, done: str, said: str
) -> None:
    store = another()
    for n in range(3):
        store.append(Append(rows=[row(f"before{n}"), row(f"s{n}")], once=[row("once")]))
    store.append(Append(erasable=[("s1", "a", "b")]))
    assert store.damage() == []
    with by_hand(postgres_address) as session:
        session.execute(done)
    assert [line.removeprefix("PostgreSQL: ") for line in store.damage()] == [said]


def test_a_store_keeps_its_machines_folder_and_mark(
    another: OpenPostgres, postgres_address: str, tmp_path: Path
) -> None:
    store = PostgresStore(postgres_address, tmp_path / "here")
    store.mark.write({"views.db": 7})
    store.give_room()
    store.checkpoint()
    store.close()
    again = PostgresStore(postgres_address, tmp_path / "here")
    assert again.mark.end("views.db") == 7 and again.folder == tmp_path / "here"
    again.close()
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="data folder that can be written"):
        PostgresStore(postgres_address, tmp_path / "file")


def test_a_thread_that_ends_takes_its_session_along(
    another: OpenPostgres, cluster: Cluster
) -> None:
    """Whoever answers requests has a thread for each: a server has not that many sessions."""
    store = another()
    store.append(Append(rows=padding(1)))
    store.end()
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS}"
    before = cluster.execute(sessions)
    for _ in range(5):
        threads = [threading.Thread(target=store.end) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(store._opened) == 1
    until(lambda: cluster.execute(sessions) == before, "their sessions are closed")


def test_what_nobody_remembers_is_not_counted_for_others(another: OpenPostgres) -> None:
    """A door that keeps letters does not make a worker read all people again."""
    store, other = another(), another()
    for each in (store, other):
        each.create("CREATE TABLE IF NOT EXISTS people (n INTEGER PRIMARY KEY);")
        each.create("CREATE TABLE IF NOT EXISTS letters (n INTEGER PRIMARY KEY);", remembered=False)
    put = "INSERT INTO {} (n) SELECT coalesce(MAX(n), 0) + 1 FROM {} WHERE n > ?"
    letter, person = (put.format(table, table) for table in ("letters", "people"))
    before = store.revision()
    for _ in range(2):
        with other.transaction() as cursor:
            cursor.execute(letter, (0,))
            cursor.executemany(person, [])
            cursor.execute("SELECT n FROM people")
        other.append(Append(tables=[(letter, [(0,)]), (person, [])]))
    other.append(Append(rows=[row("ada")]))
    assert store.revision() == before
    told = []
    with other.transaction() as cursor:
        cursor.execute(letter, (0,))
        cursor.execute(person, (0,))
    told.append(store.revision())
    other.append(Append(tables=[(letter, [(0,)]), (person, [(0,)])]))
    told.append(store.revision())
    other.append(Append(in_turn=[("DELETE FROM people WHERE n = ?", [(1,)])]))
    told.append(store.revision())
    with other.transaction() as cursor:
        cursor.execute("UPDATE people SET n = 9")
    told.append(store.revision())
    assert told == [before + n for n in (1, 2, 3, 4)]
    assert store.lease.acquire()
    store.lease.append(Append(tables=[(letter, [(0,)]), (person, [(0,)])]))
    assert store.revision() == told[-1]


def test_who_starts_waits_for_nobody_who_writes(
    another: OpenPostgres, postgres_address: str
) -> None:
    """To make an index, also one that is there, PostgreSQL keeps writers off its table."""
    script = (
        "CREATE TABLE IF NOT EXISTS notes (n TEXT); CREATE INDEX IF NOT EXISTS ns ON notes (n);"
    )
    another().create(script)
    with psycopg.connect(postgres_address) as writing:
        writing.execute("INSERT INTO notes VALUES ('a')")
        assert another().create(script)
