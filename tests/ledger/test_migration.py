"""A ledger is moved into PostgreSQL and back, and is the same: log, positions, tables."""

import os
import random
import re
import shutil
import signal
import sqlite3
import traceback
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError

from service.ledger.location import LedgerLocation
from service.ledger.migration import copying, table_shape
from service.ledger.migration.copying import differing_streams, migrate
from service.ledger.migration.table_shape import ColumnShape, Sum, TableShape
from service.ledger.postgresql.connections import Server
from service.ledger.postgresql.log_reader import LOG, LogReader
from service.ledger.postgresql.tables import PLACES
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import Append, LedgerError
from tests.campaigns import campaign, length
from tests.ledger.moved import asked, both, contents, move, scripts, shapes
from tests.ledger.stores import OpenPostgres, row
from tests.postgres import Cluster


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (copying, table_shape):
        monkeypatch.setattr(module, "ROWS_PER_PAGE", 7)
    monkeypatch.setattr(table_shape, "LARGE_ROWS_PER_PAGE", 7)


def test_there_and_back_again_nothing_has_changed(
    filled: LedgerLocation, database: LedgerLocation, tmp_path: Path
) -> None:
    before = contents(filled.file)
    assert len(before["stored_events"]) > 30 and all(before.values())
    move(filled, database)
    assert contents(filled.file) == before
    back = LedgerLocation(tmp_path / "back")
    move(database, back)
    assert contents(back.file) == before
    assert shapes(back.file) == shapes(filled.file)
    with closing(SqliteStore(back.file)) as store:
        assert store.damage() == []
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"), store.transaction() as cursor:
            cursor.execute("INSERT INTO adobe_api_state (id, state) VALUES (2, '')")
        assert store.append(Append(rows=[row("next")])) == max(before["stored_events"])[0] + 1


def test_every_table_that_the_program_has_is_moved(filled: LedgerLocation) -> None:
    """A new one is in here by itself; so is one that only an older version had."""
    names = {script.split()[5] for script in scripts()}
    assert {"letters", "people", "contacts", "imports", "erasable", "adobe_requests"} <= names
    assert names <= contents(filled.file).keys()


def test_what_comes_later_has_larger_positions(
    filled: LedgerLocation, database: LedgerLocation, another: OpenPostgres, tmp_path: Path
) -> None:
    with closing(SqliteStore(filled.file)) as store:
        before = store.log(0, 9_999)
    move(filled, database)
    store = another()
    assert store.log(0, 9_999) == before and store.end() == before[-1][0]
    assert store.log(before[7][0], 3) == before[8:11]
    assert store.stream("large") == [each for each in before if each[1] == "large"]
    later = [store.append(Append(rows=[row(f"later{n}")])) for n in range(3)]
    assert all(one < other for one, other in pairwise([before[-1][0], *later]))
    assert later[0] > before[-1][0] // PLACES * PLACES + PLACES
    log = store.log(0, 9_999)
    store.close()

    back = LedgerLocation(tmp_path / "back")
    move(database, back)
    with closing(SqliteStore(back.file)) as again:
        assert again.log(0, 9_999) == log
        assert again.append(Append(rows=[row("last")])) == log[-1][0] + 1


