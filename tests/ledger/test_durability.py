"""What a letter survives, by what the server itself says."""

from pathlib import Path

import pytest

from service.ledger.postgresql.connections import durability
from service.ledger.postgresql.postgres_store import PostgresStore
from tests.postgres import HOW, Cluster, binaries
from tests.waiting import until


@pytest.mark.parametrize(
    ("asked", "words", "doubtful"),
    [
        ((False, True, 1, 0, "on"), "may be lost when the server's machine crashes", True),
        ((True, False, 0, 0, "on"), "and not the loss of its disk or a failover", False),
        ((True, True, 0, 0, "on"), "no synchronous standby is there", True),
        ((True, True, 0, 1, "on"), "pg_monitor", False),
        ((True, True, 1, 0, "on"), "survives a failover: of 1 synchronous", False),
        ((True, True, 2, 0, "remote_write"), "one has received", False),
    ],
)
def test_it_is_said_what_a_letter_survives(
    asked: tuple[bool, bool, int, int, str], words: str, doubtful: bool
) -> None:
    found = durability(*asked)
    assert words in found.words and found.doubtful == doubtful


def test_the_server_is_asked(tmp_path: Path) -> None:
    if binaries() is None:
        pytest.skip(HOW)
    server = Cluster.on_disk()
    try:
        store = PostgresStore(server.address, tmp_path)
        assert "no commit waits for a standby" in store.durability().words
        server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        server.execute("SELECT pg_reload_conf()")
        until(lambda: "no synchronous standby is there" in store.durability().words, "it waits")
        server.execute("ALTER SYSTEM RESET ALL")
        server.execute("SELECT pg_reload_conf()")
        until(lambda: not store.durability().doubtful, "it waits no more")
        store.close()
    finally:
        server.remove()
