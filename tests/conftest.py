"""Give every test one zone, UTC, and files in memory where there is room.

Nobody pulls the plug of memory: what a sync to a disk is worth is proved where the power is cut,
in `tests/reliability/`.
"""

import gc
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli.output import csv_import
from tests.campaigns import WHOLE

pytest_plugins = ["tests.postgres", "tests.engines"]

MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3

os.environ["TZ"] = "UTC"
time.tzset()
# Nobody outside is spoken to over TLS, and reading whom the system trusts is half of opening a way.
os.environ.setdefault("SSL_CERT_FILE", os.devnull)
csv_import.STILL_SECONDS = 0.01  # no test writes to a file while it imports it, but one


def pytest_configure(config: pytest.Config) -> None:
    """Point pytest's temporary folders at memory unless somebody chose a place."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Let nobody look for garbage among the tests themselves: they stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has no sample."""
    left = [] if WHOLE else [each for each in items if each.get_closest_marker("whole")]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [each for each in items if each not in left]


@pytest.fixture
def in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Move the terminal to Vienna for one test."""
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