def test_a_page_of_it_costs_what_is_in_it(
    filled: LedgerLocation, database: LedgerLocation, another: OpenPostgres
) -> None:
    """Not what is in the million places around it: who follows the log asks all the time."""
    move(filled, database)
    end = another().end()
    values = {"n": 0, "last": 9, "every": True, "topics": [], "until": 9 * PLACES, "limit": 3}
    with psycopg.connect(database.database_url) as session:
        for after in (0, end // 2, end - 1, end):
            session.execute("SET LOCAL enable_seqscan = off")
            plan = session.execute(f"EXPLAIN ANALYZE {LOG}", {**values, "after": after}).fetchall()
            read = [int(n) for (line,) in plan for n in re.findall(r"rows=(\d+) loops", line)]
            assert max(read) <= 3, plan


def test_a_log_that_has_gaps_keeps_them(
    tmp_path: Path, database: LedgerLocation, another: OpenPostgres
) -> None:
    """As one has that was in PostgreSQL before: a million places for each commit."""
    source = LedgerLocation(tmp_path / "gaps")
    places = [3, PLACES - 1, PLACES, PLACES + 5, 9 * PLACES - 1, 9 * PLACES, 2**44 + 1]
    with closing(SqliteStore(source.file)) as store, store.transaction() as cursor:
        for place in places:
            cursor.execute(
                "INSERT INTO stored_events VALUES (?, ?, 1, 'a.topic', x'00')", (place, f"s{place}")
            )
    move(source, database)
    store = another()
    assert [place for place, *_ in store.log(0, 9_999)] == places
    for before, place in pairwise([0, *places]):
        assert [found[0] for found in store.log(before, 1)] == [place]
        assert store.stream(f"s{place}")[0][0] == place
        assert store.log(before, 9, until=place)[-1][0] == place
    assert store.append(Append(rows=[row("next")])) > places[-1]


@campaign
@pytest.mark.usefixtures("small_pages")
def test_one_that_is_killed_goes_on(template: Path, cluster: Cluster, tmp_path: Path) -> None:
    """Killed at any page of any step, or at any instant, in both directions: it ends the same."""
    before, kills = contents(template / "ledger.db"), 0
    for n in range(length(20, sample=2)):
        folder = Path(shutil.copytree(template, tmp_path / f"{n}"))
        places = [LedgerLocation(folder), LedgerLocation(folder, cluster.schema())]
        back = LedgerLocation(tmp_path / f"back{n}")
        for source, target in pairwise([*places, back]):
            left = 6
            while killed(source, target, left):
                left, kills = left - 1, kills + 1
        assert contents(back.file) == before
    assert kills > 2 * n


def killed(source: LedgerLocation, target: LedgerLocation, left: int) -> bool:
    """Whether a process that moves was killed before it ended; if nothing is `left` it is not."""
    pages = iter(range(random.randrange(1, 100)))

    def told(*_: object) -> None:
        if left > 0 and next(pages, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    if (child := os.fork()) == 0:
        code = 1
        try:
            if left > 0 and left % 2:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_REAL, 0.01 + random.random() / 8)
            move(source, target, told)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and not is_finished(target)


def is_finished(target: LedgerLocation) -> bool:
    """Whether somebody may use it: who was killed had done all of it."""
    try:
        if found := not target.missing():
            target.open_to_read().close()
    except LedgerError:
        return False
    return found


def test_a_source_that_went_on_meanwhile_is_copied_as_it_is_now(
    filled: LedgerLocation, database: LedgerLocation, small_pages: None, tmp_path: Path
) -> None:
    class Interrupted(Exception):
        pass

    def until_all_is_copied(step: str, rows: int) -> None:
        if step == "Comparing":
            raise Interrupted

    with pytest.raises(Interrupted):
        move(filled, database, until_all_is_copied)
    with closing(SqliteStore(filled.file)) as store:
        store.append(Append(rows=[row("meanwhile")]))
        with store.transaction() as cursor:
            cursor.execute("DELETE FROM odd_things WHERE name LIKE 'row 01%'")
            cursor.execute("UPDATE people SET name = 'Somebody else'")
            cursor.execute("INSERT INTO imported VALUES (77)")
    before = contents(filled.file)
    move(filled, database)
    back = LedgerLocation(tmp_path / "back")
    move(database, back)
    assert contents(back.file) == before


@pytest.mark.parametrize("at", ["Copying", "Comparing"])
def test_one_whose_sessions_are_cut_goes_on(
    filled: LedgerLocation, database: LedgerLocation, small_pages: None, tmp_path: Path, at: str
) -> None:
    """The source is let go with the session that held it, and nobody has written meanwhile."""

    def cut(step: str, _: int) -> None:
        if step == at:
            asked(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'coursebell'",
            )

    back = LedgerLocation(tmp_path / "back")
    for source, target in pairwise((filled, database, back)):
        with pytest.raises(PersistenceError, match="PostgreSQL"):
            move(source, target, cut)
        move(source, target)
    assert contents(back.file) == contents(filled.file)


def test_one_that_ended_between_the_two_marks_goes_on(
    filled: LedgerLocation, database: LedgerLocation, another: OpenPostgres, tmp_path: Path
) -> None:
    """There is no moment at which both can be written to."""
    back = LedgerLocation(tmp_path / "back")
    for source, target in ((filled, database), (database, back)):
        with both(source, target) as (held, made):
            made.finish = held.close
            migrate(held, made, lambda *_: None)
        for each in (source, target):
            with pytest.raises(LedgerError, match=r"was moved|not finished"):
                SqliteStore(each.file) if each.database_url is None else another()
        move(source, target)
    SqliteStore(back.file).close()


def test_streams_are_compared_one_by_one() -> None:
    one, other = Sum(1, b"a"), Sum(2, b"b")
    mine = [("a", one), ("b", one), ("d", one), ("e", one)]
    yours = [("a", one), ("c", one), ("d", other), ("e", one), ("f", one)]
    assert differing_streams(iter(mine), iter(yours)) == 4
    assert differing_streams(iter(mine), iter(mine)) == 0


def test_an_older_ledger_is_brought_up_there(
    tmp_path: Path, database: LedgerLocation, another: OpenPostgres
) -> None:
    """Its tables lack columns, and have as texts what older versions added to it."""
    older = LedgerLocation(tmp_path / "older")
    SqliteStore(older.file).close()
    with sqlite3.connect(older.file) as ledger:
        ledger.execute("CREATE TABLE things (name TEXT PRIMARY KEY, words TEXT) WITHOUT ROWID")
        ledger.execute("ALTER TABLE things ADD COLUMN told_at TEXT")
        ledger.executemany("INSERT INTO things VALUES (?, 'w', ?)", [("a", 5), ("b", None)])
    ledger.close()
    move(older, database)
    store = another()
    store.create(
        "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, words TEXT, told_at INTEGER, "
        "more INTEGER) WITHOUT ROWID; CREATE INDEX IF NOT EXISTS by_time ON things (told_at);"
    )
    with store.transaction() as cursor:
        cursor.execute("UPDATE things SET more = 7 WHERE told_at < 6")
    found = store.reader().execute("SELECT name, told_at, more FROM things ORDER BY name")
    assert found.fetchall() == [("a", 5, 7), ("b", None, None)]
    for script in ("CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, n INTEGER NOT NULL);",
                   "CREATE TABLE IF NOT EXISTS things (words TEXT PRIMARY KEY);"):  # fmt: skip
        with pytest.raises(LedgerError, match="run the Coursebell version that made it"):
            store.create(script)


def test_a_table_that_was_begun_gains_what_the_source_has_by_now(
    tmp_path: Path, database: LedgerLocation
) -> None:
    """The ledger was opened by a newer version between a copying and its end."""
    first = TableShape("things", [ColumnShape("n", "INTEGER", True)], ["n"])
    now = first._replace(columns=[*first.columns, ColumnShape("said", "TEXT", False)])
    for place in (LedgerLocation(tmp_path / "begun"), database):
        with closing(place.target()) as target:
            target.begin()
            target.make(first)
            target.make(now)
            assert [each.name for each in target.tables()["things"].columns] == ["n", "said"]


def test_a_table_of_somebody_elses_keeps_no_service_from_its_own(
    database: LedgerLocation, another: OpenPostgres
) -> None:
    asked(database, "CREATE TABLE somebodys (at timestamptz)")
    another().create("CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY);")


def test_a_ledger_in_postgresql_is_copied_to_be_tried(
    filled: LedgerLocation, database: LedgerLocation, another: OpenPostgres, tmp_path: Path
) -> None:
    """Also while somebody writes to it."""
    move(filled, database)
    store = another()
    store.append(Append(rows=[row("later")]))
    (tmp_path / "copy").mkdir()
    database.copy_to(tmp_path / "copy")
    with closing(SqliteStore(tmp_path / "copy/ledger.db")) as copied:
        assert copied.log(0, 9_999) == store.log(0, 9_999)
        assert copied.columns("people") == store.columns("people")
    store.append(Append(rows=[row("later", 2)]))
    with closing(LogReader(Server(database.database_url))) as reading:
        assert reading.end() == store.end()
