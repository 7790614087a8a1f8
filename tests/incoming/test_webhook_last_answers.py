"""What is on its way when the service ends is answered, and told that it was the last."""

import socket
from pathlib import Path

from test_webhook_answers import BASIC, JSON, LETTER
from webhook_server import Served, served

from tests.waiting import until

ASKED = (
    b"POST /webhooks/adobe HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(LETTER)
    + "".join(f"{name}: {value}\r\n" for name, value in (JSON | BASIC).items()).encode()
    + b"\r\n"
    + LETTER
)


def is_ending(door: Served) -> bool:
    return all(each._is_last for each in door.server.server_state.connections)  # type: ignore[union-attr]


def test_who_has_connected_is_answered_and_told_that_it_was_the_last(tmp_path: Path) -> None:
    """One has asked nothing yet, the other one has, and asks again."""
    with served(tmp_path) as door, socket.create_connection(door.address, 30) as fresh:
        with socket.create_connection(door.address, 30) as kept:
            kept.sendall(ASKED)
            assert b" 202 " in kept.recv(65536)
            until(lambda: len(door.server.server_state.connections) == 2, "both are connected")
            door.server.should_exit = True
            until(lambda: is_ending(door), "the end was told")
            for connection in (fresh, kept):
                connection.sendall(ASKED)
                answer = connection.recv(65536).lower()
                assert b" 202 " in answer
                assert b"connection: close" in answer
                assert connection.recv(65536) == b""
        assert door.letters.counts()["accepted"] == 3
