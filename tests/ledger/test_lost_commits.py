"""A COMMIT or its answer is lost: what was written is kept once, and whoever wrote it knows.

https://www.postgresql.org/docs/current/protocol-flow.html has no way to ask again; the lane has.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError, PersistenceError

from service.ledger.postgresql.connections import SessionLost
from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.postgresql.transactions import FEW
from service.ledger.store import Append, Unknown
from tests.campaigns import campaign, length
from tests.ledger.stores import kept, padding, row
from tests.lossy_wire import HOLD, LOSE_ANSWER, LOSE_COMMIT, PASS, LossyWire
from tests.postgres import Cluster

TABLE = "CREATE TABLE IF NOT EXISTS counted (name TEXT PRIMARY KEY, n INTEGER NOT NULL)"
COUNT = """
INSERT INTO counted (name, n) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = counted.n + 1
"""
Wired = tuple[PostgresStore, LossyWire, Callable[[str], None]]


@pytest.fixture
def wired(cluster: Cluster, postgres_address: str, tmp_path: Path) -> Iterator[Wired]:
    """A store behind a wire that does once what it is told to do next."""
    fates: list[str] = []
    wire = LossyWire(cluster.socket, lambda _: fates.pop() if fates else PASS)
    PostgresStore(postgres_address, tmp_path).close()
    store = PostgresStore(cluster.through(wire, postgres_address), tmp_path)
    store.create(TABLE)
    yield store, wire, fates.append
    store.close()
    wire.close()


def a_row(store: PostgresStore, n: int) -> None:
    store.append(Append(rows=[row(f"row{n}")]))


def many_rows(store: PostgresStore, n: int) -> None:
    store.append(Append(rows=[row(f"many{n}"), *padding(FEW, f"pad{n}.")]))


def derived_ids(store: PostgresStore, n: int) -> None:
    store.append(Append(once=[row(f"once{n}"), row(f"once{n - 1}"), *padding(n % 2 * FEW)]))


def with_the_lease(store: PostgresStore, n: int) -> None:
    store.lease.acquire()
    store.lease.append(Append(rows=[row(f"leased{n}")], tables=[(COUNT, [(f"counted{n}",)])]))


def nothing_new(store: PostgresStore, n: int) -> None:
    store.append(Append(once=[row("one")], tables=[(COUNT, [(f"counted{n}",)])]))


def what_it_rests_on(store: PostgresStore, n: int) -> None:
    rests_on = {f"rested{n - 1}": 1, f"rested{n}": 0}
    store.append(Append(rows=[row(f"rested{n}")], rests_on=rests_on))


def tables_too(store: PostgresStore, n: int) -> None:
    tables = [(COUNT, [(f"counted{n}",), (f"beside{n}",)])]
    store.append(Append(rows=[row(f"table{n}")], tables=tables, erasable=[("s", f"{n}", "x")]))


def asked_for(store: PostgresStore, n: int) -> None:
    """Nothing of it is in the log, and the answer is what it was."""
    asked = "SELECT COUNT(*) FROM counted"
    assert store.append(Append(tables=[(COUNT, [(f"counted{n}",)])], asked=asked)) == n


def tables_alone(store: PostgresStore, n: int) -> None:
    """A block cannot be run again by the store: it is told that nothing was kept."""
    while True:
        try:
            with store.transaction() as cursor:
                cursor.execute(COUNT, (f"counted{n}",))
        except PersistenceError as error:
            assert "nothing is kept" in str(error)
        else:
            return


KINDS = (
    a_row, many_rows, derived_ids, nothing_new, what_it_rests_on, tables_too, asked_for,
    tables_alone, with_the_lease,
)  # fmt: skip


@campaign
@pytest.mark.parametrize("fate", [LOSE_COMMIT, LOSE_ANSWER])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_not_answered_is_kept_once(cluster, postgres_address, tmp_path, kind, fate):
    """Every second COMMIT: of each kind 200 in the whole campaign."""
    lost = length(200, 4)
    PostgresStore(postgres_address, tmp_path).close()
    wire = LossyWire(cluster.socket, lambda n: fate if n % 2 else PASS)
    store = PostgresStore(cluster.through(wire, postgres_address), tmp_path)
    store.create(TABLE)
    store.append(Append(rows=[row("rested0"), row("one")]))
    for n in range(1, 2 * lost + 1):
        kind(store, n)
    store.close()
    wire.close()
    judge(PostgresStore(postgres_address, tmp_path), kind.__name__, 2 * lost)
    assert wire.lost >= lost


def judge(store: PostgresStore, kind: str, times: int) -> None:
    """Nothing is lost and nothing is there twice, nor in a position of something else."""
    log = store.log(0, 10**6)
    names = Counter(stream for _, stream, *_ in log)
    begins = {
        "a_row": "row", "many_rows": "many", "derived_ids": "once", "what_it_rests_on": "rested",
        "tables_too": "table", "with_the_lease": "leased",
    }  # fmt: skip
    wanted = {f"{begins[kind]}{n}" for n in range(1, times + 1)} if kind in begins else set()
    assert wanted <= set(names) and set(names.values()) == {1}
    assert len({position for position, *_ in log}) == len(log) and store.end() == log[-1][0]
    counted = dict(store.reader().execute("SELECT name, n FROM counted").fetchall())
    in_one = {"tables_too": 2, "a_row": 0, "many_rows": 0, "derived_ids": 0, "what_it_rests_on": 0}
    tables = in_one.get(kind, 1)
    assert len(counted) == tables * times and set(counted.values()) <= {1}
    store.close()


def test_a_commit_that_arrives_after_all_was_looked_up_is_not_kept(wired: Wired) -> None:
    """The lane is taken again before the look; so what is late is fenced off."""
    store, wire, tell = wired
    for late in ([row("late")], [row("late2"), *padding(FEW)]):
        tell(HOLD)
        store.append(Append(rows=late))
        said = wire.held.pop()()
        assert b"COMMIT\0" not in said
    assert sum(stream.startswith("late") for stream, _ in kept(store)) == 2
    assert len(kept(store)) == 2 + FEW


def test_a_transaction_that_arrives_late_is_not_kept(wired: Wired) -> None:
    store, wire, tell = wired
    tell(HOLD)
    with pytest.raises(PersistenceError, match="nothing is kept"), store.transaction() as cursor:
        cursor.execute(COUNT, ("late",))
    assert b"COMMIT\0" not in wire.held.pop()()
    assert store.reader().execute("SELECT * FROM counted").fetchall() == []


def test_nobody_knows_while_the_server_is_away(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Afterwards a look says whether it is kept; here the answer was lost, so it is."""
    store, _, tell = wired
    monkeypatch.setattr("service.ledger.postgresql.lane_session.PATIENCE_SECONDS", 0.0)
    connected = store._server.connect
    monkeypatch.setattr(store._server, "connect", away)
    tell(LOSE_ANSWER)
    with pytest.raises(Unknown):
        store.append(Append(rows=[row("ada")]))
    monkeypatch.setattr(store._server, "connect", connected)
    assert kept(store) == [("ada", 1)]
    with pytest.raises(IntegrityError):
        store.append(Append(rows=[row("ada")]))
    store.append(Append(rows=[row("ada", 2)]))


def away(**_: Any) -> None:
    raise SessionLost("away")
