"""The URL of a mail server: what may stand in it, what it means, and what is refused."""

import logging
from pathlib import Path
from typing import Any

import pytest

from service.sending.channels import ChannelError, open_channel
from service.sending.channels.smtp_url import ALIASES, EXPECTED, PARAMETERS, server_at
from tests.smtp_sink import DROP, SmtpSink

BASE = "mailtos://ada:s3cret@smtp.example.org?from=learning@example.org"
SETTINGS = Path(__file__).parents[3] / "docs" / "settings.md"


def refusal(url: str) -> str:
    with pytest.raises(ChannelError) as refused:
        server_at("email", url)
    told = str(refused.value)
    assert told.startswith(f"channel 'email': expected a URL like {EXPECTED}; ")
    assert "s3cret" not in told
    return told.partition(f"{EXPECTED}; ")[2]


def test_every_parameter_is_documented() -> None:
    page = SETTINGS.read_text(encoding="utf-8")
    missing = [each for each in (*PARAMETERS, *ALIASES) if f"`{each}`" not in page]
    assert missing == []


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("&reply_too=a@b.example", "parameter 2 is not one of from, name, reply_to, "),
        ("&reply_too=a@b.example", "; did you mean reply_to=?"),
        ("&+X-Header=a", "parameter 2 is not one of"),
        ("&to=a@b.example", "parameter 2 is not one of"),
        ("&reply_to=a@b.example&reply=a@b.example", "reply_to= is given twice"),
        ("&cc=", "cc=: expected a value on one line"),
        ("&cc=nobody", "cc=: expected one address"),
        ("&cc=a@b.example,x", "cc=: expected one address"),
        ("&bcc=дарья@example.org", "bcc=: expected ASCII before the @"),
        ("&bcc=a@b.example%0D%0AX-Evil:%201", "bcc=: expected a value on one line"),
        ("&name=Ada%0ABcc:%20eve@example.net", "name=: expected a value on one line"),
        ("&verify=maybe", "verify=: expected yes or no"),
        ("&mode=carrier-pigeon", "mode=: expected one of insecure, starttls, ssl"),
        ("&mode=insecure", "mode=: insecure contradicts mailtos://"),
        ("&FROM=a@b.example", "query: a parameter is given twice"),
        ("&smtp=two words", "host: expected a host name or an IP address"),
    ],
)
def test_a_parameter_that_cannot_work_is_refused(added: str, told: str) -> None:
    assert told in refusal(BASE + added)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mailto://", "host: expected the name of a mail server"),
        ("mailtos://?from=a@b.example", "host: expected the name of a mail server"),
        ("mailtos://smtp.example.org", "from=: expected the address of the sender"),
        ("mailtos://smtp.example.org?from=nobody", "from=: expected one address"),
        ("mailtos://smtp.example.org?from=Learning, team <a@b.example>", "stands in quotes"),
        ("mailtos://ada@smtp.example.org?from=a@b.example", "expected both or neither"),
        ("mailtos://ada:@smtp.example.org?from=a@b.example", "expected both or neither"),
        ("mailtos://:s3cret@smtp.example.org?from=a@b.example", "expected both or neither"),
        ("mailtos://a:b@smtp.example.org/a%40b.example?from=a@b.example", "path: expected nothing"),
        ("mailtos://smtp..example.org?from=a@b.example", "host: expected a host name"),
        ("mailtos://smtp.example.org:0?from=a@b.example", "port: expected a number from 1"),
        ("mailtos://smtp.example.org:465?from=a@b.example&mode=starttls", "port 465 is TLS"),
        ("mailto://smtp.example.org:465?from=a@b.example&mode=insecure", "port 465 is TLS"),
    ],
)
def test_a_url_that_can_only_fail_is_refused(url: str, told: str) -> None:
    assert told in refusal(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "security"),
    [
        ("mailtos://h.example", "h.example", 587, "starttls"),
        ("mailtos://h.example:465", "h.example", 465, "ssl"),
        ("mailto://h.example:465", "h.example", 465, "ssl"),
        ("mailtos://h.example?mode=ssl", "h.example", 465, "ssl"),
        ("mailto://h.example", "h.example", 25, "insecure"),
        ("MAILTOS://h.example:2525", "h.example", 2525, "starttls"),
        ("mailtos://ada:pw@gmail.com", "smtp.gmail.com", 587, "starttls"),
        ("mailtos://ada:pw@example.org?smtp=mx.example.org", "mx.example.org", 587, "starttls"),
    ],
)
def test_port_and_scheme_decide_how_it_is_secured(
    url: str, host: str, port: int, security: str
) -> None:
    server = server_at("email", f"{url}{'&' if '?' in url else '?'}from=a@b.example")
    assert (server.host, server.port, server.security) == (host, port, security)


