"""The SQLite ledger keeps what it was given, whole or not at all, and says why when it cannot.

What every store does is in `test_every_store_writes.py` and `test_every_store_reads.py`.
"""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from eventsourcing.persistence import EventStore, IntegrityError, StoredEvent

from service.learners import enrollment
from service.learners.aggregate import Cache
from service.ledger.events import EventMapper, StreamEvent
from service.ledger.events import EventStore as EventStoreOfBodies
from service.ledger.library_recorder import LibraryRecorder
from service.ledger.sqlite.database import connect
from service.ledger.sqlite.sqlite_store import INSERT, SqliteStore
from service.ledger.store import Append, LedgerError, Row
from tests.learners.cast import day, enroll, enrolled, progress, unenrolled


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(path)
    yield opened
    opened.close()


def row(stream: str, version: int, state: bytes = b"{}") -> Row:
    return stream, version, "a.topic", state


def append(ledger: SqliteStore, *rows: Row) -> None:
    ledger.append(Append(rows=rows))


def kept(ledger: SqliteStore) -> list[tuple[int, str, int]]:
    return [(position, stream, version) for position, stream, version, *_ in ledger.log(0, 99)]


def test_a_cache_keeps_the_last_ones_asked_for_and_at_most_twice_as_many() -> None:
    cache: Cache[int, str] = Cache(3)
    for n in range(100):
        cache.put(n, str(n))
        assert cache.get(0) == "0"
    kept = [n for n in range(100) if cache.get(n) is not None]
    assert {0, 98, 99} <= set(kept) and len(kept) <= 6
    cache.drop(0)
    assert cache.get(0) is None
    cache.clear()
    assert cache.get(99) is None


def test_an_exception_inside_takes_everything_back(ledger: SqliteStore) -> None:
    append(ledger, row("ada", 1))
    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error), ledger.transaction() as cursor:
            cursor.execute(INSERT, row("ada", 2))
            cursor.execute("INSERT INTO erasable VALUES ('ada', 'a', 'b')")
            raise error
    assert (kept(ledger), ledger.erasable("ada"), ledger.commits) == ([(1, "ada", 1)], {}, 2)
    append(ledger, row("ada", 2))


def test_readers_do_not_see_what_is_not_committed(ledger: SqliteStore) -> None:
    with ledger.transaction() as cursor:
        cursor.execute(INSERT, row("ada", 1))
        assert (kept(ledger), ledger.end()) == ([], 0)
    assert (kept(ledger), ledger.end()) == ([(1, "ada", 1)], 1)


@pytest.mark.parametrize("which", ["1", "originator_version = 2"])
def test_the_log_is_never_shortened(ledger: SqliteStore, which: str) -> None:
    """The tail's position would be given again, and every follower would miss the new event."""
    append(ledger, row("ada", 1), row("ada", 2))
    with (
        pytest.raises(sqlite3.IntegrityError, match="never deleted"),
        ledger.transaction() as cursor,
    ):
        cursor.execute(f"DELETE FROM stored_events WHERE {which}")
    assert len(kept(ledger)) == 2


def test_a_commit_is_an_fsync(ledger: SqliteStore) -> None:
    """2 is FULL: in WAL mode only that syncs at every commit (a 202 means on disk)."""
    with ledger.transaction() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_another_process_committed_is_noticed_and_our_own_is_not(
    ledger: SqliteStore, path: Path
) -> None:
    before = ledger.revision()
    append(ledger, row("ada", 1))
    assert ledger.revision() == before
    other = SqliteStore(path)
    append(other, row("grace", 1))
    other.close()
    assert ledger.revision() != before
    assert kept(ledger) == [(1, "ada", 1), (2, "grace", 1)]


def one_line(error: pytest.ExceptionInfo[LedgerError], *parts: str) -> bool:
    said = str(error.value)
    return "\n" not in said and all(part in said for part in parts)


def test_a_newer_ledger_is_refused_in_one_line(path: Path) -> None:
    SqliteStore(path).close()
    connection = connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerError) as error:
        SqliteStore(path)
    assert one_line(error, str(path), "schema 99", "run the Coursebell version that wrote it")
    connection = connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    connection.close()


