"""Chat against a real HTTP server: one post, what it says, what each answer means."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.sending.channels import ChannelError, open_channel
from service.sending.channels.chat import literal
from service.sending.channels.chat_url import ALLOWED
from service.sending.templates.templates import RenderedMessage
from tests.chat_room import LOCAL, Room, room_channel
from tests.sending.channels.chat_services import URLS, Services


@pytest.fixture
def room() -> Iterator[Room]:
    with Room() as room:
        yield room


@pytest.fixture
def note(outgoing: Any) -> Any:
    return outgoing(
        address=None,
        name=None,
        message=RenderedMessage("A seat is free", "One seat in Logic.\n", None),
    )


def test_a_room_gets_one_post_with_our_words(room: Room, note: Any, tmp_path: Path) -> None:
    channel = open_channel("ops", room.url, drawer=tmp_path, private_networks=LOCAL)
    outcome = channel.send(note)
    channel.close()
    assert (channel.form, channel.batch) == ("chat", 1)
    assert (outcome.kind, outcome.code) == ("accepted", 200)
    (post,) = room.posts
    assert (post["title"], post["message"]) == ("A seat is free", "One seat in Logic.")
    assert "apprise" not in json.dumps(post).lower()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (201, "accepted"),
        (301, "permanent"),
        (400, "permanent"),
        (401, "permanent"),
        (404, "permanent"),
        (410, "permanent"),
        (408, "transient"),
        (425, "transient"),
        (429, "transient"),
        (500, "transient"),
        (503, "transient"),
        (None, "unknown"),
    ],
)
def test_an_answer_decides(
    room: Room, note: Any, tmp_path: Path, status: int | None, kind: str
) -> None:
    room.status = status
    outcome = open_channel("ops", room.url, drawer=tmp_path, private_networks=LOCAL).send(note)
    assert (outcome.kind, outcome.code) == (kind, status)
    assert len(room.posts) == 1
    assert "s3cret" not in outcome.text


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120.0),
        ("999999", 3600.0),
        ("soon", None),
        ("Fri, 20 Nov 2026 08:31:30 GMT", 90.0),
    ],
)
def test_retry_after_is_honoured_up_to_an_hour(
    room: Room, note: Any, tmp_path: Path, asked: str, seconds: float | None
) -> None:
    room.status, room.headers = 429, {"Retry-After": asked}
    if ":" in asked:
        room.headers["Date"] = "Fri, 20 Nov 2026 08:30:00 GMT"
    outcome = open_channel("ops", room.url, drawer=tmp_path, private_networks=LOCAL).send(note)
    assert outcome.retry_after == seconds


def test_no_answer_in_time_is_unknown_and_not_tried_again(room: Room, note: Any) -> None:
    room.status = 0
    outcome = room_channel(room.url + "?retry=3", read_seconds=1).send(note)
    assert outcome.kind == "unknown"
    assert len(room.posts) == 1


def test_the_whole_call_has_a_deadline(room: Room, note: Any) -> None:
    room.status = 0
    outcome = room_channel(room.url, read_seconds=5, total_seconds=1).send(note)
    room.over.set()
    assert outcome.kind == "unknown"


def test_nobody_listening_is_transient(note: Any, tmp_path: Path) -> None:
    with Room() as room:
        url = room.url
    assert room_channel(url).send(note).kind == "transient"


def test_a_redirect_is_not_followed_even_if_the_url_asks(room: Room, note: Any) -> None:
    room.status, room.headers = 302, {"Location": f"http://127.0.0.1:{room.port}/elsewhere"}
    outcome = room_channel(room.url + "?redirect=yes").send(note)
    assert outcome.kind == "permanent"
    assert room.paths == ["/hooks/s3cret-t0ken"]


def test_two_posts_in_a_row_need_no_pause(room: Room, note: Any) -> None:
    channel = room_channel(room.url)
    for _ in range(5):
        channel.send(note)
    assert len(room.posts) == 5


def test_what_is_sent_is_cut_by_nobody(room: Room, outgoing: Any) -> None:
    message = RenderedMessage("Finished", "word " * 20_000, None)
    channel = room_channel(room.url)
    assert not channel.fits(message)
    assert channel.fits(RenderedMessage("Finished", "word " * 6_000, None))
    assert channel.send(outgoing(message=message)).kind == "accepted"
    (post,) = room.posts
    assert post["message"] == message.text.strip()


def test_a_subject_too_long_for_a_title_begins_the_text(room: Room, outgoing: Any) -> None:
    subject = "Ada Lovelace completed " + "Safety in the laboratory " * 12
    room_channel(room.url).send(outgoing(message=RenderedMessage(subject, "Well.", None)))
    (post,) = room.posts
    assert post["message"] == f"{subject}\n\nWell."
    assert len(post["title"]) <= 250 and post["title"].endswith("laboratory…")


@pytest.mark.parametrize("service", ["opsgenie", "jira"])
def test_an_alert_is_posted_and_not_only_called_posted(
    monkeypatch: pytest.MonkeyPatch, note: Any, service: str
) -> None:
    with Services(monkeypatch) as services:
        assert room_channel(URLS[service]).send(note).kind == "accepted"
        assert "One seat in Logic." in services.texts


@pytest.mark.parametrize(
    "hostile",
    [
        "<!channel>",
        "<!everyone>",
        "<@U123>",
        "<@&42>",
        "<users/all>",
        "<https://evil.example|your course>",
        "@here",
        "@channel",
        "@everyone",
        "@**all**",
        "(@all)",
        "[x](http://evil.example)",
        "```",
    ],
)
def test_what_would_call_people_or_hide_a_link_is_made_literal(
    room: Room, outgoing: Any, hostile: str
) -> None:
    message = RenderedMessage(hostile, f"Seat free in {hostile}", None)
    room_channel(room.url).send(outgoing(message=message))
    (post,) = room.posts
    assert hostile not in post["message"] and hostile not in post["title"]
    assert post["message"].replace("\u200b", "").replace("ˋ", "`") == f"Seat free in {hostile}"


def test_ordinary_text_is_left_as_it_is() -> None:
    text = "2 < 3 & 4 > 1, ask ops@example.org, https://lms.example/c/1?a=b_c *now* [1]"
    assert literal(text) == text


@pytest.mark.parametrize(
    "url",
    [
        "dbus://",
        "syslog://",
        "gnome://",
        "windows://",
        "macosx://",
        "twilio://sid:hunter2@15551234567/15557654321",
        "sendgrid://hunter2:a@b.example",
        "carrier-pigeon://hunter2",
        "hunter2",
        "",
        "slack://hunter2",
        "json://",
        "discord://hunter2",
        "tgram://123456789:hunter2_hunter2_hunter2/1/2/3",
    ],
)
def test_a_url_we_do_not_serve_is_refused_without_repeating_it(
    tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ChannelError) as refusal:
        open_channel("ops", url, drawer=tmp_path)
    assert "channel 'ops'" in str(refusal.value)
    assert "hunter2" not in str(refusal.value) + caplog.text


def test_no_log_line_holds_the_secret(
    room: Room, note: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        channel = room_channel(room.url)
        for status in (200, 404, 500, None):
            room.status = status
            channel.send(note)
    assert "s3cret" not in caplog.text


def test_mail_and_what_acts_on_this_machine_are_no_rooms() -> None:
    local = {"dbus", "qt", "kde", "glib", "gio", "gnome", "macosx", "windows", "syslog", "blink1"}
    assert not ALLOWED & (local | {"mailto", "mailtos", "rsyslog", "smpp", "twilio", "sns", "ses"})


def test_a_web_address_stays_as_it_is_and_still_calls_nobody() -> None:
    assert literal("https://m.example/@team?x=a@b") == "https://m.example/@team?x=a@b"
    assert "@everyone" not in literal("https://m.example/@everyone")
    assert "](" not in literal("[https://a.example](https://evil.example)")
    assert "](" not in literal("see [x](https://evil.example/@a)")
    assert "@ada" not in literal("https://m.example/ @ada")
