"""Mail to a server that takes commands at once: two round trips a mail; nothing else changes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from service.sending.channels import open_channel
from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at
from tests.smtp_sink import DROP, SmtpSink

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
OK, GO_ON = b"250 2.0.0 ok\r\n", b"354 go on\r\n"
NOBODY, NO_DATA = b"550 5.1.1 nobody here\r\n", b"554 5.5.1 no valid recipients\r\n"


@contextmanager
def waiting_for_data(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that says nothing to MAIL and RCPT before it has DATA; an answer for each mail."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def converse(wire: socket.socket) -> None:
        with wire, suppress(OSError):
            lines = wire.makefile("rb")
            wire.sendall(b"220 here ESMTP\r\n")
            lines.readline()
            wire.sendall(b"250-here\r\n250 PIPELINING\r\n")
            for answer in answers:
                while (line := lines.readline()) not in (b"DATA\r\n", b""):
                    heard.append(line)
                    if line == b"RSET\r\n":
                        wire.sendall(OK)
                wire.sendall(answer)
                if answer.endswith(GO_ON) and NOBODY not in answer:
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                    wire.sendall(OK)
            while line := lines.readline():
                heard.append(line)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=converse, args=listener.accept()[:1], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"mailto://127.0.0.1:{listener.getsockname()[1]}?from=us@academy.example", heard
    listener.close()


def hasty(url: str) -> SmtpChannel:
    return SmtpChannel(server_at("email", url), command_seconds=2.0, message_seconds=4.0)


def test_the_envelope_is_said_at_once(outgoing: Any) -> None:
    """A server that waits for DATA before it answers MAIL would wait for ever otherwise."""
    with waiting_for_data(OK + OK + GO_ON, OK + OK + GO_ON) as (url, heard):
        channel = hasty(url)
        assert [channel.send(outgoing()).kind for _ in range(2)] == ["accepted", "accepted"]
        channel.close()
    assert [line[:4] for line in heard] == [b"MAIL", b"RCPT", b"MAIL", b"RCPT", b"quit"]


def test_a_server_that_does_not_offer_it_is_told_one_by_one(outgoing: Any, tmp_path: Path) -> None:
    with SmtpSink(extensions=()) as sink:
        sink.on("MAIL", "550 5.7.1 not you", times=1)
        channel = open_channel("email", sink.url, drawer=tmp_path)
        assert channel.send(outgoing()).about_channel
    assert sink.verbs() == ["EHLO", "MAIL"]


@pytest.mark.parametrize(
    ("code", "kind"), [("450 4.7.1 greylisted", "transient"), ("550 5.1.1 nobody", "permanent")]
)
def test_a_refused_reader_costs_nobody_the_connection(
    outgoing: Any, tmp_path: Path, code: str, kind: str
) -> None:
    with SmtpSink(extensions=EXTENSIONS) as sink:
        sink.on("RCPT", code, local="ghost")
        channel = open_channel("email", sink.url, drawer=tmp_path)
        refused = channel.send(outgoing(address="ghost@example.org"))
        taken = channel.send(outgoing(address="ada@example.org"))
        channel.close()
    assert (refused.kind, refused.text) == (kind, code[4:])
    assert (taken.kind, sink.connections) == ("accepted", 1)
    assert sink.verbs() == [
        "EHLO",
        *["MAIL", "RCPT", "DATA"],
        "RSET",
        *["MAIL", "RCPT", "DATA"],
        "QUIT",
    ]
    assert [mail.recipients for mail in sink.mails] == [("ada@example.org",)]


def test_a_server_that_wants_a_mail_for_nobody_gets_none(outgoing: Any) -> None:
    """It would read whatever comes next as the mail: the session ends there."""
    with waiting_for_data(OK + NOBODY + GO_ON) as (url, heard):
        refused = hasty(url).send(outgoing())
    assert (refused.kind, refused.code, refused.status) == ("permanent", 550, "5.1.1")
    assert [line[:4] for line in heard] == [b"MAIL", b"RCPT"]


def test_a_server_that_leaves_after_a_refusal_has_refused(outgoing: Any) -> None:
    with waiting_for_data(OK + NOBODY) as (url, _):
        refused = hasty(url).send(outgoing())
    assert (refused.kind, refused.about_channel) == ("permanent", False)


def test_one_that_is_lost_in_between_is_tried_on_a_new_connection(
    outgoing: Any, tmp_path: Path
) -> None:
    with SmtpSink(extensions=EXTENSIONS) as sink:
        channel = open_channel("email", sink.url, drawer=tmp_path)
        assert channel.send(outgoing()).kind == "accepted"
        sink.on("RCPT", DROP, times=1)
        assert channel.send(outgoing()).kind == "accepted"
        channel.close()
    assert (sink.connections, len(sink.mails)) == (2, 2)


def test_a_copy_gets_nothing_where_the_reader_is_refused(outgoing: Any, tmp_path: Path) -> None:
    """DATA at once with RCPT would be agreed to for the copy's sake."""
    with SmtpSink(extensions=EXTENSIONS) as sink:
        sink.on("RCPT", "550 5.1.1 nobody", local="ghost")
        channel = open_channel("email", f"{sink.url}&bcc=hr@academy.example", drawer=tmp_path)
        assert channel.send(outgoing(address="ghost@example.org")).kind == "permanent"
        assert channel.send(outgoing(address="ada@example.org")).kind == "accepted"
        channel.close()
    assert [mail.recipients for mail in sink.mails] == [("ada@example.org", "hr@academy.example")]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_closes_for_now_is_the_channels_trouble(
    outgoing: Any, tmp_path: Path, verb: str
) -> None:
    with SmtpSink(extensions=EXTENSIONS) as sink:
        sink.on(verb, "421 4.3.2 later")
        channel = open_channel("email", sink.url, drawer=tmp_path)
        result = channel.send(outgoing())
    assert (result.kind, result.about_channel, sink.mails) == ("transient", True, [])
