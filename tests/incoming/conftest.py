"""A ledger of each engine for what comes in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.stores import ENGINES, Opened, opened_tables


@pytest.fixture(params=ENGINES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    opened = opened_tables(request, tmp_path)
    yield opened
    opened.close()
