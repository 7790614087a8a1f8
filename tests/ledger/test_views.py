"""The views are disposable: whatever happens to the file, the log makes the same rows again."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from service.app.app import App
from service.learners.enrollment_views import EnrollmentViews
from service.ledger import views as following
from service.ledger.events import LogEvent
from service.ledger.sqlite.high_water import accept
from service.ledger.views import Views
from service.rules.notification import AttemptStarted
from tests.installation import (
    ADA,
    DAY,
    DONE,
    FREE,
    GRACE,
    MINUTE,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    event,
    progressed,
    seats,
    unenrolled,
)

Tables = dict[str, list[dict[str, Any]]]
LATER = START + 20 * DAY
LOG = "SELECT * FROM stored_events WHERE topic <> 'clock.asked'"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Installation]:
    """Ada has finished and was told, Grace has been reminded, a seat became free."""
    with Installation(tmp_path, DONE + STILL + FREE) as opened:
        opened.import_people([ADA, GRACE])
        opened.post(enrolled(START, 77), enrolled(START, 78), seats(START, 10))
        opened.tick(START + DAY)
        opened.post(
            progressed(START + DAY, 78, 30), completed(START + DAY, 77), seats(START + DAY, 9),
            unenrolled(START + DAY, 79), completed(START, 78, None, session="course:7_9"),
            event("LEARNING_OBJECT_INSTANCE_DELETION", START + DAY, loInstanceId="course:7_9"),
        )  # fmt: skip
        opened.tick(START + DAY + MINUTE)
        opened.tick(START + 9 * DAY)
        assert len(opened.drawer()) == 4
        yield opened


def tables(app: App) -> Tables:
    """Every row of every view."""
    reader = app.views.reader()
    names = [name for name in reader.table_names() if name != "following"]
    return {name: list(reader[name].rows_where(order_by="id")) for name in sorted(names)}


def files(room: Installation) -> list[Path]:
    return sorted((room.folder / "data").glob("views.db*"))


def log_of(room: Installation) -> list[Any]:
    """The log as the ledger's file has it, but for asks of the clock: they may come any time."""
    connection = sqlite3.connect(room.folder / "data/ledger.db")
    rows = connection.execute(LOG).fetchall()
    connection.close()
    return rows


def reopened(room: Installation) -> Tables:
    """The rows after a restart and a tick in which nothing is new; nothing may be sent or owed."""
    before = (room.drawer(), log_of(room))
    room.open(START + 9 * DAY)
    room.tick(START + 9 * DAY)
    assert (room.drawer(), log_of(room)) == before
    return tables(room.app)


def test_rows_are_what_was_said(room: Installation) -> None:
    found = tables(room.app)
    assert {name: len(rows) for name, rows in found.items()} == {
        "enrollments": 4, "instances": 2, "notifications": 4, "choices": 0,
    }  # fmt: skip
    known = room.app.people.known([("adobe", "1234", n) for n in ("77", "78", "79")])
    persons = {person: lms_id for (_, _, lms_id), person in known.items()}
    standing = {
        (persons[row["person"]], row["instance"]): (row["status"], row["progress"], row["passed"])
        for row in found["enrollments"]
    }
    assert standing == {
        ("77", "course:7_1"): ("completed", 100, 1),
        ("78", "course:7_1"): ("in_progress", 30, None),
        ("79", "course:7_1"): ("unenrolled", None, None),
        ("78", "course:7_9"): ("completed", 100, None),
    }
    one, nine = sorted(found["instances"], key=lambda row: row["instance"])
    assert (one["seats_available"], one["enrollment_count"], one["version"]) == (1, 9, 2)
    assert (nine["seats_available"], nine["deleted_at"]) == (None, START + DAY)
    assert {row["state"] for row in found["notifications"]} == {"sent"}


def test_a_deleted_file_is_made_again_with_the_same_rows_and_nothing_is_sent(
    room: Installation,
) -> None:
    before = tables(room.app)
    room.app.close()
    for file in files(room):
        file.unlink()
    assert reopened(room) == before


@pytest.mark.parametrize("garbage", [b"", b"garbage " * 2000, b"SQLite format 3\0" + b"\xff" * 99])
def test_a_damaged_file_is_made_again(room: Installation, garbage: bytes) -> None:
    before = tables(room.app)
    room.app.close()
    for file in files(room):
        file.unlink()
    (room.folder / "data/views.db").write_bytes(garbage)
    assert reopened(room) == before


@pytest.mark.parametrize(
    "damage",
    ["UPDATE following SET shape = 'roster@0'", "DELETE FROM following", "DROP TABLE following",
     "ALTER TABLE following RENAME COLUMN position TO place"],
)  # fmt: skip
def test_a_file_of_another_shape_is_made_again(room: Installation, damage: str) -> None:
    before = tables(room.app)
    room.app.close()
    connection = sqlite3.connect(room.folder / "data/views.db")
    connection.execute(damage)
    connection.execute("DELETE FROM enrollments")
    connection.commit()
    connection.close()
    assert reopened(room) == before


def test_a_file_that_cannot_be_made_again_just_now_is_made_later(room: Installation) -> None:
    """On a disk that is full, say; here a folder stands in its place."""
    rows, views = tables(room.app), room.app.views
    for file in files(room):
        file.unlink()
    views.path.mkdir()
    for _ in range(2):
        views.doubt()
        with pytest.raises(IsADirectoryError):
            views.follow()
    views.path.rmdir()
    views.catch_up()
    assert tables(room.app) == rows