@pytest.mark.parametrize("garbage", [b"garbage " * 1000, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_damaged_ledger_is_refused_in_one_line_and_left_alone(path: Path, garbage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(garbage)
    with pytest.raises(LedgerError) as error:
        SqliteStore(path)
    assert one_line(error, str(path), "cannot be opened", "restore a backup")
    assert path.read_bytes() == garbage


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(LedgerError) as error:
        SqliteStore(tmp_path / "data" / "ledger.db")
    assert one_line(error, "COURSEBELL_DATA")


def test_the_librarys_event_store_works_on_it(ledger: SqliteStore) -> None:
    """eventsourcing's contract: put, get by range, order and limit, positions."""
    mapper = EventMapper([enrollment.SHAPES])
    store: EventStore[str] = EventStore(mapper, LibraryRecorder(ledger))
    folded, bodies = enroll(enrolled(day(1)), progress(day(2), 5.0), unenrolled(day(3)))
    events = [StreamEvent(folded.id, n, body) for n, body in enumerate(bodies, start=1)]
    recordings = store.put(events)  # type: ignore[arg-type]
    assert [recording.notification.id for recording in recordings] == [1, 2, 3]
    stored = [mapper.to_domain_event(mapper.to_stored_event(event)) for event in events]
    assert list(store.get(folded.id)) == stored
    assert list(store.get(folded.id, gt=1)) == stored[1:]
    assert list(store.get(folded.id, gt=1, lte=2)) == stored[1:2]
    assert list(store.get(folded.id, desc=True, limit=2)) == stored[:0:-1]
    assert list(store.get("nobody")) == []
    with pytest.raises(IntegrityError):
        store.put(events[-1:])  # type: ignore[arg-type]


def test_the_librarys_recorder_contract(ledger: SqliteStore) -> None:
    recorder = LibraryRecorder(ledger)
    events = [StoredEvent(f"s{n}", 1, "odd" if n % 2 else "even", b"%d" % n) for n in range(1, 8)]
    assert list(recorder.insert_events(events)) == list(range(1, 8))
    assert list(recorder.insert_events([])) == []

    def ids(*args: int | None, **more: object) -> list[int]:
        return [found.id for found in recorder.select_notifications(*args, **more)]  # type: ignore

    assert ids(None, 3) == ids(1, 3) == [1, 2, 3]
    assert ids(3, 9, inclusive_of_start=False) == [4, 5, 6, 7]
    assert ids(3, 9, 5) == [3, 4, 5]
    assert ids(1, 9, topics=["odd"]) == [1, 3, 5, 7]
    assert recorder.max_notification_id() == 7
    with pytest.raises(NotImplementedError):
        recorder.subscribe(0)


def test_what_is_read_as_of_one_moment_is_of_one_commit(ledger: SqliteStore) -> None:
    store = EventStoreOfBodies(ledger, EventMapper([enrollment.SHAPES]))
    append(ledger, row("ada", 1))
    with store.one_moment():
        assert store.newest(["ada"]) == {"ada": 1}
        append(ledger, row("ada", 2))
        assert store.newest(["ada"]) == {"ada": 1}
    assert store.newest(["ada"]) == {"ada": 2}


def test_a_moment_ends_also_when_what_reads_fails(ledger: SqliteStore) -> None:
    store = EventStoreOfBodies(ledger, EventMapper([enrollment.SHAPES]))
    with pytest.raises(ZeroDivisionError), store.one_moment():
        assert store.newest(["ada"]) == {"ada": 0}
        raise ZeroDivisionError
    append(ledger, row("ada", 1))
    assert store.newest(["ada"]) == {"ada": 1}


def test_at_the_end_whoever_waits_for_a_commit_looks_again(ledger: SqliteStore) -> None:
    seen, woken = ledger.commits, []
    waiting = threading.Thread(target=lambda: woken.append(ledger.wait(seen, 60)))
    waiting.start()
    ledger.wake()
    waiting.join(10)
    assert woken == [seen + 1]


def test_a_ledger_that_is_closed_writes_into_no_other_file(tmp_path, path):
    """Its mark's descriptor is closed once: the number may be another file's by then."""
    ledger = SqliteStore(path)
    ledger.close()
    with (tmp_path / "another").open("wb+") as another:
        ledger.mark.write({"views.db": 7})
        ledger.close()
        another.write(b"still open")
        another.seek(0)
        assert another.read() == b"still open"