@pytest.mark.parametrize(
    ("query", "name", "address"),
    [
        ("from=o'brien@example.org", None, "o'brien@example.org"),
        ("from=learning+x@example.org", None, "learning+x@example.org"),
        ("from=a@bücher.example", None, "a@xn--bcher-kva.example"),
        ("from=Lernende <a@b.example>", "Lernende", "a@b.example"),
        ('from="Lernen, Müller" <a@b.example>', "Lernen, Müller", "a@b.example"),
        ("from=a@b.example&name=Lernen, Müller", "Lernen, Müller", "a@b.example"),
        ("verify=no", None, "ada@h.example"),
        ("user=ada@example.org", None, "ada@example.org"),
    ],
)
def test_the_sender_is_who_was_written(query: str, name: str | None, address: str) -> None:
    sender = server_at("email", f"mailtos://ada:pw@h.example?{query}").sender
    assert (sender.name, str(sender.mailbox)) == (name, address)


COPIES = (
    "&reply_to=Help%20desk%20%3Chelp@example.org%3E,two@example.org"
    "&cc=%22Archive,%20all%22%20%3Carchive@example.org%3E&bcc=audit@example.org"
)


def test_copies_and_answers_go_where_the_url_says(outgoing: Any, tmp_path: Path) -> None:
    with SmtpSink() as sink:
        channel = open_channel("email", sink.url + COPIES, drawer=tmp_path)
        assert channel.send(outgoing(address="ada@example.org")).kind == "accepted"
        assert channel.send(outgoing(address="Archive@example.org")).kind == "accepted"
        channel.close()
    first, second = sink.mails
    assert first.recipients == ("ada@example.org", "archive@example.org", "audit@example.org")
    assert second.recipients == ("Archive@example.org", "audit@example.org")
    read = first.parsed
    assert str(read["Reply-To"]) == "Help desk <help@example.org>, two@example.org"
    assert str(read["Cc"]) == '"Archive, all" <archive@example.org>'
    assert read["Bcc"] is None and b"audit@" not in bytes(read)


@pytest.mark.parametrize("reply", ["550 5.1.1 nobody here", "451 4.2.0 later"])
def test_a_copy_that_is_refused_costs_the_reader_nothing(
    outgoing: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, reply: str
) -> None:
    with SmtpSink() as sink:
        sink.on("RCPT", reply, local="audit")
        channel = open_channel("email", sink.url + COPIES, drawer=tmp_path)
        with caplog.at_level(logging.WARNING):
            assert channel.send(outgoing(address="ada@example.org")).kind == "accepted"
        channel.close()
    assert sink.mails[0].recipients == ("ada@example.org", "archive@example.org")
    assert reply.split()[1] in caplog.text and "audit" not in caplog.text


@pytest.mark.parametrize("reply", ["421 4.3.2 closing", DROP])
def test_a_session_that_ends_at_a_copy_costs_the_reader_nothing(
    outgoing: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, reply: str
) -> None:
    with SmtpSink() as sink:
        sink.on("RCPT", reply, local="audit")
        channel = open_channel("email", sink.url + COPIES, drawer=tmp_path)
        with caplog.at_level(logging.WARNING):
            assert channel.send(outgoing(address="ada@example.org")).kind == "accepted"
            assert channel.send(outgoing(address="grace@example.org")).kind == "accepted"
        channel.close()
    assert [mail.recipients for mail in sink.mails] == [
        ("ada@example.org",),
        ("grace@example.org",),
    ]
    assert "goes without" in caplog.text and "audit" not in caplog.text


def test_a_reader_who_is_refused_gets_nothing_and_nobody_a_copy(
    outgoing: Any, tmp_path: Path
) -> None:
    with SmtpSink() as sink:
        sink.on("RCPT", "550 5.1.1 nobody here", local="ghost")
        channel = open_channel("email", sink.url + COPIES, drawer=tmp_path)
        outcome = channel.send(outgoing(address="ghost@example.org"))
        assert (outcome.kind, outcome.status) == ("permanent", "5.1.1")
        assert channel.send(outgoing(address="ada@example.org")).kind == "accepted"
        channel.close()
    assert len(sink.mails) == 1
