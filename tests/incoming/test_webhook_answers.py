"""What the door answers, over real HTTP, and what is on disk when it has answered."""

import hashlib
import hmac
import json
import socket
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from webhook_server import ADA, Served, served

JSON = {"content-type": "application/json"}
BASIC = {"authorization": "Basic " + b64encode(":".join(ADA).encode()).decode()}
LETTER = b'{"accountId": 77021, "events": []}'
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("door"), head_seconds=2.0, receive_seconds=1.0) as running:
        yield running


def signature(secret: bytes, body: bytes) -> dict[str, str]:
    return {"x-signature": "sha256=" + hmac.digest(secret, body, "sha256").hex()}


def test_a_letter_is_on_disk_when_the_receipt_comes(door: Served) -> None:
    status, headers, body = door.ask("POST", "/webhooks/adobe", LETTER, JSON | BASIC)

    receipt = json.loads(body)["receipt"]
    assert status == 202
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"receipt": receipt, "status": f"/api/v1/letters/{receipt}"}
    other = sqlite3.connect(door.ledger.path)
    row = other.execute(
        "SELECT source, headers, body FROM letters WHERE n = ?", (receipt,)
    ).fetchone()
    other.close()
    assert row == ("adobe", '{"content-type":"application/json"}', LETTER)


def test_what_proves_the_sender_is_never_stored(door: Served) -> None:
    door.ask("POST", "/webhooks/adobe", LETTER, JSON | BASIC | {"user-agent": "adobe-cp"})
    door.ask("POST", "/webhooks/signed", LETTER, JSON | signature(b"new", LETTER))
    rows = door.ledger.reader().execute("SELECT DISTINCT headers FROM letters").fetchall()
    names = {name for (headers,) in rows for name in json.loads(headers)}
    assert names <= {"content-type", "user-agent"}


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"\x00\xff", b"[1,2", b'{"events": [{"eventName": "NEW"}]}', b"x" * MEBIBYTE],
)
def test_content_is_never_refused(door: Served, body: bytes) -> None:
    assert door.ask("POST", "/webhooks/adobe", body, JSON | BASIC)[0] == 202


OLD_SIGNATURE = signature(b"old", LETTER)
BAD_REQUESTS = [
    ("POST", "/webhooks/moodle", JSON | BASIC, 404),
    ("POST", "/webhooks/", JSON | BASIC, 404),
    ("POST", "/webhooks/adobe/", JSON | BASIC, 404),
    ("POST", "/webhooks/Adobe", JSON | BASIC, 404),
    ("POST", "/adobe", JSON | BASIC, 404),
    ("GET", "/webhooks/moodle", {}, 404),
    ("GET", "/webhooks/adobe", BASIC, 405),
    ("PUT", "/webhooks/adobe", JSON | BASIC, 405),
    ("HEAD", "/webhooks/adobe", {}, 405),
    ("OPTIONS", "/webhooks/adobe", {}, 405),
    ("POST", "/webhooks/adobe", BASIC | {"content-type": "text/plain"}, 415),
    ("POST", "/webhooks/adobe", BASIC | {"content-type": "application/x-www-form-urlencoded"}, 415),
    ("POST", "/webhooks/adobe", BASIC | {"content-type": "application/xml"}, 415),
    ("POST", "/webhooks/adobe", {"content-type": "text/plain"}, 415),
    ("POST", "/webhooks/adobe", JSON | BASIC | {"content-encoding": "gzip"}, 415),
    ("POST", "/webhooks/adobe", JSON, 401),
    ("POST", "/webhooks/adobe", JSON | {"authorization": ""}, 401),
    ("POST", "/webhooks/adobe", JSON | {"authorization": "Basic"}, 401),
    ("POST", "/webhooks/adobe", JSON | {"authorization": "Basic !!!"}, 401),
    ("POST", "/webhooks/adobe", JSON | {"authorization": "Basic \xff\xfe"}, 401),
    ("POST", "/webhooks/adobe", JSON | {"authorization": "Bearer token"}, 401),
    ("POST", "/webhooks/adobe", JSON | {"authorization": "Basic YWRhOmFkYQ=="}, 401),
    ("POST", "/webhooks/signed", JSON, 401),
    ("POST", "/webhooks/signed", JSON | {"x-signature": "sha256="}, 401),
    ("POST", "/webhooks/signed", JSON | {"x-signature": "sha256=zz"}, 401),
    ("POST", "/webhooks/signed", JSON | {"x-signature": "\xe4" * 99}, 401),
    ("POST", "/webhooks/signed", JSON | {"x-signature": OLD_SIGNATURE["x-signature"][7:]}, 401),
    ("POST", "/webhooks/signed", JSON | signature(b"other", LETTER), 401),
    ("POST", "/webhooks/signed", JSON | signature(b"old", LETTER + b" "), 401),
    ("POST", "/webhooks/closed", JSON | BASIC, 401),
]


@pytest.mark.parametrize(("method", "path", "headers", "expected"), BAD_REQUESTS)
def test_who_and_how_are_refused(
    door: Served, method: str, path: str, headers: dict[str, str], expected: int
) -> None:
    before = door.letters.counts()["accepted"]

    status, answered, body = door.ask(method, path, LETTER, headers)

    assert status == expected
    assert answered["content-type"] == "application/problem+json"
    if method != "HEAD":
        problem = json.loads(body)
        assert problem["status"] == expected
        assert set(problem) == {"type", "title", "status", "detail"}
    assert answered.get("allow") == ("POST" if expected == 405 else None)
    assert door.letters.counts()["accepted"] == before


