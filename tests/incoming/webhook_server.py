"""A door on a real port, in a thread for the tests or as a process of its own."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from socket import socket
from typing import Any

import uvicorn

from service.incoming.group_commit import GroupCommit
from service.incoming.http_protocol import (
    CONNECTIONS,
    ImpatientProtocol,
    LastAnswersServer,
    Strangers,
)
from service.incoming.letters import Letters
from service.incoming.verifiers import (
    Authenticator,
    BasicCredentials,
    BearerToken,
    HmacSignature,
)
from service.incoming.webhook import SHARE_BYTES, WebhookEndpoint
from service.ledger.sqlite.sqlite_store import SqliteStore

ADA = ("ada", "correct horse: ä")
KEEPERS = {
    "adobe": Authenticator(BasicCredentials(ADA)),
    "signed": Authenticator(HmacSignature("X-Signature", ["old", "new"], prefix="sha256=")),
    "either": Authenticator(BearerToken("token"), HmacSignature("X-Signature", ["key"])),
    "open": Authenticator(is_open=True),
    "closed": Authenticator(),
}


@dataclass
class Served:
    """A running door: its address and its ledger."""

    address: tuple[str, int]
    ledger: SqliteStore
    letters: Letters
    server: "Announcing"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(*self.address, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            answer: HTTPResponse = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()


class Announcing(LastAnswersServer):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self.port = 0

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.port = self.servers[0].sockets[0].getsockname()[1]
        self.listening.set()
        sys.stdout.write(f"{self.port}\n")
        sys.stdout.flush()


def server(
    letters: Letters,
    head_seconds: float = 10.0,
    receive_seconds: float = 10.0,
    commit_seconds: float = 4.0,
    share_bytes: int = SHARE_BYTES,
    connections: int = CONNECTIONS,
    unread_seconds: float = 30.0,
) -> tuple[Announcing, GroupCommit]:
    class Protocol(ImpatientProtocol):
        pass

    Protocol.head_seconds = head_seconds
    Protocol.unread_seconds = unread_seconds
    Protocol.strangers = Strangers(connections)
    group_commit = GroupCommit(letters, commit_seconds=commit_seconds)
    door = WebhookEndpoint(
        KEEPERS,
        group_commit,
        lambda: time.time_ns() // 10**6,
        receive_seconds=receive_seconds,
        share_bytes=share_bytes,
    )
    config = uvicorn.Config(
        door,
        port=0,
        http=Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="error",
        backlog=2048,
    )
    return Announcing(config), group_commit


@contextmanager
def served(
    folder: Path,
    **options: Any,
) -> Iterator[Served]:
    """A door with the options of `server`."""
    ledger = SqliteStore(folder / "ledger.db")
    letters = Letters(ledger)
    running, group_commit = server(letters, **options)
    thread = threading.Thread(target=running.run)
    thread.start()
    assert running.listening.wait(30)
    try:
        yield Served(("127.0.0.1", running.port), ledger, letters, running)
    finally:
        running.should_exit = True
        thread.join()
        group_commit.close()
        ledger.close()


if __name__ == "__main__":
    server(Letters(SqliteStore(Path(sys.argv[1]))))[0].run()
