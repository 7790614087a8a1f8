"""Damage to the files of a real service is noticed: what is lost is said, views are made anew."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installation import DONE, START, completed
from tests.real_service import RealService
from tests.waiting import until

LETTERS = 12


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RealService]:
    """Twelve letters were acknowledged and taken; views have followed."""
    with RealService(tmp_path, DONE) as running:
        for n in range(LETTERS):
            assert running.post(completed(START + n, n)).status == 202
        assert running.letter(LETTERS)
        until(lambda: listed(running) == LETTERS, "the views have followed")
        yield running


def listed(service: RealService) -> int:
    answer = service.call("GET", "/api/v1/enrollments?limit=500")
    return len(answer.json["items"]) if answer.status == 200 else -1


def refused(service: RealService) -> str:
    """What a start says that does not come to anything."""
    done = service.command("run", "--port", "0")
    assert done.returncode == 2
    return done.stderr


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    """One bit in the middle of what was written last."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def noise(file: Path) -> None:
    content = file.read_bytes()
    half = len(content) // 2
    file.write_bytes(content[:half] + os.urandom(len(content) - half))


def replaced_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink, noise])
@pytest.mark.parametrize("witness", ["ledger.mark", "views.db"])
def test_a_ledger_that_lost_its_last_commits_is_not_gone_on_with(
    service: RealService, damage: Callable[[Path], None], witness: str
) -> None:
    """The mark is enough, and so are the views."""
    service.kill()
    log = service.data / "ledger.db-wal"
    damage(log)
    for other in service.data.glob("views.db*" if witness == "ledger.mark" else "ledger.mark"):
        other.unlink()
    left = log.read_bytes() if log.exists() else None

    assert f"letter {LETTERS} was on disk ({witness})" in refused(service)
    checked = service.command("fsck", "--json")
    assert checked.returncode == 1
    (said,) = json.loads(checked.stdout)["damage"]
    assert f"letter {LETTERS} was on disk ({witness})" in said
    assert "run `coursebell fsck --accept-loss`" in said
    assert (log.read_bytes() if log.exists() else None) == left

    assert service.command("fsck", "--accept-loss").returncode == 0
    service.start()
    until(lambda: listed(service) >= 0, "the lists answer")
    assert service.post(completed(START, 99)).status == 202


def test_a_ledger_that_is_gone_is_no_new_one(service: RealService) -> None:
    service.kill()
    for file in service.data.glob("ledger.db*"):
        file.unlink()
    assert f"letter {LETTERS} was on disk" in refused(service)
    assert not (service.data / "ledger.db").exists()


def test_a_loss_is_not_accepted_under_a_running_service(service: RealService) -> None:
    refused = service.command("fsck", "--accept-loss")
    assert refused.returncode == 2 and "stop that one first" in refused.stderr
    assert (service.data / "ledger.mark").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 256, b"[]", b'{"letters.n": "x"}', b'{"\xff": 1}']
)
def test_a_mark_that_cannot_be_read_keeps_nobody_out(service: RealService, content: bytes) -> None:
    service.kill()
    (service.data / "ledger.mark").write_bytes(content)
    service.start()
    assert service.command("fsck").returncode == 0
    known = json.loads((service.data / "ledger.mark").read_bytes())
    assert known["letters.n"] == LETTERS


def test_the_mark_is_never_ahead(service: RealService) -> None:
    for n in range(20):
        service.post(completed(START + n, 100 + n))
        known = json.loads((service.data / "ledger.mark").read_bytes())
        with sqlite3.connect(service.data / "ledger.db") as ledger:
            ends = ledger.execute(
                "SELECT (SELECT MAX(n) FROM letters), MAX(notification_id) FROM stored_events"
            ).fetchone()
        assert (known["letters.n"], known["stored_events.notification_id"]) <= ends
        assert known["letters.n"] == LETTERS + n + 1


@pytest.mark.parametrize("file", ["views.db", "views.db-wal"])
@pytest.mark.parametrize("damage", [cut, noise, Path.unlink, lambda file: os.truncate(file, 0)])
def test_views_damaged_at_rest_are_made_anew(
    service: RealService, file: str, damage: Callable[[Path], None]
) -> None:
    service.kill()
    damage(service.data / file)
    service.start()
    until(lambda: listed(service) == LETTERS, "the lists are whole")
    assert service.get("/readyz")


@pytest.mark.parametrize("file", ["views.db", "views.db-wal"])
@pytest.mark.parametrize("damage", [cut, noise, Path.unlink, lambda file: os.truncate(file, 0)])
def test_views_damaged_under_a_running_service_are_made_anew(
    service: RealService, file: str, damage: Callable[[Path], None]
) -> None:
    damage(service.data / file)
    assert service.call("GET", "/metrics").status in (200, 503)
    until(lambda: listed(service) == LETTERS, "the lists are whole")
    assert service.post(completed(START, 99)).status == 202
    until(lambda: listed(service) == LETTERS + 1, "and go on", 20)
    service.stop()
    service.start()
    until(lambda: listed(service) == LETTERS + 1, "the lists are whole after a restart", 20)


def test_views_that_lack_a_table_or_an_index_are_made_anew(service: RealService) -> None:
    for statement in ("DROP TABLE notifications", "DROP INDEX notifications_due"):
        service.kill()
        with sqlite3.connect(service.data / "views.db") as views:
            views.execute(statement)
        views.close()
        service.start()
        service.notifications(lambda found: len(found) == LETTERS, "the lists are whole")


def test_a_folder_in_place_of_the_views_is_named(service: RealService) -> None:
    service.kill()
    replaced_by_a_folder(service.data / "views.db")
    assert "views.db: expected a file, found a folder" in refused(service)
    (service.data / "views.db").rmdir()
    service.start()
    until(lambda: listed(service) == LETTERS, "the lists are whole")


def altered(data: Path, table: str, column: str) -> None:
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute(f"ALTER TABLE {table} {column}")
    ledger.close()


@pytest.mark.parametrize("table", ["letters", "waiting", "imported", "taken", "set_aside"])
def test_a_column_of_a_newer_program_is_left_alone(service: RealService, table: str) -> None:
    service.stop()
    altered(service.data, table, "ADD COLUMN wing TEXT")
    service.start()
    assert service.post(completed(START, 99), {"eventName": "odd"}).status == 202
    assert service.letter(LETTERS + 1)["state"] == "set_aside"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("RENAME COLUMN body TO content", "the table letters has no column body"),
        ("ADD COLUMN wing TEXT NOT NULL DEFAULT ''", ""),
    ],
)
def test_a_column_that_keeps_letters_out_is_named_at_the_start(
    service: RealService, change: str, problem: str
) -> None:
    service.stop()
    altered(service.data, "letters", change)
    if problem:
        assert problem in refused(service)
    else:
        service.start()
        assert service.post(completed(START, 99)).status == 202


def test_a_ledger_that_no_service_ran_on_is_whole(tmp_path: Path) -> None:
    service = RealService(tmp_path, DONE)
    service.import_people("id,name,email\n77,Ada,ada@example.org\n")
    checked = service.command("fsck")
    assert checked.returncode == 0 and "0 accepted" in checked.stdout
