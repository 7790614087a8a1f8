"""`coursebell status` on PostgreSQL says who has which shards, and what nobody has."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.cli.output import shards as shards_page
from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.store import Append, Reached
from tests.cli.serving import Machines, Serving
from tests.installation import DONE, START, Installation, body, completed
from tests.waiting import until

pytestmark = pytest.mark.of_files

HOST = socket.gethostname()
FREEZE = """
UPDATE shards SET until = '-infinity' WHERE owner = (SELECT owner FROM shards WHERE shard = %s)
"""


@contextmanager
def two_at_work(folder: Path, address: str) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Two who have eight shards each, and take nothing; the ledger has what a start leaves."""
    with Installation(folder, DONE, COURSEBELL_DATABASE_URL=address):
        pass
    one, two = PostgresStore(address, folder / "one"), PostgresStore(address, folder / "two")
    until(
        lambda: one.lease.acquire() and len(one.lease.held) == 16, "nobody else is there any more"
    )
    assert not two.lease.acquire()
    assert one.lease.acquire() and two.lease.acquire()
    yield one, two
    one.close()
    two.close()


def status(folder: Path, address: str, *words: str) -> Result:
    environ = {"COURSEBELL_DATABASE_URL": address, "COURSEBELL_RULES": str(folder / "rules.yaml")}
    told = ["status", "--data", str(folder / "desk"), *words]
    return CliRunner().invoke(main, told, env={**environ, "COLUMNS": "80"})


def shown(folder: Path, address: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(status(folder, address, "--json").stdout)
    return found


def test_it_says_who_has_how_many_and_how_far_the_slowest_is(
    tmp_path: Path, postgres_address: str
) -> None:
    with two_at_work(tmp_path, postgres_address) as (one, two):
        letters = [Arrival("adobe", START, {}, body(completed(START, n))) for n in range(5)]
        Letters(one).keep(letters)
        two.lease.append(Append(passed=Reached(5)))
        one.lease.append(Append(passed=Reached(2)))
        found = shown(tmp_path, postgres_address)
        done = status(tmp_path, postgres_address)
    each = {"host": HOST, "pid": os.getpid(), "shards": 8}
    workers = [{**each, "office": has} for has in (False, True)]
    assert sorted(found["shards"].pop("workers"), key=str) == sorted(workers, key=str)
    assert found["shards"] == {"total": 16, "unheld": 0, "behind": 3}
    assert "shards         16 of 16 held; the slowest is 3 letters behind\n" in done.stdout
    assert (
        f"at work        process {os.getpid()} on {HOST}: 8 shards, and the office\n" in done.stdout
    )
    assert "shards" not in " ".join(found["look_at"])


@pytest.mark.parametrize(
    ("first", "words"),
    [(8, "their learners wait; look"), (0, "wait, and with them sending; look")],
)
def test_shards_that_nobody_has_are_to_be_looked_at(
    tmp_path: Path,
    postgres_address: str,
    monkeypatch: pytest.MonkeyPatch,
    first: int,
    words: str,
) -> None:
    monkeypatch.setattr(shards_page, "HANDED_OVER_SECONDS", 0.0)
    with two_at_work(tmp_path, postgres_address):
        with psycopg.connect(postgres_address) as session:
            session.execute(FREEZE, (first,))
        found = shown(tmp_path, postgres_address)
        done = status(tmp_path, postgres_address)
    (said,) = [each for each in found["look_at"] if "shards" in each]
    assert said.startswith("8 of 16 shards are held by nobody who lives") and words in said
    assert (found["running"], done.exit_code) == (True, 1)
    assert "shards         8 of 16 held" in done.stdout


def test_shards_that_are_handed_over_just_now_are_waited_for(
    tmp_path: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_at_work(tmp_path, postgres_address) as (one, two):
        two.close()
        until(lambda: one.sharing().unheld, "it has ended")
        monkeypatch.setattr(shards_page, "sleep", lambda _: one.lease.acquire())
        found = shown(tmp_path, postgres_address)
    assert found["shards"]["unheld"] == 0
    assert [each["shards"] for each in found["shards"]["workers"]] == [16]


def test_when_nobody_works_that_is_all_there_is_to_say(
    tmp_path: Path, postgres_address: str
) -> None:
    with Installation(tmp_path, DONE, COURSEBELL_DATABASE_URL=postgres_address):
        pass
    until(lambda: not shown(tmp_path, postgres_address)["shards"]["workers"], "it has ended")
    found = shown(tmp_path, postgres_address)
    assert (found["running"], found["shards"]["unheld"]) == (False, 16)
    assert "shards" not in " ".join(found["look_at"])


def at_work(door: Serving) -> list[dict[str, Any]]:
    found = json.loads(door.command("status", "--json").stdout)
    return list(found["shards"]["workers"])


def test_work_on_two_machines_is_shared_by_halves(machines: Machines) -> None:
    """As the service does it by itself."""

    def is_shared() -> bool:
        return sorted(each["shards"] for each in at_work(door)) == [8, 8]

    with machines.serving("door") as door, machines.working("one"), machines.working("two"):
        until(is_shared, "they share")
        words, numbers = door.command("status").stdout, door.numbers()
        offices = [each["office"] for each in at_work(door)]
    assert sorted(offices) == [False, True] and words.count("8 shards") == 2
    assert numbers['coursebell_shards{state="held"}'] == 16
    assert (numbers["coursebell_workers"], numbers["coursebell_shards_lag_letters"]) == (2, 0)


def test_on_sqlite_there_is_nothing_to_share(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE):
        done = CliRunner().invoke(main, ["status", "--json", "--data", str(tmp_path / "data")])
    assert json.loads(done.stdout)["shards"] is None
