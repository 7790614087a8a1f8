"""Every store writes as `Store` says, whatever the engine: the same tests for both."""

import threading
from collections.abc import Callable
from functools import partial
from itertools import cycle, pairwise

import pytest
from eventsourcing.persistence import IntegrityError, PersistenceError

from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.postgresql.transactions import FEW
from service.ledger.sql import CONFLICTS, STORE_ERRORS
from service.ledger.store import Append, LedgerError, LogRow
from tests.campaigns import campaign, length
from tests.ledger.stores import BOTH_WAYS, kept, padding, refused, row

WRITERS = 4
TABLE = """
CREATE TABLE IF NOT EXISTS things (
    name TEXT NOT NULL, n INTEGER NOT NULL DEFAULT 0, share REAL, bytes BLOB, PRIMARY KEY (name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS things_by_n ON things (n) WHERE n > 0;
"""
PUT = "INSERT INTO things (name, n) VALUES (?, ?)"


def together(jobs: list[Callable[[], None]]) -> None:
    failed: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed, failed


@BOTH_WAYS
def test_a_version_is_given_once_and_nothing_of_the_second_stays(store, more):
    pad = padding(more)
    last = store.append(Append(rows=[*pad, row("ada", 1), row("ada", 2)]))
    assert last == store.end() == store.log(0, 9_999)[-1][0]
    texts = [("grace", "learner.name", "Grace")]
    others = padding(more, "other")
    assert refused(store, rows=[*others, row("grace"), row("ada", 2)], erasable=texts)
    assert refused(store, rows=[*others, row("grace"), row("grace")], erasable=texts)
    assert store.end() == last and kept(store)[more:] == [("ada", 1), ("ada", 2)]
    assert store.erasable("grace") == {}
    store.append(Append(rows=[*others, row("grace"), row("ada", 3)], erasable=texts))
    assert store.erasable("grace") == {"learner.name": "Grace"}
    assert len(kept(store)) == 2 * more + 4


@BOTH_WAYS
def test_what_has_a_derived_id_is_appended_once(store, more):
    for state in (b"1", b"2"):
        once = [row("n1", 1, state), row("n2", 1, state), row("n1", 2, state)]
        texts = [("n1", "learner.name", state.decode())]
        store.append(
            Append(rows=[row(f"r{state!r}")], once=[*padding(more), *once], erasable=texts)
        )
    assert [state for *_, state in store.stream("n1")] == [b"1", b"1"]
    assert store.erasable("n1") == {"learner.name": "1"}
    assert len(kept(store)) == more + 5
    assert store.end() == store.log(0, 9_999)[-1][0]
    assert refused(store, rows=[row("n1")], once=[row("n9")])
    assert store.newest(["n9"]) == {"n9": 0}


def test_what_is_passed_over_moves_nothing(store):
    last = store.append(Append(once=[row("n1")]))
    assert store.append(Append(once=[row("n1")])) == last == store.end()
    assert store.append(Append()) == last
    assert store.append(Append(rows=[row("n2")])) > last


@BOTH_WAYS
def test_nothing_is_appended_beside_what_somebody_else_has_moved(store, opened, more):
    other = opened()
    other.append(Append(rows=[row("ada"), row("grace")]))
    texts = [("ada", "learner.name", "Ada")]
    for rests_on in ({"grace": 2}, {"grace": 1, "mei": 1}, {"grace": 0}, {"ada": 2, "grace": 1}):
        what = [*padding(more), row("ada", 2)]
        assert refused(store, rows=what, rests_on=rests_on, erasable=texts), rests_on
    assert (len(kept(store)), store.erasable("ada")) == (2, {})
    rests_on = {"ada": 1, "grace": 1, "mei": 0}
    store.append(Append(rows=[*padding(more), row("ada", 2)], rests_on=rests_on, erasable=texts))
    assert (len(kept(store)), store.erasable("ada")) == (3 + more, {"learner.name": "Ada"})


def test_of_two_that_rest_on_each_other_one_is_kept(opened):
    """Write skew: each reads what the other writes."""
    rounds, names = length(200, 30), ("ada", "grace")
    barrier, won = threading.Barrier(2), {name: [] for name in names}

    def write(mine: str, yours: str) -> None:
        store = opened()
        for n in range(1, rounds + 1):
            barrier.wait(30)
            what = {"rows": [row(f"{mine}{n}")], "rests_on": {f"{yours}{n}": 0}}
            won[mine].append(not refused(store, **what))

    together([lambda: write("ada", "grace"), lambda: write("grace", "ada")])
    assert [sum(each) for each in zip(*won.values(), strict=True)] == [1] * rounds


