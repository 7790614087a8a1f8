"""On PostgreSQL `coursebell fsck` looks at shards and at parts of letters, and says what to do."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from service.cli import main
from service.incoming import parts_check
from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.store import Append, Reached
from tests.installation import DONE, START, Installation, completed
from tests.waiting import until

pytestmark = pytest.mark.of_files

LETTERS = 4
PART = "INSERT INTO parts (n, shard, events) VALUES ({}, 3, '[]')"


@pytest.fixture
def ledger(tmp_path: Path, postgres_address: str) -> str:
    """One with letters that wait, and nobody at work."""
    with Installation(tmp_path, DONE, COURSEBELL_DATABASE_URL=postgres_address) as here:
        for n in range(LETTERS):
            here.post(completed(START, n))
    return postgres_address


def change(address: str, sql: str) -> None:
    with psycopg.connect(address) as session:
        session.execute(sql)


def damage(folder: Path, address: str) -> list[str]:
    """What it says is wrong; with nothing it ends well."""
    environ = {"COURSEBELL_DATABASE_URL": address}
    words = ["fsck", "--json", "--data", str(folder / "desk")]
    done = CliRunner().invoke(main, words, env=environ)
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == bool(found["damage"]), done.output
    return list(found["damage"])


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (PART.format(2), ""),
        (PART.format(99), "parts of 1 letters, and no such letter: letters were lost; go back"),
        (
            f"{PART.format(2)}; DELETE FROM waiting WHERE n = 2; "
            "INSERT INTO taken VALUES (2, 0, 'taken', '[]')",
            "parts of 1 letters that should wait and do not: they are of no use, and go when",
        ),
        ("UPDATE shards SET upto = 5 WHERE shard = 7", "1 shards beyond the last letter: letters"),
        ("UPDATE shards SET again = 1 WHERE shard < 3", "3 shards beyond the last letter: letters"),
        ("UPDATE shards SET upto = 4 WHERE shard < 16", ""),
        ("DELETE FROM shards WHERE shard IN (0, 9)", "PostgreSQL: 2 shards missing; stop all who"),
        ("DELETE FROM shards WHERE shard < 16", "PostgreSQL: 1 shards missing; stop all who work"),
    ],
)  # fmt: skip
def test_each_that_is_wrong_is_said_with_what_to_do(
    tmp_path: Path, ledger: str, sql: str, words: str
) -> None:
    assert damage(tmp_path, ledger) == []
    change(ledger, sql)
    found = damage(tmp_path, ledger)
    assert [each[: len(words)] for each in found] == ([words] if words else [])


def test_parts_that_wait_no_more_are_gone_when_the_work_has_started_again(
    tmp_path: Path, ledger: str
) -> None:
    change(ledger, f"{PART.format(1)}; {PART.format(2)}; DELETE FROM waiting WHERE n = 2")
    change(ledger, "INSERT INTO taken VALUES (2, 0, 'taken', '[]')")
    assert len(damage(tmp_path, ledger)) == 1
    with Installation(tmp_path, DONE, COURSEBELL_DATABASE_URL=ledger) as here:
        assert damage(tmp_path, ledger) == []
        kept = here.app.ledger.reader().execute("SELECT n FROM parts").fetchall()
        assert [n for (n,) in kept] == [1], "what waits is not touched"


def asleep(address: str, folder: Path) -> PostgresStore:
    """Somebody who has the office, and does nothing."""
    found = PostgresStore(address, folder / "asleep")
    until(lambda: found.lease.acquire() and len(found.lease.held) == 16, "it has them all")
    return found


def test_what_all_have_passed_and_nobody_puts_together_is_said(
    tmp_path: Path, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_check, "PUT_TOGETHER_SECONDS", 0.0)
    with closing(asleep(ledger, tmp_path)) as worker:
        worker.lease.append(Append(passed=Reached(3)))
        assert [each[:26] for each in damage(tmp_path, ledger)] == ["3 letters not put together"]
    until(lambda: damage(tmp_path, ledger) == [], "who starts next does it")


def test_what_is_put_together_just_now_is_waited_for(
    tmp_path: Path, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others have come in that all have passed by now."""
    looks: list[int] = []

    def at_work(_: float) -> None:
        looks.append(1)
        change(ledger, "DELETE FROM waiting WHERE n <= 3")
        change(ledger, "INSERT INTO taken SELECT n, 0, 'taken', '[]' FROM generate_series(1, 3) n")
        worker.lease.append(Append(passed=Reached(4)))

    monkeypatch.setattr(parts_check, "sleep", at_work)
    with closing(asleep(ledger, tmp_path)) as worker:
        worker.lease.append(Append(passed=Reached(3)))
        assert damage(tmp_path, ledger) == [] and len(looks) == 1
