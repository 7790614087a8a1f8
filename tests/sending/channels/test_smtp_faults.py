"""What a server refuses, and where a connection dies, decides what becomes of the mail."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at
from tests.smtp_sink import DROP, HANG, KEEP_AND_DROP, SmtpSink

Impatient = Callable[..., SmtpChannel]


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def impatient() -> Iterator[Impatient]:
    """Open channels that wait so many seconds for an answer, and close them afterwards."""
    with ExitStack() as opened:

        def to(place: SmtpSink | str, seconds: float = 10.0) -> SmtpChannel:
            url = place if isinstance(place, str) else place.url
            server = server_at("email", url)
            channel = SmtpChannel(server, command_seconds=seconds, dot_seconds=seconds)
            opened.callback(channel.close)
            return channel

        yield to


@pytest.mark.parametrize(
    ("verb", "reply", "kind", "code", "status"),
    [
        ("RCPT", "550 5.1.1 no such user", "permanent", 550, "5.1.1"),
        ("RCPT", "550 no such user", "permanent", 550, None),
        ("RCPT", "550-5.1.1 no such\r\n550 5.1.1 user", "permanent", 550, "5.1.1"),
        ("RCPT", "450 4.2.0 greylisted", "transient", 450, "4.2.0"),
        ("RCPT", "452 4.2.2 mailbox full", "transient", 452, "4.2.2"),
        ("RCPT", "550 4.7.1 try later", "transient", 550, "4.7.1"),
        ("RCPT", "451 5.1.1 no such user", "permanent", 451, "5.1.1"),
        ("RCPT", "421 4.7.0 too many", "transient", 421, "4.7.0"),
        ("RCPT", "530 5.7.0 log in first", "transient", 530, "5.7.0"),
        ("DATA", "554 5.7.1 spam", "permanent", 554, "5.7.1"),
        ("DATA", "451 4.3.0 busy", "transient", 451, "4.3.0"),
        ("dot", "554 5.6.0 bad content", "permanent", 554, "5.6.0"),
        ("dot", "552 5.3.4 too big", "permanent", 552, "5.3.4"),
        ("dot", "452 4.3.1 no room", "transient", 452, "4.3.1"),
        ("dot", "421 4.3.2 shutting down", "transient", 421, "4.3.2"),
        ("MAIL", "550 5.7.1 you may not send", "transient", 550, "5.7.1"),
        ("EHLO", "554 5.7.1 go away", "transient", None, None),
        ("greeting", "554 5.3.2 closed", "transient", 554, "5.3.2"),
        ("greeting", "421 4.3.2 busy", "transient", 421, "4.3.2"),
    ],
)
def test_a_refusal_is_heard(
    impatient: Impatient,
    sink: SmtpSink,
    outgoing: Any,
    verb: str,
    reply: str,
    kind: str,
    code: int,
    status: str,
) -> None:
    sink.on(verb, reply)
    sink.on("HELO", reply)
    outcome = impatient(sink).send(outgoing())
    assert outcome.kind == kind
    assert code is None or (outcome.code, outcome.status) == (code, status)
    assert sink.mails == []


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "dot", "MAIL"])
def test_a_refusal_leaves_the_next_mail_alone(
    impatient: Impatient, sink: SmtpSink, outgoing: Any, verb: str
) -> None:
    sink.on(verb, "550 5.1.1 no", times=1)
    channel = impatient(sink)
    channel.send(outgoing(address="ghost@example.org"))
    assert channel.send(outgoing()).kind == "accepted"
    channel.close()
    assert [mail.recipients for mail in sink.mails] == [("ada@example.org",)]


def test_one_refused_recipient_among_many_is_refused_alone(
    impatient: Impatient, sink: SmtpSink, outgoing: Any
) -> None:
    sink.on("RCPT", "550 5.1.1 no such user", local="ghost")
    channel = impatient(sink)
    kinds = [channel.send(outgoing(address=f"{n}@example.org")).kind for n in ("a", "ghost", "b")]
    channel.close()
    assert kinds == ["accepted", "permanent", "accepted"]
    assert sink.connections == 1


@pytest.mark.parametrize("verb", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", [DROP, HANG, "garbage", "2xx what", "999 what"])
def test_what_dies_before_the_mail_was_handed_over_is_transient(
    impatient: Impatient, sink: SmtpSink, outgoing: Any, verb: str, fault: str
) -> None:
    sink.on("HELO", fault)
    sink.on(verb, fault)
    assert impatient(sink, patience(fault)).send(outgoing()).kind == "transient"
    assert sink.mails == []


@pytest.mark.parametrize("fault", [DROP, KEEP_AND_DROP, HANG, "garbage", "354 what", "999 what"])
def test_what_dies_after_it_is_unknown(
    impatient: Impatient, sink: SmtpSink, outgoing: Any, fault: str
) -> None:
    sink.on("dot", fault, times=1)
    channel = impatient(sink, patience(fault))
    assert channel.send(outgoing()).kind == "unknown"
    assert channel.send(outgoing()).kind == "accepted"
    channel.close()
    assert len(sink.mails) == (2 if fault == KEEP_AND_DROP else 1)
    assert len({mail.parsed["Message-ID"] for mail in sink.mails}) == 1


def test_a_long_line_for_an_answer_is_no_refusal(
    impatient: Impatient, sink: SmtpSink, outgoing: Any
) -> None:
    sink.on("dot", "250 " + "x" * 10_000)
    assert impatient(sink).send(outgoing()).kind == "unknown"


def test_a_wrong_password_gives_up_nobodys_mail(impatient: Impatient, outgoing: Any) -> None:
    with SmtpSink(tls="starttls", users={"academy": "right"}) as sink:
        outcome = impatient(sink.url.replace("right", "hunter2")).send(outgoing())
    assert (outcome.kind, outcome.code, outcome.status) == ("transient", 535, "5.7.8")
    assert "hunter2" not in outcome.text
    assert sink.mails == []


def test_nobody_listening_is_transient(impatient: Impatient, outgoing: Any) -> None:
    with SmtpSink() as sink:
        url = sink.url
    assert impatient(url).send(outgoing()).kind == "transient"


def test_a_host_nobody_knows_is_transient(impatient: Impatient, outgoing: Any) -> None:
    url = "mailto://nowhere.invalid:25?from=a%40academy.example"
    assert impatient(url).send(outgoing()).kind == "transient"


def test_closing_twice_is_harmless(impatient: Impatient, sink: SmtpSink, outgoing: Any) -> None:
    channel = impatient(sink)
    channel.send(outgoing())
    channel.close()
    channel.close()
    assert sink.verbs()[-1] == "QUIT"


def patience(fault: str) -> float:
    """Wait for silence only as long as a busy machine may need for an answer."""
    return 1.0 if fault == HANG else 10.0
