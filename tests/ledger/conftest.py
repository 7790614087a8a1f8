"""Give each test a store of each engine."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from service.ledger.location import LedgerLocation
from service.ledger.postgresql.postgres_store import PostgresStore
from tests.ledger.moved import fill
from tests.ledger.stores import Open, Opened, OpenPostgres, opened_again


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store again and again."""
    yield from opened_again(request, tmp_path / "data")


@pytest.fixture
def store(opened: Open) -> Opened:
    return opened()


@pytest.fixture
def another(postgres_address: str, tmp_path: Path) -> Iterator[OpenPostgres]:
    """Opens one more store on the same schema of PostgreSQL, of one shard if not said otherwise."""
    stores: list[PostgresStore] = []

    def opens(**more: float) -> PostgresStore:
        chosen: dict[str, Any] = {"shards": 1, **more}
        stores.append(PostgresStore(postgres_address, tmp_path / "data", **chosen))
        return stores[-1]

    yield opens
    for store in stores:
        store.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("filled")).folder


@pytest.fixture
def filled(template: Path, tmp_path: Path) -> LedgerLocation:
    return LedgerLocation(Path(shutil.copytree(template, tmp_path / "data")))


@pytest.fixture
def database(postgres_address: str, tmp_path: Path) -> LedgerLocation:
    return LedgerLocation(tmp_path / "data", postgres_address)
