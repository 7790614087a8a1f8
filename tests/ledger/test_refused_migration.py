"""What would go wrong is refused before it does, and nobody writes to two ledgers of one past."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.ledger.location import LedgerLocation
from service.ledger.migration.copying import NotTheSame, migrate
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import Append, LedgerError
from tests.ledger.moved import asked, both, move
from tests.ledger.stores import OpenPostgres, row


def test_a_target_with_something_else_in_it_is_refused(
    filled: LedgerLocation, database: LedgerLocation, another: OpenPostgres, tmp_path: Path
) -> None:
    asked(database, "CREATE TABLE somebodys (n int)")
    with pytest.raises(LedgerError, match="expected an empty schema, got one with other things"):
        move(filled, database)
    asked(database, "DROP TABLE somebodys")
    other = another()
    other.append(Append(rows=[row("other")]))
    other.close()
    with pytest.raises(LedgerError, match="expected an empty schema, got one with a ledger"):
        move(filled, database)
    there = LedgerLocation(tmp_path / "there")
    SqliteStore(there.file).close()
    with pytest.raises(LedgerError, match="expected no ledger, found one"):
        move(database, there)


def test_a_copy_of_another_ledger_is_not_gone_on_with(
    filled: LedgerLocation, database: LedgerLocation, tmp_path: Path
) -> None:
    other = LedgerLocation(tmp_path / "other")
    with closing(SqliteStore(other.file)) as store:
        store.append(Append(rows=[row("ada"), row("grace")]))

    def stop(step: str, _: int) -> None:
        assert step != "Comparing"

    with pytest.raises(AssertionError):
        move(other, database, stop)
    with pytest.raises(LedgerError, match="got a ledger that says something else"):
        move(filled, database)


def test_nobody_opens_a_copy_that_is_not_finished_nor_writes_to_what_was_moved(
    filled: LedgerLocation, database: LedgerLocation, another: OpenPostgres, tmp_path: Path
) -> None:
    early, late = SqliteStore(filled.file), another
    with both(filled, database) as (_, made):
        made.begin()
        with pytest.raises(LedgerError, match="not finished"):
            another()
    move(filled, database)
    for write in (lambda: SqliteStore(filled.file), lambda: early.append(Append(rows=[row("x")]))):
        with pytest.raises(LedgerError, match="was moved, and goes on where it was moved to"):
            write()
    early.close()
    with closing(filled.open_to_read()) as reading:
        assert reading.end()
    with pytest.raises(LedgerError, match="was moved"):
        move(filled, LedgerLocation(tmp_path, database.database_url.replace("test_", "test_0")))

    store = late()
    back = LedgerLocation(tmp_path / "back")
    with both(database, back) as (_, made):
        made.begin()
        with pytest.raises(LedgerError, match="not finished"):
            SqliteStore(back.file)
    move(database, back)
    with pytest.raises(LedgerError, match="was moved, and goes on where it was moved to"):
        another()
    end = store.end()
    with pytest.raises(Exception, match="another process has written meanwhile"):
        store.append(Append(rows=[row("x")]))
    assert store.end() == end
    for left in (filled, database):
        left.accept_loss()
    SqliteStore(filled.file).close()
    another().append(Append(rows=[row("on its own")]))


def test_who_writes_keeps_it_from_being_moved(
    filled: LedgerLocation, database: LedgerLocation, another: OpenPostgres, tmp_path: Path
) -> None:
    move(filled, database)
    store = another()
    store.append(Append(rows=[row("a writer")]))
    with pytest.raises(LedgerError, match="expected nobody to write to the ledger, found 1"):
        move(database, LedgerLocation(tmp_path / "back"))
    store.close()
    held = database.source()
    with pytest.raises(LedgerError, match="found somebody who does"):
        database.source()
    held.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE people SET name = 'Ada' || char(0) WHERE lms_id = '77'", "people, column name"),
        ("UPDATE people SET name = CAST(x'41ff' AS TEXT) WHERE lms_id = '77'", "people, column"),
        ("UPDATE letters SET source = 'a' || char(0) WHERE n = 2", "letters, column source at n 2"),
        ("UPDATE letters SET body = 'a text' WHERE n = 2", "letters, column body at n 2: expe"),
        ("UPDATE letters SET received_at = 0.5 WHERE n = 2", "column received_at at n 2: expect"),
        ("UPDATE stored_events SET topic = 'a' || char(0) WHERE notification_id = 3",
         "stored_events, column topic at notification_id 3"),
    ],
)  # fmt: skip
def test_what_postgresql_does_not_keep_is_found_before_anything_is_written(
    filled: LedgerLocation, database: LedgerLocation, change: str, words: str
) -> None:
    with sqlite3.connect(filled.file) as ledger:
        ledger.execute(change)
    ledger.close()
    with pytest.raises(LedgerError, match=words) as refused:
        move(filled, database)
    assert "Ada" not in str(refused.value) and "nothing was written" in str(refused.value)
    assert asked(database, "SELECT 1 FROM pg_class WHERE relnamespace = "
                 "current_schema()::regnamespace") == []  # fmt: skip
    SqliteStore(filled.file).close()


def test_a_copy_that_differs_is_told_and_not_used(
    filled: LedgerLocation, database: LedgerLocation, another: OpenPostgres
) -> None:
    def disturb() -> None:
        asked(database, "UPDATE events SET state = 'x' WHERE originator_id = 'large'")
        asked(database, "UPDATE people SET name = 'x' WHERE lms_id = '77'")
        asked(database, "CREATE TABLE more (n bigint PRIMARY KEY); INSERT INTO more VALUES (1)")

    with both(filled, database) as (held, made):
        made.settle = disturb
        with pytest.raises(
            NotTheSame, match="differs in 1 of the log's streams, the table more, the table people;"
        ):
            migrate(held, made, lambda *_: None)
    with pytest.raises(LedgerError, match="not finished"):
        another()
    SqliteStore(filled.file).close()
