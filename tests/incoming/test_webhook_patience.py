"""Senders that are slow, endless or huge neither stop an honest one nor fill the memory."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from select import select

import pytest
import webhook_server
from test_webhook_answers import BASIC, JSON, LETTER, head
from webhook_server import Served, served

from tests.metrics import peak_memory

HALF_HEAD = b"POST /webhooks/adobe HTTP/1.1\r\nHost: x\r\nX-Slow: "
SLOW = 400


def said_until_closed(connection: socket.socket) -> bytes:
    try:
        return b"".join(iter(lambda: connection.recv(65536), b""))
    except ConnectionResetError:
        return b""


def test_400_slow_connections_do_not_stop_an_honest_one_and_end(tmp_path: Path) -> None:
    with served(tmp_path, head_seconds=3.0, receive_seconds=3.0) as door, ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(door.address, timeout=60))
            for _ in range(SLOW)
        ]
        for n, connection in enumerate(slow):
            connection.sendall((b"", HALF_HEAD, head("Content-Length: 100") + b"{")[n % 3])

        assert door.ask("POST", "/webhooks/adobe", LETTER, JSON | BASIC)[0] == 202

        answers = [said_until_closed(connection) for connection in slow]
        assert {answer[:12] for answer in answers} == {b"", b"HTTP/1.1 408"}
        assert door.letters.counts()["accepted"] == 1


def drip(door: Served, first: bytes, more: bytes) -> bytes:
    """Sends and goes on sending single bytes until the server answers or closes.

    What comes after an answer would reset the connection, and the answer be lost.
    """
    with socket.create_connection(door.address, timeout=60) as connection:
        connection.sendall(first)
        closed = threading.Event()

        def send() -> None:
            while not (closed.wait(0.05) or select([connection], [], [], 0)[0]):
                try:
                    connection.sendall(more)
                except OSError:
                    return

        dripping = threading.Thread(target=send)
        dripping.start()
        answer = said_until_closed(connection)
        closed.set()
        dripping.join()
        return answer


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("d"), head_seconds=0.5, receive_seconds=0.5) as door:
        yield door


def test_a_head_that_drips_ends(hasty: Served) -> None:
    assert drip(hasty, HALF_HEAD, b"x") == b""


def test_a_body_that_drips_ends(hasty: Served) -> None:
    answer = drip(hasty, head("Content-Length: 100000"), b" ")
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_drips_after_its_answer_ends(hasty: Served) -> None:
    stranger = b"POST /webhooks/adobe HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    assert drip(hasty, stranger, b" ").startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("more", [b"\r\n", b"x"])
@pytest.mark.parametrize("asked", ["X: y", "Connection: upgrade\r\nUpgrade: websocket"])
def test_what_drips_after_an_answer_ends(hasty: Served, asked: str, more: bytes) -> None:
    answer = drip(hasty, f"GET /webhooks/x HTTP/1.1\r\nHost: x\r\n{asked}\r\n\r\n".encode(), more)
    assert answer.startswith(b"HTTP/1.1 404 ")


def test_a_second_head_that_drips_ends(hasty: Served) -> None:
    first = head("Content-Length: 2") + b"{}"
    assert drip(hasty, first + HALF_HEAD, b"x").startswith(b"HTTP/1.1 202 ")


def test_two_letters_on_one_connection_are_two_letters(hasty: Served) -> None:
    before = hasty.letters.counts()["accepted"]
    one = head("Content-Length: 2") + b"{}"
    with socket.create_connection(hasty.address, timeout=30) as connection:
        connection.sendall(one + one[:9])
        connection.sendall(one[9:])
        answers = b""
        while answers.count(b"receipt") < 2:
            answers += connection.recv(65536)
    assert answers.count(b"HTTP/1.1 202 ") == 2
    assert hasty.letters.counts()["accepted"] == before + 2


def test_an_endless_head_ends(hasty: Served) -> None:
    with socket.create_connection(hasty.address, timeout=30) as connection:
        assert flood(connection, HALF_HEAD, b"x" * 65536, 200) < 200


def flood(connection: socket.socket, first: bytes, chunk: bytes, times: int) -> int:
    """Sends until all is sent or the server hangs up; returns how many chunks went out."""
    sent = 0
    try:
        connection.sendall(first)
        for sent in range(times):  # noqa: B007 (told when the server hangs up)
            connection.sendall(chunk)
    except OSError:
        return sent
    return times


@pytest.mark.parametrize(
    ("path", "signature"),
    [("signed", "X-Signature: sha256=zz"), ("signed", "X-Other: 1"), ("either", "X-Signature: ")],
)
def test_a_stranger_without_a_signature_is_answered_before_the_body(
    hasty: Served, path: str, signature: str
) -> None:
    asked = f"POST /webhooks/{path} HTTP/1.1\r\n{signature}\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection(hasty.address, timeout=30) as connection:
        connection.sendall(asked.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_bodies_of_200_megabytes_do_not_grow_memory(tmp_path: Path) -> None:
    command = [sys.executable, webhook_server.__file__, str(tmp_path / "ledger.db")]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout
            address = ("127.0.0.1", int(process.stdout.readline()))
            before = peak_memory(process.pid)
            block = b"x" * 65536
            for first, chunk in (
                (head("Content-Length: 209715200"), block),
                (head("Transfer-Encoding: chunked"), b"10000\r\n" + block + b"\r\n"),
                (b"POST /webhooks/adobe HTTP/1.1\r\nContent-Length: 209715200\r\n\r\n", block),
                (
                    b"POST /webhooks/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                    b"10000\r\n" + block + b"\r\n",
                ),
                (HALF_HEAD, block),
                (head("Transfer-Encoding: chunked") + b"0\r\nX-Trailer: ", block),
            ):
                with socket.create_connection(address, timeout=60) as connection:
                    flood(connection, first, chunk, 3200)
            assert peak_memory(process.pid) - before < 32 * 1024
        finally:
            process.terminate()