def test_basic_says_how_to_come_in(door: Served) -> None:
    headers = door.ask("POST", "/webhooks/adobe", LETTER, JSON)[1]
    assert headers["www-authenticate"] == 'Basic realm="Coursebell", charset="UTF-8"'


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/webhooks/adobe", BASIC),
        ("/webhooks/adobe", BASIC | {"content-type": "Application/JSON; charset=utf-8"}),
        ("/webhooks/adobe", BASIC | {"content-type": "application/cloudevents+json"}),
        ("/webhooks/adobe", BASIC | {"content-type": "text/json"}),
        ("/webhooks/adobe", JSON | BASIC | {"content-encoding": "identity"}),
        ("/webhooks/adobe?from=adobe", JSON | BASIC),
        ("/webhooks/signed", JSON | signature(b"old", LETTER)),
        ("/webhooks/signed", JSON | signature(b"new", LETTER)),
        ("/webhooks/either", JSON | {"authorization": "bearer token"}),
        (
            "/webhooks/either",
            JSON | {"X-SIGNATURE": hmac.new(b"key", LETTER, hashlib.sha256).hexdigest().upper()},
        ),
        ("/webhooks/open", JSON),
    ],
)
def test_who_and_how_are_accepted(door: Served, path: str, headers: dict[str, str]) -> None:
    assert door.ask("POST", path, LETTER, headers)[0] == 202


def test_a_body_over_the_limit_is_refused(door: Served) -> None:
    status, headers, _ = door.ask("POST", "/webhooks/adobe", b"x" * (MEBIBYTE + 1), JSON | BASIC)
    assert (status, headers["connection"]) == (413, "close")


def raw(door: Served, request: bytes) -> bytes:
    """Everything the server says until it closes the connection."""
    with socket.create_connection(door.address, timeout=30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def head(*lines: str) -> bytes:
    basic = f"Authorization: {BASIC['authorization']}"
    return "\r\n".join(["POST /webhooks/adobe HTTP/1.1", "Host: x", basic, *lines, "", ""]).encode()


def test_a_chunked_body_over_the_limit_is_refused_when_it_crosses_it(door: Served) -> None:
    chunk = b"%x\r\n%s\r\n" % (65536, b"x" * 65536)
    answer = raw(door, head("Transfer-Encoding: chunked") + chunk * 40)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_length_over_the_limit_is_refused_before_the_body_comes(door: Served) -> None:
    answer = raw(door, head("Content-Length: 9999999999999999", "Expect: 100-continue"))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_length_with_thousands_of_zeros_in_front_is_a_length(door: Served) -> None:
    answer = raw(door, head(f"Content-Length: {'0' * 5_000}2", "Connection: close") + b"{}")
    assert answer.startswith(b"HTTP/1.1 202 ")


def test_a_body_that_does_not_come_in_time_is_refused(door: Served) -> None:
    answer = raw(door, head("Content-Length: 100") + b'{"acc')
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


def test_a_stranger_is_refused_before_the_body_comes(door: Served) -> None:
    request = b"POST /webhooks/adobe HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    assert raw(door, request).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Content-Length: -1",),
        ("Transfer-Encoding: gzip, x",),
    ],
)
def test_an_ambiguous_frame_never_becomes_a_letter(door: Served, lines: tuple[str, ...]) -> None:
    before = door.letters.counts()["accepted"]
    assert raw(door, head(*lines) + b"{}{}").startswith(b"HTTP/1.1 4")
    assert door.letters.counts()["accepted"] == before


def test_a_sender_that_hangs_up_leaves_no_letter(door: Served) -> None:
    before = door.letters.counts()["accepted"]
    with socket.create_connection(door.address, timeout=30) as connection:
        connection.sendall(head("Content-Length: 100") + b"{")
    assert door.ask("POST", "/webhooks/adobe", LETTER, JSON | BASIC)[0] == 202
    assert door.letters.counts()["accepted"] == before + 1


def test_many_senders_at_once_get_receipts_of_their_own(door: Served) -> None:
    def send(n: int) -> tuple[int, bytes]:
        body = b'{"n": %d}' % n
        status, _, answer = door.ask("POST", "/webhooks/adobe", body, JSON | BASIC)
        assert status == 202
        return json.loads(answer)["receipt"], body

    with ThreadPoolExecutor(16) as pool:
        sent = list(pool.map(send, range(200)))
    assert len({receipt for receipt, _ in sent}) == 200
    assert all(door.letters.body(receipt) == body for receipt, body in sent)


def test_a_store_that_cannot_commit_is_told_to_the_sender(tmp_path: Path) -> None:
    with served(tmp_path, commit_seconds=0.1) as door:
        other = sqlite3.connect(door.ledger.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        status, headers, body = door.ask("POST", "/webhooks/adobe", LETTER, JSON | BASIC)
        other.execute("ROLLBACK")
        other.close()
        assert (status, headers["retry-after"]) == (503, "5")
        assert json.loads(body)["title"] == "Service Unavailable"


def test_a_broken_store_is_told_to_the_sender(tmp_path: Path) -> None:
    with served(tmp_path) as door:
        with door.ledger.transaction() as cursor:
            cursor.execute("ALTER TABLE letters RENAME TO lost")
        status, headers, body = door.ask("POST", "/webhooks/adobe", LETTER, JSON | BASIC)
        assert (status, headers["retry-after"]) == (503, "5")
        assert b"no such table" not in body
