"""Samples of a running service: what the kernel says of its process, and how big its files are."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

PROC = Path("/proc")


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen in one moment; memory in KiB, files in bytes, `door` are p50 and p99 in ms.

    `ledger` and `views` are what the databases hold, also of what is in their write-ahead logs
    still; `write_ahead` is how big the files of these are.
    """

    second: float
    events: int
    mails: int
    resident: int
    anonymous: int
    threads: int
    descriptors: int
    ledger: int
    views: int
    write_ahead: int
    door: tuple[float, float]


class Sampler:
    """Looks at one process and its data folder, without asking the service for anything."""

    def __init__(self, pid: int, data: Path) -> None:
        self._process = PROC / str(pid)
        self._data = data

    def sample(self, second: float, events: int, mails: int, door: tuple[float, float]) -> Sample:
        """Looks now; what came so far is told by the caller."""
        status = dict(re.findall(r"(\w+):\s+(\d+)", (self._process / "status").read_text()))
        return Sample(
            second=second, events=events, mails=mails, door=door,
            resident=int(status["VmRSS"]), anonymous=int(status["RssAnon"]),
            threads=int(status["Threads"]),
            descriptors=len(list((self._process / "fd").iterdir())),
            ledger=content(self._data / "ledger.db"), views=content(self._data / "views.db"),
            write_ahead=sum(path.stat().st_size for path in self._data.glob("*.db-wal")),
        )  # fmt: skip


def content(path: Path) -> int:
    """How many bytes a database holds, its write-ahead log included; it may be in use."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
        size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return pages * size


def lacks() -> str | None:
    """What a sample needs and this machine has not."""
    return None if (PROC / "self/status").exists() else "needs /proc, as on Linux; found none"
