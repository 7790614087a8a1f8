"""A local Service Bus namespace for the real SDK; also a process: COUNT BYTES LATENCY NAME…

It can be killed and started again with its messages, be mute, and refuse a token. It has no
sessions, filters, deferred or scheduled messages, and no TLS.
"""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Self, TypeVar

import pytest

from tests.incoming.queues.service_bus_subscription import Subscription

try:
    from tests.incoming.queues.service_bus_conversation import Conversation, House
    from tests.incoming.queues.service_bus_requests import check_token, data, value
except ImportError as error:
    pytest.skip(
        f"no Service Bus to talk to ({error}); to have one, with gcc: "
        ".venv/bin/pip install -r .ci/requirements.lock",
        allow_module_level=True,
    )

KEY = "c2VjcmV0IGtleSBvZiB0aGUgdGVzdHM="
TOPIC = "MCTEvents"
NAME = "coursebell"
LOOK_EVERY_SECONDS = 0.05
PATIENCE_SECONDS = 20

T = TypeVar("T")

__all__ = ["KEY", "NAME", "TOPIC", "Peer", "data", "value"]


class Peer:
    """A namespace on a port of this machine, on a thread of its own.

    `key` is what tokens must be signed with. What it holds is reached with `ask`.
    """

    def __init__(self, lock_seconds: float = 30.0, max_deliveries: int = 10) -> None:
        self.house = House()
        self.house.check = partial(check_token, key=KEY, topics={TOPIC.lower()})
        self.subscription = self.add(NAME, lock_seconds, max_deliveries)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="peer", daemon=True)
        self._server: asyncio.Server | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])

    def add(self, name: str, lock_seconds: float, max_deliveries: int) -> Subscription:
        """One more subscription of the topic; before the start."""
        found = Subscription(lock_seconds, max_deliveries)
        self.house.subscriptions[f"{TOPIC}/subscriptions/{name}".lower()] = found
        return found

    @property
    def connection_string(self) -> str:
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=listen;"
            f"SharedAccessKey={KEY};UseDevelopmentEmulator=true;"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def start(self) -> None:
        """Opens the port; what was there before a kill is still there."""
        self.ask_for(self._start())

    def kill(self) -> None:
        """As a process that dies: no goodbye, and nobody answers at the port."""
        self.ask_for(self._kill())

    def ask(self, question: Callable[[], T]) -> T:
        """What a question about the subscriptions gives, asked on the peer's own thread."""

        async def answer() -> T:
            return question()

        return self.ask_for(answer())

    def ask_for(self, answer: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(answer, self._loop).result(PATIENCE_SECONDS)

    def put(self, *bodies: bytes, id: object = None) -> list[int]:
        """Publishes messages with these body sections; their sequence numbers."""

        def put() -> list[int]:
            numbers = [self.subscription.put(body, id) for body in bodies]
            self.house.pump()
            return numbers

        return self.ask(put)

    def times(self, what: str, number: int | None = None) -> int:
        """How often this happened; `what` as `Subscription.history` names it."""
        return self.ask(lambda: self.subscription.times(what, number))

    def lose_locks(self) -> None:
        """Every lock is lost at once."""

        def lose() -> None:
            for token in list(self.subscription.locked):
                self.subscription.expire(token)

        self.ask(lose)

    def left(self) -> tuple[int, int, int]:
        """How many messages are ready, locked and dead."""
        kept = self.subscription
        return self.ask(lambda: (len(kept.ready), len(kept.locked), len(kept.dead)))

    async def _start(self) -> None:
        self._server = await self._loop.create_server(
            lambda: Conversation(self.house), "127.0.0.1", self.port
        )
        self._look()

    async def _kill(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._timer.cancel()
        for conversation in list(self.house.conversations):
            conversation.wire.abort()
        await asyncio.sleep(0)

    def _look(self) -> None:
        for subscription in self.house.subscriptions.values():
            subscription.expire_due()
        self.house.pump()
        self._timer = self._loop.call_later(LOOK_EVERY_SECONDS, self._look)


def main(count: int, size: int, latency: float, *names: str) -> None:
    """Fills each named subscription, says the port, and serves until it is ended."""
    peer = Peer()
    peer.house.latency = latency
    for name in names:
        subscription = peer.add(name, lock_seconds=300.0, max_deliveries=10)
        for n in range(count):
            subscription.put(data(b"%016d" % n + b"x" * (size - 16)), str(n))
    with peer:
        sys.stdout.write(f"{peer.connection_string}\n")
        sys.stdout.flush()
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])
