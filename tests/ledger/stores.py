"""Open a store of either engine, as another process would, and say in one word what is in it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError

from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.postgresql.transactions import FEW
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import Append, Row

Opened = Any
"""A `Store` of one engine or the other."""

Open = Callable[[], Opened]
"""Opens the same store again and again, as by another process each time."""

OpenPostgres = Callable[..., PostgresStore]

ENGINES = ("sqlite", "postgresql")
BOTH_WAYS = pytest.mark.parametrize("more", [0, FEW], ids=["in one packet", "copied"])
"""On PostgreSQL few rows are inserted and many are copied."""


def row(stream: str, version: int = 1, state: bytes = b"{}", topic: str = "a.topic") -> Row:
    return stream, version, topic, state


def padding(more: int, name: str = "pad") -> list[Row]:
    return [row(f"{name}{n}") for n in range(more)]


def kept(store: Opened, limit: int = 9_999) -> list[tuple[str, int]]:
    return [(stream, version) for _, stream, version, *_ in store.log(0, limit)]


def refused(store: Opened, **what: Any) -> bool:
    """Whether somebody else was quicker."""
    try:
        store.append(Append(**what))
    except IntegrityError:
        return True
    return False


def opened_tables(request: pytest.FixtureRequest, folder: Path) -> Opened:
    """A store for what wings keep in tables of their own, of the engine that is asked for."""
    if request.param == "sqlite":
        return SqliteStore(folder / "ledger.db")
    return PostgresStore(request.getfixturevalue("postgres_address"), folder)


def opened_again(request: pytest.FixtureRequest, data: Path) -> Iterator[Open]:
    """Opens the same store again and again, of the engine that is asked for; closes each."""
    stores: list[Opened] = []
    here = request.param == "postgresql"
    address = request.getfixturevalue("postgres_address") if here else ""

    def another() -> Opened:
        store = PostgresStore(address, data) if here else SqliteStore(data / "ledger.db")
        stores.append(store)
        return store

    yield another
    for store in stores:
        store.close()
