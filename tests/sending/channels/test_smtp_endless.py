"""A mail server that never comes to an end holds a channel for its time, and takes no memory."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Any

import pytest

from service.sending.channels.smtp import DOT_SECONDS, MESSAGE_SECONDS, SmtpChannel
from service.sending.channels.smtp_url import server_at
from service.sending.delivery import CLAIM_MS, PLAN_MS
from service.sending.templates.templates import RenderedMessage
from tests.endless import Endless
from tests.smtp_sink import DRIP, FLOOD, SLOW, SmtpSink

SECONDS = 0.7
SOON = 10.0
"""A busy machine's time for what takes SECONDS."""
TAKEN_AT_MOST = 16_000_000
"""Bytes: what the sockets of both sides hold, and 64 KiB that were read."""

Impatient = Callable[..., SmtpChannel]


@pytest.fixture
def impatient() -> Iterator[Impatient]:
    with ExitStack() as opened:

        def to(url: str, **seconds: float) -> SmtpChannel:
            times = {"command_seconds": SECONDS, "dot_seconds": SECONDS} | seconds
            channel = SmtpChannel(server_at("email", url), **times)
            opened.callback(channel.close)
            return channel

        yield to


def in_time(channel: SmtpChannel, outgoing: Any) -> Any:
    """What became of a mail, which is known soon."""
    begun = monotonic()
    outcome = channel.send(outgoing)
    assert monotonic() - begun < SOON
    return outcome


@pytest.mark.parametrize("fault", [DRIP, FLOOD])
@pytest.mark.parametrize("verb", ["greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"])
def test_a_reply_without_end_before_the_mail_is_transient(
    impatient: Impatient, outgoing: Any, verb: str, fault: str
) -> None:
    with SmtpSink(tls="starttls", users={"academy": "right"}) as sink:
        sink.on(verb, fault)
        outcome = in_time(impatient(sink.url), outgoing())
        assert (outcome.kind, outcome.about_channel) == ("transient", True)
        assert sink.mails == []
        assert sink.flooded < TAKEN_AT_MOST


@pytest.mark.parametrize("fault", [DRIP, FLOOD])
def test_a_reply_without_end_after_it_is_unknown(
    impatient: Impatient, outgoing: Any, fault: str
) -> None:
    with SmtpSink() as sink:
        sink.on("dot", fault, times=1)
        channel = impatient(sink.url)
        assert in_time(channel, outgoing()).kind == "unknown"
        assert in_time(channel, outgoing()).kind == "accepted"
        assert sink.flooded < TAKEN_AT_MOST


@pytest.mark.parametrize("fault", [DRIP, FLOOD])
@pytest.mark.parametrize("verb", ["RSET", "NOOP"])
def test_a_reply_without_end_between_mails_costs_a_connection(
    impatient: Impatient, outgoing: Any, verb: str, fault: str
) -> None:
    with SmtpSink() as sink:
        channel = impatient(sink.url, idle_seconds=0.0)
        sink.on("RCPT", "550 5.1.1 nobody", local="ghost")
        sink.on(verb, fault)
        assert in_time(channel, outgoing(address="ghost@example.org")).kind == "permanent"
        assert in_time(channel, outgoing()).kind == "accepted"
        assert in_time(channel, outgoing()).kind == "accepted"


def test_leaving_waits_for_no_answer_without_end(impatient: Impatient, outgoing: Any) -> None:
    with SmtpSink() as sink:
        channel = impatient(sink.url)
        channel.send(outgoing())
        sink.on("QUIT", DRIP)
        begun = monotonic()
        channel.close()
        assert monotonic() - begun < SOON


def test_many_replies_each_in_time_are_not_endless_together(
    impatient: Impatient, outgoing: Any
) -> None:
    copies = "&bcc=" + ",".join(f"copy{n}%40example.org" for n in range(200))
    with SmtpSink() as sink:
        sink.on("RCPT", SLOW)
        outcome = in_time(
            impatient(sink.url + copies, command_seconds=SOON, message_seconds=2.0), outgoing()
        )
        assert outcome.kind == "transient"
        assert sink.mails == []


@pytest.mark.parametrize("mode", ["ssl", "starttls"])
def test_a_handshake_without_end_is_transient(
    impatient: Impatient, outgoing: Any, mode: str
) -> None:
    greeting = (
        b"220 here\r\n250-here\r\n250 STARTTLS\r\n220 go on\r\n" if mode == "starttls" else b""
    )
    with Endless(greeting + b"\x16\x03\x03\x40\x00", b"\x00", 0.02) as server:
        url = f"mailtos://127.0.0.1:{server.port}?from=a%40academy.example&mode={mode}"
        outcome = in_time(impatient(url), outgoing())
        assert (outcome.kind, outcome.about_channel) == ("transient", True)


def test_a_server_that_stops_taking_a_mail_is_transient(
    impatient: Impatient, outgoing: Any
) -> None:
    large = RenderedMessage("Large", "all of it\n" * 1_000_000, None)
    with Endless(
        b"220 here\r\n250 here\r\n250 ok\r\n250 ok\r\n354 go on\r\n", b"2", 0.02
    ) as server:
        url = f"mailto://127.0.0.1:{server.port}?from=a%40academy.example"
        assert in_time(impatient(url), outgoing(message=large)).kind == "transient"


def test_a_message_ends_before_its_claim_does() -> None:
    assert PLAN_MS + (MESSAGE_SECONDS + DOT_SECONDS) * 1_000 < CLAIM_MS
