"""What a chat service can do to us: it answers without end, or leads to where it should not."""

import io
import socket
import threading
import zlib
from ipaddress import ip_network
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from urllib3 import HTTPResponse

from service.app.app import Refused
from service.sending.channels import SendResult
from service.sending.channels.chat import ChatChannel
from service.sending.channels.http_calls import ANSWER_BYTES, _body
from tests.chat_room import Room, room_channel
from tests.endless import Endless
from tests.installation import FREE, HOUR, MINUTE, START, Installation, seats
from tests.smtp_sink import certificate, server_tls
from tests.waiting import until

SECONDS = 0.7
SOON = 6.0
TAKEN_AT_MOST = 24_000_000
"""Bytes: what the sockets of both sides hold, and 1 MiB that was read."""
OK = b"HTTP/1.1 200 OK\r\n"
BOMB = zlib.compress(bytes(50_000_000))
CONTENT = b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(BOMB)


@pytest.fixture
def note(outgoing: Any) -> Any:
    return outgoing(address=None, name=None)


def posted(note: Any, server: Endless, schema: str = "json") -> SendResult:
    """What became of a post, which is known soon, with nothing left that goes on."""
    url = f"{schema}://127.0.0.1:{server.port}/hook"
    channel = room_channel(url, total_seconds=SECONDS)
    begun = monotonic()
    outcome = channel.send(note)
    assert monotonic() - begun < SOON
    until(lambda: server.gone == server.connections, "the connection is closed")
    assert server.said < TAKEN_AT_MOST
    assert not [each for each in threading.enumerate() if each.name.startswith("apprise")]
    return outcome


@pytest.mark.parametrize(
    ("first", "again", "pause", "kind"),
    [
        pytest.param(b"", b"", 0.02, "unknown", id="silence"),
        pytest.param(b"", b"H", 0.02, "unknown", id="a status line dripped"),
        pytest.param(b"", b"H" * 60_000, 0, "unknown", id="a status line without end"),
        pytest.param(OK + b"X: ", b"x", 0.02, "unknown", id="headers dripped"),
        pytest.param(OK, b"X: x\r\n" * 9_000, 0, "unknown", id="headers without end"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001, "unknown", id="only 100"),
        pytest.param(OK + b"\r\n", b"x" * 60_000, 0, "accepted", id="a body without end"),
        pytest.param(OK + b"\r\n", b"x", 0.02, "accepted", id="a body dripped"),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\n", b"ea60\r\n" + b"x" * 60_000 + b"\r\n", 0,
            "accepted", id="chunks without end",
        ),
        pytest.param(OK + CONTENT + BOMB, b"", 0.02, "accepted", id="a bomb"),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nLocation: /\r\n" + CONTENT + BOMB, b"", 0.02, "permanent",
            id="a redirect with a bomb",
        ),
        pytest.param(
            b"HTTP/1.1 503 Busy\r\n\r\n", b"x" * 60_000, 0, "transient", id="a refusal without end",
        ),
    ],
)  # fmt: skip
def test_an_answer_without_end_ends(
    note: Any, first: bytes, again: bytes, pause: float, kind: str
) -> None:
    with Endless(first, again, pause) as server:
        assert posted(note, server).kind == kind


def test_so_it_is_behind_tls(note: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate()[0]))
    with Endless(OK + b"\r\n", b"x" * 60_000, tls=server_tls()) as server:
        assert posted(note, server, "jsons").kind == "accepted"
    with Endless(OK, b"x", 0.02, tls=server_tls()) as server:
        assert posted(note, server, "jsons").kind == "unknown"


def test_a_handshake_without_end_never_left(note: Any) -> None:
    with Endless(b"\x16\x03\x03\x40\x00", b"\x00", 0.02) as server:
        assert posted(note, server, "jsons").kind == "transient"


