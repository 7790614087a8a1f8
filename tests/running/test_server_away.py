"""On PostgreSQL: a server that is away for a moment, whenever that is, ends no thread."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.incoming.intake import OFFICE
from service.ledger.postgresql.connections import SessionLost
from service.ledger.postgresql.postgres_store import PostgresStore
from service.running import Service
from service.running.worker import Worker
from tests.installation import ADA, DONE, Installation, completed
from tests.postgres import Cluster
from tests.waiting import until

LEASE_SECONDS = 0.5
EXPIRE = "UPDATE {schema}.shards SET until = '-infinity' WHERE owner <> ''"


@pytest.fixture
def desk(tmp_path: Path, postgres_address: str) -> Iterator[Installation]:
    with Installation(tmp_path, DONE, COURSEBELL_DATABASE_URL=postgres_address) as desk:
        desk.import_people([ADA])
        yield desk


@pytest.fixture
def service(desk: Installation) -> Iterator[Service]:
    service = Service(desk.app)
    yield service
    assert service.stop() == []


def away_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Callable[[], bool]:
    """Let a call find the server away; tells whether it has."""
    whole, failed = getattr(owner, name), []

    def call(*given: Any, **more: Any) -> Any:
        if not failed:
            failed.append(name)
            raise SessionLost("PostgreSQL: away")
        return whole(*given, **more)

    monkeypatch.setattr(owner, name, call)
    return lambda: bool(failed)


def works(desk: Installation, service: Service) -> None:
    """A letter is taken, and nothing is wrong any more."""
    desk.post(completed(service.clock(), 77), at=service.clock())
    until(lambda: desk.drawer(), "it is taken and told")
    until(lambda: not service.troubles and service.alive, "all is well again")


def test_who_takes_letters_goes_on(
    desk: Installation, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = away_once(monkeypatch, desk.app.letters, "page")
    service.start()
    until(away, "the server was away")
    works(desk, service)


def test_who_stands_down_does_so_and_works_again_later(
    desk: Installation,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cluster: Cluster,
    postgres_address: str,
) -> None:
    service.start()
    away = away_once(monkeypatch, desk.app, "stand_down")
    other = PostgresStore(postgres_address, tmp_path / "other")
    expire = EXPIRE.format(schema=postgres_address.rpartition("%3D")[2])

    def taken_over() -> bool:
        other.lease.release()
        cluster.execute(expire)
        return other.lease.acquire() and OFFICE in other.lease.held

    until(taken_over, "it is taken over")
    until(away, "it has lost the lease while the server was away")
    other.close()
    works(desk, service)


def test_who_lost_its_share_asks_nothing_more(
    desk: Installation, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may have the office, and asks."""
    seen: list[tuple[str, Worker]] = []

    def lost(worker: Worker) -> None:
        seen.append(("lost", worker))
        worker.threads.stopping.set()

    monkeypatch.setattr(Worker, "_look_at_shares", lost)
    monkeypatch.setattr(Worker, "_ask", lambda worker, now: seen.append(("asked", worker)))
    service.start()
    until(lambda: len(seen) > 2, "the work was given up and begun anew")
    assert all(what == "lost" for what, _ in seen)


def test_who_has_nothing_to_write_keeps_its_lease(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_address: str
) -> None:
    """Its writer may be busy for long, or have nothing to do; another has its own part only."""
    defaults = PostgresStore.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "lease_seconds", LEASE_SECONDS)
    with Installation(tmp_path, DONE, COURSEBELL_DATABASE_URL=postgres_address) as desk:
        service, other = Service(desk.app), PostgresStore(postgres_address, tmp_path / "other")
        service.start()
        until(lambda: not service.troubles, "it is at work")
        desk.app.ledger.lease.renew()
        begun = time.monotonic()
        until(
            lambda: (
                other.lease.acquire()
                and (OFFICE in other.lease.held or time.monotonic() - begun > 6 * LEASE_SECONDS)
            ),
            "several leases have passed, or somebody has taken it",
        )
        assert OFFICE not in other.lease.held and OFFICE in desk.app.ledger.lease.held
        other.close()
        assert service.stop() == []
