"""Many strangers at once have their own share of everything, and honest senders keep theirs."""

import asyncio
import hmac
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import uvicorn
import webhook_server
from starlette.types import Receive, Scope, Send
from test_webhook_answers import BASIC, JSON, LETTER, head
from test_webhook_patience import flood, said_until_closed
from webhook_server import Announcing, Served, served

from service.incoming.http_protocol import HEADERS, PIPELINED, ImpatientProtocol, Strangers
from tests.metrics import peak_memory
from tests.waiting import until

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MADE_UP = (
    b"POST /webhooks/signed HTTP/1.1\r\nX-Signature: sha256=" + b"00" * 32
    + b"\r\nContent-Length: 1000\r\n\r\n" + b"x" * 900
)  # fmt: skip


def known(door: Served, body: bytes = LETTER) -> int:
    """The answer to a sender who is known by the head."""
    return door.ask("POST", "/webhooks/adobe", body, JSON | BASIC)[0]


def signed(door: Served, body: bytes) -> int:
    """The answer to a sender who is known once the body is here, in two pieces."""
    signature = hmac.digest(b"new", body, "sha256").hex()
    asked = f"POST /webhooks/signed HTTP/1.1\r\nX-Signature: sha256={signature}\r\n"
    with socket.create_connection(door.address, timeout=30) as connection:
        connection.sendall(f"{asked}Content-Length: {len(body)}\r\n\r\n".encode() + body[:100])
        connection.sendall(body[100:])
        return int(connection.recv(65536).split()[1])


@contextmanager
def opened(door: Served, times: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections that stay open, each with something sent."""
    with ExitStack() as stack:
        found = []
        for _ in range(times):
            connection = socket.create_connection(door.address, timeout=30)
            found.append(stack.enter_context(connection))
            connection.sendall(sent)
        yield found


def test_made_up_signatures_use_up_the_memory_of_nobody_else(tmp_path: Path) -> None:
    with served(tmp_path, share_bytes=2_000) as door, opened(door, 3, MADE_UP) as strangers:
        assert strangers[0].recv(65536).startswith(b"HTTP/1.1 503 ")

        for n in range(1, 20):
            assert signed(door, b"[%d]" % n + b" " * 900) == 202
            assert known(door, b"[%d]" % n + b" " * 1900) == 202


def test_a_body_that_alone_is_more_than_the_share_is_told_to_come_again(tmp_path: Path) -> None:
    with served(tmp_path, share_bytes=200) as door, opened(door, 1, MADE_UP) as (alone,):
        answer = alone.recv(65536)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5" in answer


@pytest.mark.parametrize(
    "sent", [b"", b"POST /webhooks/adobe HTTP/1.1\r\n", HEALTH, MADE_UP[:-500], MADE_UP]
)
def test_strangers_have_so_many_connections(tmp_path: Path, sent: bytes) -> None:
    with (
        served(tmp_path, connections=20) as door,
        opened(door, 1, head("Content-Length: 2")) as (honest,),
        opened(door, 100, sent) as strangers,
    ):
        ended = [said_until_closed(connection) for connection in strangers[:80]]
        assert known(door) == 202
        assert len(ended) == 80
        honest.sendall(b"{}")  # who has shown a password waits as long as it takes
        assert honest.recv(65536).startswith(b"HTTP/1.1 202 ")


def test_requests_without_end_are_answered_some_and_then_no_more(tmp_path: Path) -> None:
    with served(tmp_path) as door:
        with socket.create_connection(door.address, timeout=30) as connection:
            connection.sendall(HEALTH * (PIPELINED + 1))
            answered = b""
            while answered.count(b"HTTP/1.1 404 ") < PIPELINED + 1:
                answered += connection.recv(65536)
            assert b"connection: close" not in answered
        with socket.create_connection(door.address, timeout=30) as connection:
            connection.sendall(HEALTH * 200)
            answered = said_until_closed(connection)
    *_, last = answered.split(b"HTTP/1.1 404 ")
    assert answered.count(b"HTTP/1.1 404 ") == PIPELINED + 1
    assert b"connection: close" in last


def test_what_cannot_be_read_takes_no_answer_from_what_was_asked_before(tmp_path: Path) -> None:
    with served(tmp_path) as door, socket.create_connection(door.address, 30) as connection:
        connection.sendall((head("Content-Length: 2") + b"{}") * 3 + b"no HTTP\r\n\r\n")
        answered = said_until_closed(connection)
        assert door.letters.counts()["accepted"] == 3
    assert answered.count(b"HTTP/1.1 202 ") == 3
    assert answered.count(b"HTTP/1.1 ") == 3


def test_who_goes_away_with_requests_waiting_writes_nothing_into_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(tmp_path) as door:
        for _ in range(100):
            with opened(door, 1, (head("Content-Length: 2") + b"{}") * PIPELINED) as (gone,):
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert known(door) == 202
    assert caplog.records == []


def test_a_head_has_so_many_lines_and_bytes(tmp_path: Path) -> None:
    lines = [f"X-{n}: 1" for n in range(HEADERS)]
    long = ["X: " + "x" * 70_000]
    with served(tmp_path) as door:
        for first, answer in (
            ([], b"HTTP/1.1 202 "),
            (["X: " + "x" * 40_000], b"HTTP/1.1 202 "),
            (lines, b"HTTP/1.1 400 "),
            (long, b"HTTP/1.1 400 "),
        ):
            with socket.create_connection(door.address, timeout=30) as connection:
                connection.sendall(head("Content-Length: 2", *first) + b"{}")
                assert connection.recv(65536).startswith(answer)


def test_an_address_has_so_many_bytes(tmp_path: Path) -> None:
    with served(tmp_path) as door:
        for name, status in (("x" * 8_000, 404), ("x" * 9_000, 400)):
            assert door.ask("GET", f"/webhooks/{name}")[0] == status


MEBIBYTE = HEALTH * (1024 * 1024 // len(HEALTH))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_requests_that_nobody_reads_the_answers_of_do_not_grow_memory(tmp_path: Path) -> None:
    command = [sys.executable, webhook_server.__file__, str(tmp_path / "ledger.db")]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    few_lines = b"GET /healthz HTTP/1.1\r\n" + b"a:\r\n" * 16_000
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout
            address = ("127.0.0.1", int(process.stdout.readline()))
            before = peak_memory(process.pid)
            with ExitStack() as stack:
                for sent in [MEBIBYTE] * 30 + [few_lines] * 30:
                    connection = stack.enter_context(socket.create_connection(address, 30))
                    flood(connection, b"", sent, 1)
                with socket.create_connection(address, timeout=30) as connection:
                    connection.sendall(HEALTH)
                    assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")
            assert peak_memory(process.pid) - before < 32 * 1024
        finally:
            process.terminate()


BIG = 64 * 1024 * 1024


async def big(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with more than lies between two sockets."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(BIG // 65536):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


class Hasty(ImpatientProtocol):
    unread_seconds = 0.5
    strangers = Strangers()


def test_an_answer_that_nobody_reads_ends() -> None:
    config = uvicorn.Config(big, port=0, http=Hasty, ws="none", lifespan="off", log_level="error")
    running = Announcing(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    assert running.listening.wait(30)
    try:
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
            connection.sendall(HEALTH)
            until(lambda: running.server_state.connections, "it is open")
            until(lambda: not running.server_state.connections, "it is given up")
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
            connection.sendall(HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert len(said_until_closed(connection)) > BIG
    finally:
        running.should_exit = True
        thread.join()
