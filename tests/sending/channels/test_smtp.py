"""Mail over a real connection: who gets it, over what, and how few connections it takes."""

from pathlib import Path
from typing import Any

import pytest

from service.sending.channels import ChannelError, open_channel
from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at
from tests.smtp_sink import SmtpSink


def test_o_brien_gets_o_briens_mail_and_nobody_else_does(outgoing: Any, tmp_path: Path) -> None:
    with SmtpSink() as sink:
        channel = open_channel("email", sink.url, drawer=tmp_path)
        outcome = channel.send(outgoing(address="o'brien@example.org"))
        channel.close()
    assert (outcome.kind, outcome.code) == ("accepted", 250)
    (mail,) = sink.mails
    assert mail.recipients == ("o'brien@example.org",)
    assert mail.sender == "learning@academy.example"
    assert mail.parsed["To"].addresses[0].addr_spec == "o'brien@example.org"


@pytest.mark.parametrize(
    ("address", "mailed"),
    [
        ('"ada lovelace"@example.org', '"ada lovelace"@example.org'),
        ('"a>b"@example.org', '"a>b"@example.org'),
        ("ada+x/y@example.org", "ada+x/y@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("дарья@example.org", "дарья@example.org"),
    ],
)
def test_nasty_but_valid_addresses_arrive(
    outgoing: Any, tmp_path: Path, address: str, mailed: str
) -> None:
    with SmtpSink() as sink:
        channel = open_channel("email", sink.url, drawer=tmp_path)
        assert channel.send(outgoing(address=address)).kind == "accepted"
        channel.close()
    assert [mail.recipients for mail in sink.mails] == [(mailed,)]


@pytest.mark.parametrize("address", ["a@b,c@d", "a@b\nBcc: eve@example.net", "a@b>", None, ""])
def test_an_injection_is_refused_for_good_and_never_reaches_the_server(
    outgoing: Any, tmp_path: Path, address: str | None
) -> None:
    with SmtpSink() as sink:
        outcome = open_channel("email", sink.url, drawer=tmp_path).send(outgoing(address=address))
    assert (outcome.kind, outcome.status) == ("permanent", "5.1.3")
    assert sink.connections == 0


def test_an_address_beyond_ascii_is_refused_when_the_server_cannot_carry_it(
    outgoing: Any, tmp_path: Path
) -> None:
    with SmtpSink(extensions=()) as sink:
        channel = open_channel("email", sink.url, drawer=tmp_path)
        outcome = channel.send(outgoing(address="дарья@example.org"))
        assert (outcome.kind, outcome.status) == ("permanent", "5.6.7")
        assert "SMTPUTF8" in outcome.text
        assert channel.send(outgoing()).kind == "accepted"
        channel.close()


def test_a_hundred_mails_take_one_connection(outgoing: Any, tmp_path: Path) -> None:
    with SmtpSink() as sink:
        channel = open_channel("email", sink.url, drawer=tmp_path)
        for n in range(100):
            channel.send(outgoing(address=f"learner{n}@example.org"))
        channel.close()
    assert (sink.connections, len(sink.mails)) == (1, 100)
    assert sink.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA"] * 100, "QUIT"]


def test_dots_at_the_start_of_lines_arrive(outgoing: Any, tmp_path: Path) -> None:
    message = outgoing().message.__class__("Dots", ".\n..two\n.end\n", None)
    with SmtpSink() as sink:
        channel = open_channel("email", sink.url, drawer=tmp_path)
        channel.send(outgoing(message=message))
        channel.close()
    assert sink.mails[0].parsed.get_content() == ".\r\n..two\r\n.end\r\n"


@pytest.mark.parametrize("tls", ["starttls", "ssl"])
@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN"])
def test_it_logs_in_over_tls(outgoing: Any, tmp_path: Path, tls: str, mechanisms: str) -> None:
    users = {"academy": "p@ss:w/rd&?"}
    with SmtpSink(tls=tls, users=users, mechanisms=mechanisms) as sink:
        channel = open_channel("email", sink.url, drawer=tmp_path)
        assert channel.send(outgoing()).kind == "accepted"
        channel.close()
    assert sink.logins == [(mechanisms, "academy")]


@pytest.mark.parametrize("tls", ["starttls", "ssl"])
def test_a_certificate_nobody_vouches_for_is_not_trusted(
    outgoing: Any, tmp_path: Path, tls: str
) -> None:
    with SmtpSink(tls=tls, users={"academy": "s3cret"}) as sink:
        url = sink.url.replace("&verify=no", "")
        outcome = open_channel("email", url, drawer=tmp_path).send(outgoing())
    assert outcome.kind == "transient"
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.text
    assert sink.logins == []


@pytest.mark.parametrize("tls", ["starttls", "ssl"])
def test_a_certificate_the_machine_trusts_is_trusted(
    outgoing: Any, tmp_path: Path, tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SmtpSink(tls=tls) as sink:
        monkeypatch.setenv("SSL_CERT_FILE", str(sink.certificate))
        channel = open_channel("email", sink.url.replace("&verify=no", ""), drawer=tmp_path)
        assert channel.send(outgoing()).kind == "accepted"
        channel.close()


def test_no_mail_leaves_in_the_clear_when_starttls_was_asked_for(
    outgoing: Any, tmp_path: Path
) -> None:
    with SmtpSink() as sink:
        url = sink.url.replace("mailto:", "mailtos:") + "&mode=starttls"
        assert open_channel("email", url, drawer=tmp_path).send(outgoing()).kind == "transient"
    assert sink.verbs() == ["EHLO"]


def test_an_idle_connection_the_server_closed_is_replaced(outgoing: Any) -> None:
    with SmtpSink() as sink:
        channel = SmtpChannel(server_at("email", sink.url), idle_seconds=0.0)
        channel.send(outgoing())
        sink.hang_up()
        assert channel.send(outgoing()).kind == "accepted"
        channel.close()
    assert (sink.connections, len(sink.mails)) == (2, 2)


def test_a_kept_connection_that_just_died_costs_no_attempt(outgoing: Any) -> None:
    with SmtpSink() as sink:
        channel = SmtpChannel(server_at("email", sink.url))
        channel.send(outgoing())
        sink.hang_up()
        assert channel.send(outgoing()).kind == "accepted"
        channel.close()
    assert (sink.connections, len(sink.mails)) == (2, 2)


def test_a_server_that_came_back_is_used_again(outgoing: Any, tmp_path: Path) -> None:
    with SmtpSink() as sink:
        channel = open_channel("email", sink.url, drawer=tmp_path)
        assert channel.send(outgoing()).kind == "accepted"
        sink.down()
        assert channel.send(outgoing()).kind == "transient"
        sink.up()
        assert channel.send(outgoing()).kind == "accepted"
        channel.close()


@pytest.mark.parametrize(
    "url",
    [
        "mailto://",
        "mailtos://user:hunter2@smtp.example.org?from=o'brien@@example.org",
        "mailtos://user:hunter2@smtp.example.org?from=nobody",
        "mailtos://user:hunter2@smtp.example.org?mode=carrier-pigeon",
        "mailtos://user:hunter2@smtp.example.org:99999999?from=a@b.example",
    ],
)
def test_a_url_that_is_none_is_refused_without_repeating_it(
    tmp_path: Path, url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    try:
        open_channel("office", url, drawer=tmp_path)
        refusal = ""
    except ChannelError as error:
        refusal = str(error)
        assert "channel 'office'" in refusal and "expected" in refusal
    said = refusal + caplog.text + "".join(capfd.readouterr())
    assert "hunter2" not in said and "brien" not in said
    assert refusal