def test_an_empty_database_in_place_of_the_views_is_no_view(room: Installation) -> None:
    rows, views = tables(room.app), room.app.views
    for file in files(room):
        file.unlink()
    sqlite3.connect(views.path).execute("VACUUM").connection.close()
    views.doubt()
    views.catch_up()
    assert tables(room.app) == rows


def test_views_ahead_of_a_restored_ledger_are_made_again(room: Installation) -> None:
    """A backup of the ledger is put back; the views still show what it does not know yet."""
    backup, before = sqlite3.connect(room.folder / "backup.db"), tables(room.app)
    room.app.ledger.reader().backup(backup)
    backup.close()
    room.post(enrolled(START + 9 * DAY, 80), completed(START + 9 * DAY, 80))
    room.tick(START + 9 * DAY)
    assert tables(room.app) != before
    room.app.close()
    for file in (room.folder / "data").glob("ledger.db*"):
        file.unlink()
    (room.folder / "backup.db").rename(room.folder / "data/ledger.db")
    accept(room.folder / "data/ledger.db")
    assert reopened(room) == before


def test_a_rebuild_gives_what_following_gave_and_decides_nothing(room: Installation) -> None:
    before, log = tables(room.app), log_of(room)
    reached: list[int] = []
    assert room.app.views.rebuild(reached.append) >= len(log)
    last = room.app.ledger.end()
    assert (tables(room.app), reached[-1]) == (before, last)
    assert log_of(room) == log
    assert not list((room.folder / "data").glob("views.db.new*"))
    room.post(completed(START + 10 * DAY, 78))
    room.tick(START + 10 * DAY)
    assert len(tables(room.app)["notifications"]) == 5


def test_pages_of_any_size_give_the_same_rows(
    room: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables(room.app)
    for size in (1, 2, 3, 7):
        monkeypatch.setattr(following, "EVENTS_PER_PAGE", size)
        room.app.views.rebuild()
        assert tables(room.app) == before


def test_the_same_events_again_lead_to_the_same_rows(room: Installation) -> None:
    """A projection that is told a page twice is not led astray."""
    before = tables(room.app)
    with sqlite3.connect(room.folder / "data/views.db") as connection:
        connection.execute("UPDATE following SET position = 0")
    connection.close()
    room.app.close()
    assert reopened(room) == before


class Tripping(EnrollmentViews):
    """A projection that writes its rows and then stumbles, as often as it is told to."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def project(self, connection: sqlite3.Connection, events: Sequence[LogEvent]) -> None:
        super().project(connection, events)
        assert Database(connection)["enrollments"].count > 0
        if self.times:
            self.times -= 1
            raise RuntimeError("stumbled")


def test_rows_and_position_are_one_transaction(room: Installation) -> None:
    enrollment_views = Tripping(2)
    views = Views(room.folder / "other.db", room.app.store, [enrollment_views])
    for _ in range(2):
        with pytest.raises(RuntimeError):
            views.follow()
        reader = views.reader()
        assert [table.count for table in map(reader.table, ("enrollments", "instances"))] == [0, 0]
        assert next(iter(reader["following"].rows))["position"] == views.position == 0
    views.catch_up()
    assert (
        list(views.reader()["enrollments"].rows_where(order_by="id"))
        == (tables(room.app)["enrollments"])
    )
    views.close()


def test_no_view_is_needed_to_decide(room: Installation) -> None:
    """The views lag a whole tick behind; the decisions are made all the same, and once."""
    last = room.app.views.position
    room.post(enrolled(LATER, 80), completed(LATER, 80), completed(LATER, 81))
    room.app.take(LATER)
    owed = [row for row in room.app.ledger.log(last, 99) if row[3] == "notification.owed"]
    assert (len(owed), room.app.views.position) == (2, last)


def test_at_the_end_nobody_waits_for_the_views(room: Installation) -> None:
    views, found = room.app.views, list[bool]()
    waiting = threading.Thread(target=lambda: found.append(views.wait_for(10**9, 60)))
    waiting.start()
    views.wake()
    waiting.join(10)
    assert found == [False]


def test_who_asks_for_the_end_sees_also_what_woke_nobody(room: Installation) -> None:
    ledger, views = room.app.ledger, room.app.views
    (owed,) = [row for row in ledger.log(0, 999) if row[3] == "notification.owed"][:1]
    body = AttemptStarted(at=LATER, worker="academy.example/email", until=LATER + MINUTE)
    version = room.app.store.newest([owed[1]])[owed[1]] + 1

    def follows() -> None:
        seen = ledger.commits
        asked.set()
        ledger.wait(seen, 60)
        views.catch_up()

    asked = threading.Event()
    following = threading.Thread(target=follows)
    following.start()
    asked.wait(60)
    assert room.app.store.append_unless_moved([(owed[1], version, body)], waking=False)
    assert views.reach_end(60) == 0
    following.join(60)
    assert views.position == ledger.end()


def test_who_cannot_wait_for_the_end_is_told_how_much_is_left_out(room: Installation) -> None:
    room.post(enrolled(LATER, 80))
    room.app.take(LATER)
    left = room.app.ledger.end() - room.app.views.position
    assert room.app.views.reach_end(0.0) == left > 0
