"""Give each test a store of each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.ledger.ledger import Ledger
from service.ledger.postgresql.postgres_store import PostgresStore
from tests.ledger.stores import Open, Opened


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store again and again."""
    stores: list[Opened] = []
    here = request.param == "postgresql"
    postgres = request.getfixturevalue("postgres_address") if here else ""

    def another() -> Opened:
        store = PostgresStore(postgres) if here else Ledger(tmp_path / "data" / "ledger.db")
        stores.append(store)
        return store

    yield another
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Open) -> Opened:
    return opened()
