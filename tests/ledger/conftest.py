"""Give each test a store of each engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.ledger.stores import Open, Opened, OpenPostgres


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store again and again."""
    stores: list[Opened] = []
    here = request.param == "postgresql"
    postgres = request.getfixturevalue("postgres_address") if here else ""

    data = tmp_path / "data"

    def another() -> Opened:
        store = PostgresStore(postgres, data) if here else SqliteStore(data / "ledger.db")
        stores.append(store)
        return store

    yield another
    for store in stores:
        store.close()


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
