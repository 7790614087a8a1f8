"""A ledger of its own for a test, and the people in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.learners.directory.people import People
from tests.learners.writer_with_rules import Desk
from tests.ledger.stores import ENGINES, Opened, opened_tables


@pytest.fixture(params=ENGINES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """A ledger of each engine, of which this process decides."""
    opened = opened_tables(request, tmp_path)
    assert opened.lease.acquire()
    yield opened
    opened.close()


@pytest.fixture
def desk(ledger: Opened) -> Desk:
    return Desk(ledger)


@pytest.fixture
def people(ledger: Opened) -> People:
    return People(ledger)