@campaign
def test_a_follower_sees_every_event_once_in_the_order_of_commits(opened):
    """No hole is ever seen: what a follower has passed, nothing is written into any more."""
    commits, done = length(500, 100), threading.Event()
    seen: list[LogRow] = []

    def write(name: str) -> None:
        store = opened()
        for n in range(commits):
            rows = [row(f"{name}.{n}.{each}") for each in range(1 + (n % 40 == 0) * FEW)]
            store.append(Append(rows=rows, once=[row(f"shared.{n}")]))

    def follow() -> None:
        store, ends = opened(), False
        while not ends:
            ends = done.is_set()
            while page := store.log(seen[-1][0] if seen else 0, 40):
                seen.extend(page)

    follower = threading.Thread(target=follow)
    follower.start()
    together([lambda name=name: write(name) for name in "abcd"[:WRITERS]])
    done.set()
    follower.join(60)
    assert seen == opened().log(0, 10**6)
    assert all(one[0] < two[0] for one, two in pairwise(seen))
    names = [stream for _, stream, *_ in seen]
    assert len(set(names)) == len(names)
    mine = [[int(n) for w, n, _ in (name.split(".") for name in names if name[0] != "s") if w == x]
            for x in "abcd"]  # fmt: skip
    assert all(each == sorted(each) for each in mine)
    each_writes = commits + FEW * len(range(0, commits, 40))
    assert len(names) == WRITERS * each_writes + commits


def test_tables_are_written_with_the_events_or_not_at_all(store):
    store.create(TABLE)
    store.create(TABLE)
    tables = [
        (PUT, [("a", 1), ("b", 2)]),
        ("UPDATE things SET bytes = :bytes, share = :share, n = n + :yes WHERE name = :name",
         [{"bytes": b"\x00'?%", "share": 0.5, "yes": True, "name": "a"}]),
        ("INSERT INTO things (name, n) VALUES (?, length('?:x%'))", [("c",)]),
    ]  # fmt: skip
    store.append(Append(rows=[row("ada")], tables=tables))
    ask = store.reader().execute
    assert ask("SELECT name, n, share, bytes FROM things WHERE name = ?", ("a",)).fetchall() == [
        ("a", 2, 0.5, b"\x00'?%")
    ]
    assert ask("SELECT SUM(n), COUNT(*) FROM things").fetchone() == (8, 3)
    for more in (0, FEW):
        rows = [*padding(more), row("ada", 2)]
        with pytest.raises(CONFLICTS):
            store.append(Append(rows=rows, tables=[(PUT, [("d", 1), ("a", 1)])]))
    assert (kept(store), ask("SELECT COUNT(*) FROM things").fetchone()) == ([("ada", 1)], (3,))


def test_what_is_asked_is_answered_as_of_the_end_of_the_write(store):
    store.create(TABLE)
    asked = "SELECT MAX(n) FROM things"
    for n in (1, 2):
        in_turn = [("UPDATE things SET n = n + 10", [()])]
        tables = [(PUT, [(f"a{n}", n)])]
        answer = store.append(Append(tables=tables, in_turn=in_turn, asked=asked))
        assert answer == 10 * n + 1
    assert store.append(Append(rows=[row("ada")])) == store.end()


def test_a_transaction_of_tables_is_kept_whole_or_not_at_all(store):
    store.create(TABLE)
    with store.transaction() as cursor:
        assert cursor.execute(PUT, ("a", 1)).rowcount == 1
        cursor.executemany(PUT, [("b", 2), ("c", 3)])
        some = cursor.execute("SELECT name FROM things WHERE n > :n ORDER BY name", {"n": 1})
        assert [*some] == [("b",), ("c",)]
        assert store.reader().execute("SELECT COUNT(*) FROM things").fetchone() == (0,)
    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error), store.transaction() as cursor:
            cursor.execute(PUT, ("d", 4))
            raise error
    with pytest.raises(CONFLICTS), store.transaction() as cursor:
        cursor.execute(PUT, ("a", 4))
    with pytest.raises(STORE_ERRORS), store.transaction() as cursor:
        cursor.execute("UPDATE nothing SET n = 1")
    assert store.reader().execute("SELECT name FROM things").fetchall() == [("a",), ("b",), ("c",)]