def test_of_a_body_so_much_is_kept() -> None:
    headers = {"Content-Encoding": "deflate"}
    answer = HTTPResponse(io.BytesIO(BOMB), headers, status=200, preload_content=False)
    assert len(_body(answer)) == ANSWER_BYTES


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Resolve every name to an answer after another, as a name server of an attacker does."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolved(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if not str(host).endswith("example.org"):
            return real(host, port, *args, **more)
        if more.get("flags") == socket.AI_NUMERICHOST:
            raise socket.gaierror
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1].split()
        return [found for each in addresses for found in real(each, port, *args, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    return asked


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1 ::1"])
def test_a_name_with_a_private_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, note: Any, address: str
) -> None:
    resolving(monkeypatch, address)
    with Room() as room:
        outcome = ChatChannel("ops", f"json://chat.example.org:{room.port}/hook").send(note)
        assert room.connections == 0
    assert (outcome.kind, outcome.about_channel) == ("transient", True)
    assert "COURSEBELL_CHAT_PRIVATE_NETWORKS" in outcome.text


def test_a_name_is_looked_up_once_and_what_was_looked_at_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, note: Any
) -> None:
    asked = resolving(monkeypatch, "127.0.0.9", "127.0.0.1")
    with Room() as room:
        networks = (ip_network("127.0.0.1/32"),)
        url = f"json://chat.example.org:{room.port}/hook"
        channel = ChatChannel("ops", url, private_networks=networks)
        assert channel.send(note).kind == "transient"
        assert (asked, room.connections) == (["chat.example.org"], 0)
        assert channel.send(note).kind == "accepted"


def test_of_two_addresses_the_one_that_is_allowed_is_taken(
    monkeypatch: pytest.MonkeyPatch, note: Any
) -> None:
    resolving(monkeypatch, "10.0.0.1 127.0.0.1")
    with Room() as room:
        assert (
            room_channel(f"json://chat.example.org:{room.port}/hook").send(note).kind == "accepted"
        )


def test_a_dead_address_leaves_time_for_the_next(
    monkeypatch: pytest.MonkeyPatch, note: Any
) -> None:
    with Room() as room, socket.create_server(("127.0.0.2", room.port), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        resolving(monkeypatch, "127.0.0.2 127.0.0.1")
        url = f"json://chat.example.org:{room.port}/hook"
        assert room_channel(url, total_seconds=3 * SECONDS).send(note).kind == "accepted"
        for each in waiting:
            each.close()


MATRIX = f"matrix://HOST/?mode=slack&token={64 * 'a'}"
"""A service with a form that names no host, so its host is looked at only when it is called."""


def test_behind_a_proxy_an_address_is_refused_and_a_name_is_the_proxys(
    monkeypatch: pytest.MonkeyPatch, note: Any
) -> None:
    asked = resolving(monkeypatch, "127.0.0.1")
    with Room() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        outcome = ChatChannel("ops", MATRIX.replace("HOST", "127.0.0.1")).send(note)
        assert (outcome.kind, outcome.about_channel, proxy.paths) == ("transient", True, [])
        assert ChatChannel("ops", "json://chat.example.org/hook").send(note).kind == "accepted"
        assert proxy.paths == ["http://chat.example.org/hook"]
    assert asked == []


def test_what_is_refused_is_owed_until_its_network_is_named(tmp_path: Path) -> None:
    with Room() as room:
        told = {"COURSEBELL_CHAT_URL": MATRIX.replace("HOST", f"127.0.0.1:{room.port}")}
        named = told | {"COURSEBELL_CHAT_PRIVATE_NETWORKS": "10.0.0.0/8"}
        with Installation(tmp_path, FREE, **named) as office:
            office.post(seats(START, 10), seats(START + 1, 9))
            office.tick(START + MINUTE)
            assert (office.states(), room.connections) == (["owed"], 0)
            office.environ["COURSEBELL_CHAT_PRIVATE_NETWORKS"] = "10.0.0.0/8, 127.0.0.0/8"
            office.reopen(START + HOUR)
            office.tick(START + HOUR)
            assert (office.states(), len(room.posts)) == (["sent"], 1)


def test_a_host_that_is_private_by_its_looks_is_refused_at_the_start(tmp_path: Path) -> None:
    told = {"COURSEBELL_CHAT_URL": "json://127.0.0.1/hook", "COURSEBELL_CHAT_PRIVATE_NETWORKS": ""}
    with pytest.raises(Refused, match="COURSEBELL_CHAT_PRIVATE_NETWORKS"):
        Installation(tmp_path, FREE, **told)
