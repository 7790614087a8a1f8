"""How a channel does, try by try: what makes it fail, what makes it work, what the log hears."""

import logging
from typing import Any

import pytest

from service.sending.channel_health import ChannelHealth, ChannelState, HealthLog, tell_again_at
from service.sending.channels import SendResult, open_channel
from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at
from tests.installation import HOUR, MINUTE, START
from tests.smtp_sink import DRIP, HANG, KEEP_AND_DROP, SmtpSink

TAKEN = SendResult("accepted", 250)
NOBODY = SendResult("permanent", 550, "5.1.1", text="no such user ada@example.org")
LATER = SendResult("transient", 450, "4.2.1")
LOGIN = SendResult("transient", 535, "5.7.8", about_channel=True, where="preparing the session")


def after(*tries: tuple[SendResult, str | None]) -> ChannelState:
    """The state after tries, a minute apart, for these readers."""
    state = ChannelState()
    for place, (result, reader) in enumerate(tries):
        state = state.after(result, reader, START + place * MINUTE)
    return state


def test_trouble_of_its_own_fails_at_once() -> None:
    state = after((TAKEN, "a"), (LOGIN, "a"), (LOGIN, "b"))

    assert (state.since, state.trouble, state.failed) == (START + MINUTE, "login", 2)
    assert state.in_words().startswith(
        "fails since 2026-11-16 09:01:00Z, 2 tries since (535 5.7.8)"
    )


@pytest.mark.parametrize("refused", [NOBODY, LATER])
def test_ten_tries_for_three_people_without_one_success_are_a_failing(refused: SendResult) -> None:
    tries = [(refused, f"{n % 3}@example.org") for n in range(10)]

    assert after(*tries[:9]).since is None
    state = after(*tries)
    assert (state.since, state.trouble) == (START, "nobody")
    assert after(*tries[:5], (TAKEN, "a"), *tries[5:]).since is None


def test_who_has_left_is_no_failing() -> None:
    assert after(*[(NOBODY, f"{n % 2}@example.org") for n in range(30)]).since is None


def test_an_address_that_is_none_asks_no_server() -> None:
    unusable = SendResult("permanent", status="5.1.3", text="address: no domain")
    assert after(*[(unusable, f"{n}@example") for n in range(30)]) == ChannelState()


def test_a_room_is_all_that_its_channel_reaches() -> None:
    assert after((SendResult("permanent", 404), None)).trouble == "refused"
    assert after((SendResult("permanent", 403), None)).trouble == "login"
    assert after((SendResult("transient", 503), None)).trouble == "busy"
    assert after((SendResult("unknown"), None)).trouble == "no_answer"
    assert after((SendResult("transient", 503), None), (TAKEN, None)) == ChannelState()


@pytest.mark.parametrize(
    ("verb", "reply", "trouble"),
    [
        ("greeting", DRIP, "connection"),
        ("greeting", "554 5.3.0 no service here", "refused"),
        ("greeting", "421 4.3.2 going down", "busy"),
        ("EHLO", HANG, "connection"),
        ("AUTH", "535 5.7.8 no", "login"),
        ("AUTH", "454 4.7.0 later", "login"),
        ("MAIL", "550 5.7.1 not you", "refused"),
        ("dot", KEEP_AND_DROP, "no_answer"),
        ("dot", DRIP, "no_answer"),
    ],
)
def test_what_a_mail_server_does_has_a_kind(
    outgoing: Any, verb: str, reply: str, trouble: str
) -> None:
    with SmtpSink(users={"a": "b"}) as sink:
        sink.on(verb, reply)
        channel = SmtpChannel(server_at("email", sink.url), command_seconds=0.3, dot_seconds=0.3)
        state = ChannelState().after(channel.send(outgoing()), "ada", START)
        channel.close()

    assert (state.since, state.trouble) == (START, trouble)


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("mailto://nowhere.invalid?from=a@example.org", "connection"),
        ("mailto://127.0.0.1:1?from=a@example.org", "connection"),
    ],
)
def test_a_server_that_is_not_there(outgoing: Any, tmp_path: Any, url: str, trouble: str) -> None:
    channel = open_channel("email", url, drawer=tmp_path)
    assert ChannelState().after(channel.send(outgoing()), "a", 0).trouble == trouble


def test_a_server_that_speaks_another_protocol(outgoing: Any, tmp_path: Any) -> None:
    """As one does whose port of IMAP was taken for that of SMTP."""
    with SmtpSink() as sink:
        sink.on("greeting", "* OK IMAP4rev1 ready")
        found = open_channel("email", sink.url, drawer=tmp_path).send(outgoing())
    assert (found.code, found.where) == (None, "connecting, no SMTP")
    assert ChannelState().after(found, "a", 0).trouble == "connection"


def test_a_certificate_nobody_knows(outgoing: Any) -> None:
    with SmtpSink(tls="ssl") as sink:
        channel = SmtpChannel(server_at("email", sink.url.replace("&verify=no", "")))
        assert ChannelState().after(channel.send(outgoing()), "a", 0).trouble == "tls"


def test_it_is_told_of_again_at_growing_distance() -> None:
    at, told = START, []
    for _ in range(5):
        at = tell_again_at(START, at)
        told.append((at - START) // MINUTE)
    assert told == [1, 10, 60, 120, 180]


def heard(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.__dict__["event"] for record in caplog.records]


def test_the_log_hears_once_and_then_with_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    health, told = ChannelHealth(), HealthLog()
    for minute in range(130):
        health.hear(LOGIN, "ada@example.org", START + minute * MINUTE)
        told.look({"email": health}, START + minute * MINUTE)
    health.hear(TAKEN, "ada@example.org", START + 130 * MINUTE)
    assert told.look({"email": health}, START + 130 * MINUTE) == {}

    assert heard(caplog) == [*["channel.failing"] * 5, "channel.working"]
    last, end = (record.__dict__ for record in caplog.records[-2:])
    assert (last["channel"], last["trouble"], last["code"], last["failed"]) == (
        "email", "login", 535, 121,
    )  # fmt: skip
    assert (end["failed"], end["seconds"]) == (130, 130 * 60)
    assert "@" not in caplog.text


def test_flapping_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    health, told = ChannelHealth(), HealthLog()
    for minute in range(120):
        health.hear(LOGIN if minute % 2 else TAKEN, "a", START + minute * MINUTE)
        told.look({"email": health}, START + minute * MINUTE)

    assert heard(caplog).count("channel.failing") <= 2 * HOUR // (10 * MINUTE)
