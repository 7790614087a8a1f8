"""A PostgreSQL of the tests' own: one private cluster a session, and an empty schema a test.

Debian's package `postgresql` has it; nothing of a cluster that runs on this machine is touched.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.lossy_wire import LossyWire
from tests.waiting import until

WHERE = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt")
TO_HAVE = "apt-get install postgresql, or put `initdb` and `postgres` on PATH"
HOW = f"no PostgreSQL here; {TO_HAVE}"
SETTINGS = {
    "fsync": "off",
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "autovacuum_naptime": "10s",
    "log_min_messages": "fatal",
}
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
WITH_US = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
"""A server whose tests were killed ends with them, where the system can do that."""

UNPRIVILEGED = ("postgres", "nobody")
_numbers = itertools.count(1)


def binaries() -> Path | None:
    """The folder of the newest server on this machine, if there is one."""
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).parent / "postgres").exists():
        return Path(on_path).resolve().parent
    found = [path.parent for folder in WHERE for path in Path(folder).glob("*/bin/initdb")]
    return max(
        found, key=lambda path: int("".join(filter(str.isdigit, str(path))) or 0), default=None
    )


class Cluster:
    """A server in a folder of its own, which is reached by a socket in it."""

    def __init__(
        self, folder: Path, binaries: Path, copy_of: "Cluster | None" = None, **settings: str
    ) -> None:
        """A new one, or a standby: it asks `primary_conninfo` for what comes after its copy."""
        self.folder = folder
        self._binaries = binaries
        self._settings = {**SETTINGS, "unix_socket_directories": str(folder), **settings}
        self.data = folder / "data"
        # Nobody may run it as root, so a test run of root gives it to somebody else.
        self._as = {}
        if os.getuid() == 0:
            user = next(name for name in UNPRIVILEGED if _is_user(name))
            shutil.chown(folder, user)
            self._as = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        if copy_of:
            self._run("pg_basebackup", "-h", copy_of.folder, "-R", "-c", "fast", "--no-sync")
        else:
            self._run("initdb", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            with (self.data / "pg_hba.conf").open("a") as file:
                file.write("host all,replication all samenet trust\n")
        self.start()

    def _run(self, command: str, *words: str | Path) -> None:
        subprocess.run(
            [self._binaries / command, "-D", self.data, "-U", "coursebell", *words],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self._as,
        )  # fmt: skip

    @classmethod
    def in_memory(cls, binaries: Path) -> "Cluster":
        """Make one where files of tests are, and start it."""
        return cls(Path(tempfile.mkdtemp(prefix="pg", dir=os.environ.get(TEMPORARY))), binaries)

    @classmethod
    def on_disk(cls, copy_of: "Cluster | None" = None, **settings: str) -> "Cluster":
        """Make one that syncs to a disk, and start it."""
        found = binaries()
        assert found, HOW
        told = {"fsync": "on", "log_min_messages": "error", **settings}
        return cls(Path(tempfile.mkdtemp(prefix="pg")), found, copy_of, **told)

    def start(self) -> None:
        told = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*WITH_US, self._binaries / "postgres", "-D", self.data, *told],
                cwd=self.folder, stdout=log, stderr=log, **self._as,
            )  # fmt: skip
        until(self._answers, "PostgreSQL answers")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast; SIGQUIT: immediate, as a crash."""
        self._process.send_signal(how)
        self._process.wait(30)

    def remove(self) -> None:
        """Stop it and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder)

    def be(self, signal_file: str) -> None:
        """Make it a standby, or whatever else a file in its folder makes of it."""
        path = self.data / signal_file
        path.touch()
        os.chown(path, self.data.stat().st_uid, -1)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def socket(self) -> Path:
        return self.folder / ".s.PGSQL.5432"

    @property
    def address(self) -> str:
        return f"postgresql://coursebell@/postgres?host={quote(str(self.folder), safe='')}"

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask as nobody in particular."""
        with psycopg.connect(self.address, autocommit=True) as session:
            cursor = session.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def schema(self) -> str:
        """The address of an empty schema."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.address}&options=-csearch_path%3D{name}"

    def through(self, wire: LossyWire, address: str) -> str:
        """The same address, by way of a wire."""
        return address.replace(self.address.partition("?")[2], wire.address)


def _is_user(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def _running() -> Iterator[Cluster]:
    found = binaries()
    if found is None:
        pytest.skip(HOW)
    running = Cluster.in_memory(found)
    yield running
    running.remove()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The server of the session."""
    yield from _running()


@pytest.fixture
def server() -> Iterator[Cluster]:
    """A server of this test's own."""
    yield from _running()


@pytest.fixture
def postgres_address(cluster: Cluster) -> str:
    """An empty schema in the session's own cluster."""
    return cluster.schema()
