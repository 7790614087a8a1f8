"""Run a test on SQLite and on PostgreSQL: `[sqlite]` and `[postgresql]`.

What is marked `both_engines` does, by its file or by itself, and what is of commands or of `ops/`
unless it is `of_files`; on PostgreSQL only in `make faults`, unless `always`. Services,
installations and commands ask here where the ledger of a data folder is.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from service.ledger.location import LedgerLocation
from service.ledger.store import Store
from tests.campaigns import WHOLE, campaign
from tests.postgres import Cluster

OF_COMMANDS = {"cli", "ops"}
DATABASE_URL, SECRET_KEY = "COURSEBELL_DATABASE_URL", "COURSEBELL_SECRET_KEY"
KEY = "0123456789abcdef" * 2


class Databases:
    """Give each data folder a ledger of its own; the first one's is that of the environment."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._cluster = cluster
        self._of: dict[Path, str] = {}
        self.first = cluster.schema() if cluster else None

    def url(self, data: Path) -> str | None:
        """The database of a data folder; None for a file in it."""
        if self._cluster is None or self.first is None:
            return None
        data = data.absolute()
        if data not in self._of:
            self._of[data] = self._cluster.schema() if self._of else self.first
        return self._of[data]


class _Test:
    """The test that runs."""

    databases = Databases()


def ledger_environ(data: Path) -> dict[str, str]:
    """What leads to the ledger of a data folder, beside the folder."""
    url = _Test.databases.url(data)
    return {DATABASE_URL: url, SECRET_KEY: KEY} if url else {}


def opened(data: Path) -> Store:
    """Open the ledger of a data folder."""
    return LedgerLocation(data, _Test.databases.url(data)).open()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both engines what is to be."""
    here = metafunc.definition
    marker = here.get_closest_marker("both_engines")
    if marker or (here.path.parent.name in OF_COMMANDS and not here.get_closest_marker("of_files")):
        always = marker and marker.kwargs.get("always")
        there = [pytest.param("postgresql", marks=() if always else campaign)]
        engines = ["sqlite", *(there if WHOLE or always else ())]
        metafunc.parametrize("engine", engines, indirect=True)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let this test have its ledgers there, and what its other fixtures run."""
    chosen: str = getattr(request, "param", "sqlite")
    with pytest.MonkeyPatch.context() as patch:
        if chosen == "postgresql":
            _Test.databases = Databases(request.getfixturevalue("cluster"))
            lead_there(patch)
        yield chosen
    _Test.databases = Databases()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Lead commands of this process there as well; fixtures may have cleared the environment."""
    with pytest.MonkeyPatch.context() as patch:
        lead_there(patch)
        yield


def lead_there(patch: pytest.MonkeyPatch) -> None:
    """Let commands of this process find the ledger of this test."""
    if first := _Test.databases.first:
        patch.setenv(DATABASE_URL, first)
        patch.setenv(SECRET_KEY, KEY)


def with_ledger(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of a command that is run in a folder."""
    if DATABASE_URL in environ:
        return {**environ}
    return {**ledger_environ(folder / environ.get("COURSEBELL_DATA", "data")), **environ}
