"""A Kafka that obeys: librdkafka's own mock cluster, as a process of its own.

with MockKafka(audit=2) as kafka:            # a topic with two partitions
    kafka.refuse(OFFSET_COMMIT, 27)          # the next such request is answered with this error
    kafka.down(), kafka.up()

It has one broker, forgets everything when it ends, and drops the oldest records of a partition
beyond 5 MiB. A member that left is missed for the whole session timeout, so give a short one.
"""

import ctypes
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import pytest

ROOT = Path(__file__).parents[3]
JOIN_GROUP, OFFSET_COMMIT, HEARTBEAT, FETCH = 11, 8, 12, 1
"""Kinds of requests, as the protocol numbers them."""

POINTER, INT, SHORT, TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_int16, ctypes.c_char_p
FUNCTIONS = {
    "rd_kafka_conf_new": (POINTER, ()),
    "rd_kafka_conf_set": (INT, (POINTER, TEXT, TEXT, TEXT, ctypes.c_size_t)),
    "rd_kafka_new": (POINTER, (INT, POINTER, TEXT, ctypes.c_size_t)),
    "rd_kafka_mock_cluster_new": (POINTER, (POINTER, INT)),
    "rd_kafka_mock_cluster_bootstraps": (TEXT, (POINTER,)),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, (POINTER, ctypes.c_int32)),
    "rd_kafka_mock_topic_create": (INT, (POINTER, TEXT, INT, INT)),
    "rd_kafka_mock_topic_set_error": (None, (POINTER, TEXT, INT)),
    "rd_kafka_mock_broker_set_down": (INT, (POINTER, ctypes.c_int32)),
    "rd_kafka_mock_broker_set_up": (INT, (POINTER, ctypes.c_int32)),
    "rd_kafka_mock_push_request_errors_array": (
        None, (POINTER, SHORT, ctypes.c_size_t, ctypes.POINTER(INT)),
    ),
}  # fmt: skip
"""What is used of the library's C interface: what each function gives, and takes."""


@cache
def library() -> ctypes.CDLL | None:
    """The librdkafka that confluent-kafka brings along; None where it does not."""
    package = find_spec("confluent_kafka")
    beside = Path(package.origin or "").parents[1] if package else ROOT
    for path in beside.glob("confluent_kafka.libs/librdkafka*"):
        found = ctypes.CDLL(str(path))
        if all(hasattr(found, name) for name in FUNCTIONS):
            return found
    return None


class MockKafka:
    """The process, and how to steer it; `topics` are numbers of partitions by name."""

    def __init__(self, **topics: int) -> None:
        self._topics = [f"{name}:{partitions}" for name, partitions in topics.items()]

    def __enter__(self) -> Self:
        if library() is None:
            pytest.skip("no librdkafka with a mock cluster here; install confluent-kafka's wheel")
        command = [sys.executable, "-m", "tests.incoming.queues.kafka_mock", *self._topics]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.servers = self._hear()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def down(self) -> None:
        """The broker closes its connections and takes no more."""
        self._say("down")

    def up(self) -> None:
        """It takes connections again; it forgot nothing."""
        self._say("up")

    def add(self, topic: str, partitions: int) -> None:
        """A new topic."""
        self._say("add", topic, partitions)

    def forbid(self, topic: str, error: int) -> None:
        """Answers this when asked about a topic; 0 takes it back."""
        self._say("forbid", topic, error)

    def refuse(self, kind: int, *errors: int) -> None:
        """Answers the next requests of a kind with these errors, one each; 0 lets one pass."""
        self._say("refuse", kind, *errors)

    def _say(self, *words: object) -> None:
        assert self._process.stdin
        print(*words, file=self._process.stdin, flush=True)
        answer = self._hear()
        assert answer == "done", f"{words}: expected done, got {answer!r}"

    def _hear(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


class Cluster:
    """The cluster itself, inside its process."""

    def __init__(self) -> None:
        found = library()
        assert found
        self._library, said = found, ctypes.create_string_buffer(512)
        for name, (gives, takes) in FUNCTIONS.items():
            function = getattr(found, name)
            function.restype, function.argtypes = gives, takes
        conf = found.rd_kafka_conf_new()
        found.rd_kafka_conf_set(conf, b"log_level", b"0", said, len(said))
        client = found.rd_kafka_new(0, conf, said, len(said))
        assert client, said.value
        self._cluster = found.rd_kafka_mock_cluster_new(client, 1)
        self._call("group_initial_rebalance_delay_ms", 100)
        self.servers = self._call("cluster_bootstraps").decode()

    def down(self) -> None:
        self._call("broker_set_down", 1)

    def up(self) -> None:
        self._call("broker_set_up", 1)

    def add(self, topic: str, partitions: str) -> None:
        failed = self._call("topic_create", topic.encode(), int(partitions), 1)
        assert not failed, f"topic {topic} was not made: error {failed}"

    def forbid(self, topic: str, error: str) -> None:
        self._call("topic_set_error", topic.encode(), int(error))

    def refuse(self, kind: str, *errors: str) -> None:
        codes = (INT * len(errors))(*map(int, errors))
        self._call("push_request_errors_array", int(kind), len(errors), codes)

    def _call(self, name: str, *arguments: object) -> bytes:
        function = getattr(self._library, f"rd_kafka_mock_{name}")
        answer: bytes = function(self._cluster, *arguments)
        return answer


def say(answer: str) -> None:
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    cluster = Cluster()
    for word in sys.argv[1:]:
        cluster.add(*word.split(":"))
    say(cluster.servers)
    for line in sys.stdin:
        order, *words = line.split()
        getattr(cluster, order)(*words)
        say("done")
