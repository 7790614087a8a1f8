"""A PostgreSQL of the bench's own, which flushes at each commit."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres import Cluster


@contextmanager
def running() -> Iterator[Cluster]:
    """A server in a folder on disk; one that runs on this machine is left alone."""
    cluster = Cluster.on_disk(shared_buffers="512MB", max_wal_size="4GB")
    try:
        yield cluster
    finally:
        cluster.remove()
