"""`coursebell status`: one screen, for a service that runs or not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines import DATABASE_URL
from tests.installation import DONE, START, Installation, completed, event
from tests.postgres import Cluster
from tests.real_service import RealService
from tests.waiting import until


@pytest.fixture
def here(tmp_path: Path) -> RealService:
    return RealService(tmp_path, DONE)


@pytest.fixture
def safe(tmp_path: Path, engine: str) -> Iterator[RealService]:
    """One whose ledger outlives a crash: status asks for it, and most tests do not have it."""
    server = Cluster.on_disk() if engine == "postgresql" else None
    yield RealService(tmp_path, DONE, **({DATABASE_URL: server.schema()} if server else {}))
    if server:
        server.remove()


def shown(here: RealService) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(here.command("status", "--json").stdout)
    return found


def test_a_service_that_works_is_nothing_to_look_at(safe: RealService) -> None:
    with safe:
        safe.post(completed(START, 77), event("NEVER_HEARD", START))
        safe.letter(1)
        done = until(lambda: (d := safe.command("status")).returncode == 0 and d, "it is well")
        found = shown(safe)

    assert done.stdout.endswith("\nnothing to look at\n")
    assert "feed           adobe: last letter" in done.stdout
    assert "channel        email: works; 0 due" in done.stdout
    assert (found["running"], found["look_at"]) == (True, [])
    assert found["letters"]["accepted"] == found["letters"]["set_aside"] == 1
    assert found["unaccounted"] == {"letters": 0, "notifications": 0}
    assert [each["name"] for each in found["channels"]] == ["email", "room"]


def test_a_service_that_does_not_run_is_to_be_looked_at(here: RealService) -> None:
    with here:
        here.stop()
        done = here.command("status")

    assert done.returncode == 1
    assert "look at  the service is not running; start it with `coursebell run`" in done.stdout


def test_what_the_running_service_finds_wrong_is_to_be_looked_at(safe: RealService) -> None:
    good = safe.rules.read_text()
    with safe:
        until(lambda: safe.command("status").returncode == 0, "it is well")
        safe.rules.write_text(good.replace("notify:", "notfy:"))
        done = until(lambda: (d := safe.command("status")).returncode and d, "it is to be seen")
        found = shown(safe)
        safe.rules.write_text(good)
        until(lambda: safe.command("status").returncode == 0, "it is well again")
        safe.stop()

    assert "look at  rules: rules.yaml:" in done.stdout
    assert found["look_at"] == [f"rules: {found['troubles']['rules']}"]
    assert not (safe.data / "seen.json").exists()


def test_letters_that_nobody_takes_are_to_be_looked_at(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.post(completed(START, 77), at=1_700_000_000_000)
    service = RealService(tmp_path, DONE)

    assert "a letter has been waiting for" in shown(service)["look_at"][-1]


def test_every_state_in_which_a_notification_is_gets_its_count(here: RealService) -> None:
    with here:
        here.import_people("internalUserID,userEmail,state\n77,ada@example.org,DELETED\n")
        here.post(completed(START, 77))
        until(lambda: shown(here)["notifications"]["suppressed"], "nobody writes to who has left")
        words = here.command("status").stdout
    assert "notifications  1 suppressed\n" in words


@pytest.mark.of_files
def test_no_installation_is_no_empty_one(here: RealService) -> None:
    done = here.command("status")
    assert done.returncode == 2
    assert "expected ledger.db" in done.stderr