def test_what_another_process_wrote_to_tables_is_noticed_and_our_own_is_not(store, opened):
    other = opened()
    for each in (store, other):
        each.create(TABLE)
    assert store.lease.acquire()
    before = store.revision()
    store.lease.append(Append(rows=[row("ada")], tables=[(PUT, [("a", 1)])]))
    assert store.revision() == before
    with other.transaction() as cursor:
        cursor.execute(PUT, ("c", 1))
    assert store.revision() > before
    before = store.revision()
    store.as_others += 1
    assert store.revision() > before


ODD = ["'", '"', "\\", "\n\t\x01", "{}", "null", "", "ö", "\U0001f600", "\ufffd", "?%s"]
WHOLE = [-1, 0, 2**53 + 1, 2**63 - 1]


@pytest.mark.parametrize(
    "more",
    [(), ("\\u0000", 1, None, None), ("a", 1, 0.1, None), ("a", True, None, None),
     ("a", 1, None, b"\0\xff")],
)  # fmt: skip
def test_rows_of_tables_are_kept_as_they_are(store, more):
    """Whatever way they go to the engine: one by one, or all at once."""
    store.create(TABLE)
    told = "INSERT INTO things (name, n, share, bytes) VALUES (?, ?, ?, ?)"
    rows = [(name, n, None, None) for name, n in zip(ODD, cycle(WHOLE), strict=False)]
    rows += [more] if more else []
    store.append(Append(tables=[(told, rows)]))
    found = store.reader().execute("SELECT name, n, share, bytes FROM things").fetchall()
    assert sorted(map(repr, found)) == sorted(repr((s, int(n), *left)) for s, n, *left in rows)
    with pytest.raises(CONFLICTS):
        store.append(Append(tables=[(told, [("new", 1, None, None), rows[-1]])]))
    assert len(store.reader().execute("SELECT name FROM things").fetchall()) == len(rows)


def test_events_are_never_deleted(store):
    table = "events" if isinstance(store, PostgresStore) else "stored_events"
    store.append(Append(rows=[row("ada")]))
    with pytest.raises(CONFLICTS, match=r"never deleted|23000"), store.transaction() as cursor:
        cursor.execute(f"DELETE FROM {table}")
    assert kept(store) == [("ada", 1)]


def test_what_is_refused_is_told_without_a_value(store):
    """SQLite's own words of a constraint name columns; nothing that came in is repeated."""
    store.append(Append(rows=[row("secret-7")]))
    with pytest.raises(IntegrityError) as refusal:
        store.append(Append(rows=[row("secret-7")]))
    assert "secret-7" not in str(refusal.value)


@BOTH_WAYS
def test_a_character_that_cannot_be_stored_is_refused_whole(store, more):
    rows = [*padding(more), row("half \ud800")]
    with pytest.raises((*STORE_ERRORS, UnicodeEncodeError)):
        store.append(Append(rows=rows))
    if isinstance(store, PostgresStore):
        for odd in (row("nul \0"), row("n", 1, topic="nul \0")):
            with pytest.raises(PersistenceError, match="NUL"):
                store.append(Append(rows=[*padding(more), odd]))
    assert kept(store) == []
    store.append(Append(rows=[row("n")]))


OLDER = "CREATE TABLE IF NOT EXISTS old (name TEXT PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0);"
NEWER = """
CREATE TABLE IF NOT EXISTS old (
    name TEXT NOT NULL PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0, said TEXT, at INTEGER, bytes BLOB
);
"""
INDEX = "CREATE INDEX IF NOT EXISTS old_by_time ON old (at) WHERE said IS NOT NULL;"


def test_tables_of_an_older_version_gain_columns(store, opened):
    store.create(OLDER)
    store.append(Append(tables=[("INSERT INTO old (name) VALUES (?)", [("a",)])]))
    together([partial(each.create, NEWER + INDEX) for each in (opened(), opened(), opened())])
    assert store.columns("old") == {"name", "n", "said", "at", "bytes"}
    change = "UPDATE old SET said = ?, at = ? WHERE name = ?"
    store.append(Append(tables=[(change, [("x", 7, "a")])]))
    found = store.reader().execute("SELECT said, at, bytes FROM old").fetchall()
    assert found == [("x", 7, None)]
    store.create(OLDER)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("CREATE TABLE IF NOT EXISTS old (name TEXT PRIMARY KEY, mine TEXT)", "no column"),
        ("CREATE TABLE IF NOT EXISTS old (n INTEGER)", "no column name"),
        (NEWER.replace("BLOB", "BLOB, wing TEXT NOT NULL"), "column wing, which must"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(store, there, said):
    store.create(there)
    with pytest.raises(LedgerError, match=said):
        store.create(NEWER)
