"""The door in a process of its own: `python -m bench.door_server MODE FOLDER`."""

import asyncio
import sys
import time
from pathlib import Path
from typing import cast

import uvicorn

from service.incoming.group_commit import GroupCommit, PendingArrival
from service.incoming.http_protocol import ImpatientProtocol
from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.incoming.verifiers import Authenticator, BasicCredentials
from service.incoming.webhook import WebhookEndpoint
from service.ledger.sqlite.sqlite_store import SqliteStore

MODES = ("kept", "forgotten", "one by one")


class NoBox:
    """Stores nothing and answers at once: the fastest that this server can be."""

    def __init__(self) -> None:
        self._n = 0

    async def post(self, _: Arrival) -> int:
        self._n += 1
        return self._n


class OneByOne(GroupCommit):
    """A commit for every letter."""

    def _gather(self) -> list[PendingArrival | None]:
        return [self._queue.get()]


def group_commit(mode: str, folder: Path) -> GroupCommit:
    """Where this mode's letters go."""
    if mode == "forgotten":
        return cast(GroupCommit, NoBox())
    letters = Letters(SqliteStore(folder / f"{mode.replace(' ', '-')}.db"))
    return OneByOne(letters) if mode == "one by one" else GroupCommit(letters)


class Announcing(uvicorn.Server):
    """Says on stdout where it listens."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup()
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


async def main(mode: str, folder: Path) -> None:
    """Serves until the process is ended."""
    keepers = {"adobe": Authenticator(BasicCredentials(("adobe", "correct horse")))}
    door = WebhookEndpoint(keepers, group_commit(mode, folder), lambda: time.time_ns() // 1_000_000)
    config = uvicorn.Config(
        door, port=0, http=ImpatientProtocol, ws="none", lifespan="off", access_log=False,
        log_level="error", server_header=False, date_header=False, backlog=2048,
    )  # fmt: skip
    await Announcing(config).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvicorn.Config(lambda: None).get_loop_factory()) as runner:
        runner.run(main(sys.argv[1], Path(sys.argv[2])))
