"""A ledger of its own for a test, and the people in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.learners.directory.people import People
from service.ledger.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def people(ledger: Ledger) -> People:
    return People(ledger)
