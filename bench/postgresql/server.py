"""A PostgreSQL of the bench's own, which flushes at each commit."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import SETTINGS, Cluster, binaries

DURABLE = {**SETTINGS, "fsync": "on", "shared_buffers": "512MB", "max_wal_size": "4GB"}


@contextmanager
def running() -> Iterator[Cluster]:
    """A server in a folder on disk; one that runs on this machine is left alone."""
    found = binaries()
    assert found
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="coursebell-pg-")), found, **DURABLE)
    try:
        yield cluster
    finally:
        cluster.remove()
