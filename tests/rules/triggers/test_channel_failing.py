"""A way out that fails for long is told of once, by another, whatever restarts or is edited."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from service.learners.directory.people import PersonRow
from service.rules.triggers.channel_failing import ChannelFailing, ChannelWorking, recorded_channel
from service.sending.channels import SendResult
from tests.installation import ADA, DONE, HOUR, MINUTE, START, Installation, completed
from tests.simulation.recorded_history import verified
from tests.smtp_sink import SmtpSink

FAILING = """
  - id: failing
    trigger: {channel_failing_for: 30m}
    notify:
      - {post: room, template: channel_failing}
      - {to: 'group:staff', via: email, template: channel_failing}
"""
STAFF = [ADA, PersonRow("78", name="Grace", email="grace@example.org", groups=("staff",))]
TROUBLE = SendResult("transient", about_channel=True)
TAKEN = SendResult("accepted")


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def desk(tmp_path: Path, sink: SmtpSink) -> Iterator[Installation]:
    with Installation(tmp_path, DONE + FAILING, email=sink.url) as desk:
        desk.import_people(STAFF)
        yield desk


def play(desk: Installation, begin: int, minutes: int) -> None:
    for minute in range(minutes):
        desk.tick(START + (begin + minute) * MINUTE)


def told(desk: Installation) -> list[tuple[str, str, str]]:
    rows = [row for row in desk.notifications() if row["rule"] == "failing"]
    return [(row["recipient"], row["state"], row["reason"]) for row in rows]


def turns(desk: Installation, name: str = "email") -> list[str]:
    return [body.topic for body in desk.app.store.stream(f"channel/{name}")]


def test_it_is_told_of_once_and_not_by_itself(desk: Installation, sink: SmtpSink) -> None:
    sink.down()
    desk.post(completed(START, 77))
    play(desk, 0, 29)
    assert told(desk) == []
    play(desk, 29, 90)

    assert told(desk) == [("room:room", "sent", None)], "nobody hears it by the mail that fails"
    (text,) = desk.drawer()
    assert "since 16 November 2026, 09:00 UTC (connection)" in text
    assert turns(desk) == [ChannelFailing.TOPIC]


def test_another_trouble_is_the_same_failing(desk: Installation) -> None:
    health = desk.app.deliveries.health["email"]
    login = SendResult("transient", 535, about_channel=True)
    for minute in range(60):
        health.hear(TROUBLE if minute < 20 else login, "a", START + minute * MINUTE)
        desk.tick(START + minute * MINUTE)

    failing = recorded_channel(desk.app.store.latest, "email")
    assert failing and (failing.since, failing.trouble, failing.code) == (START, "login", 535)
    assert turns(desk) == [ChannelFailing.TOPIC] * 2
    assert told(desk) == [("room:room", "sent", None)]


def test_a_room_that_fails_is_told_of_by_mail(tmp_path: Path, sink: SmtpSink) -> None:
    chat = {"COURSEBELL_CHAT_URL": "json://127.0.0.1:1/hook"}
    aside = DONE.replace("to: learner, via: email, template: completed", "post: room, template: x")
    aside = aside.replace("template: x", "template: letter_set_aside")
    with Installation(tmp_path, aside + FAILING, email=sink.url, **chat) as desk:
        desk.import_people([msgspec.structs.replace(STAFF[1], source="adobe", account="1234")])
        desk.post(completed(START, 77))
        play(desk, 0, 40)

        (mail,) = sink.mails
        assert mail.recipients == ("grace@example.org",)
        assert "No message has left by the channel room" in mail.parsed.get_content()


def test_working_between_begins_anew(desk: Installation, sink: SmtpSink) -> None:
    sink.down()
    desk.post(completed(START, 77))
    play(desk, 0, 3)
    sink.up()
    play(desk, 3, 37)
    assert len(sink.mails) == 1
    sink.down()
    desk.post(completed(START + 40 * MINUTE, 77, course="course:8", session="course:8_1"))
    play(desk, 40, 29)
    assert told(desk) == []
    play(desk, 69, 30)

    assert told(desk) == [("room:room", "sent", None)]
    assert turns(desk) == [ChannelFailing.TOPIC, ChannelWorking.TOPIC, ChannelFailing.TOPIC]


def test_a_restart_neither_repeats_nor_forgets(desk: Installation, sink: SmtpSink) -> None:
    sink.down()
    desk.post(completed(START, 77))
    play(desk, 0, 20)
    desk.reopen(START + 20 * MINUTE)
    play(desk, 20, 16)
    assert told(desk) == [("room:room", "sent", None)], "once it was tried again"
    desk.reopen(START + HOUR)
    play(desk, 60, 60)

    assert told(desk) == [("room:room", "sent", None)]


def test_a_service_that_was_off_asks_only_once_it_has_tried(
    desk: Installation, sink: SmtpSink
) -> None:
    sink.down()
    desk.post(completed(START, 77))
    play(desk, 0, 5)
    sink.up()
    desk.reopen(START + 5 * HOUR)
    play(desk, 300, 60)

    assert (told(desk), len(sink.mails)) == ([], 1)


def test_what_works_before_the_message_leaves_is_taken_back(
    desk: Installation, sink: SmtpSink
) -> None:
    sink.down()
    desk.post(completed(START, 77))
    play(desk, 0, 29)
    desk.app.ask_feeds(START + 31 * MINUTE)
    sink.up()
    desk.app.deliveries["email"].deliver(START + 40 * MINUTE)
    desk.app.ask_feeds(START + 40 * MINUTE)
    desk.tick(START + 40 * MINUTE)

    assert told(desk) == [("room:room", "cancelled", "no_longer_true")]


def test_a_rule_that_comes_later_tells_of_what_fails_still(
    desk: Installation, sink: SmtpSink
) -> None:
    desk.write_rules(DONE)
    desk.app.reload(START)
    sink.down()
    desk.post(completed(START, 77))
    play(desk, 0, 60)
    desk.write_rules(DONE + FAILING)
    desk.app.reload(START + HOUR)
    play(desk, 60, 30)

    assert told(desk) == [("room:room", "sent", None)]


def test_a_held_channel_fails_too(desk: Installation, sink: SmtpSink) -> None:
    desk.rules.write_text(
        desk.rules.read_text().replace("_URL}\n  room", "_URL:-drawer://}\n  room")
    )
    desk.reopen(START)
    del desk.environ["COURSEBELL_EMAIL_URL"]
    desk.reopen(START + MINUTE)
    play(desk, 1, 10)
    desk.reopen(START + 11 * MINUTE)
    play(desk, 11, 40)
    assert told(desk) == [("room:room", "sent", None)]
    desk.environ["COURSEBELL_EMAIL_URL"] = sink.url
    desk.reopen(START + HOUR)
    desk.tick(START + HOUR)

    assert turns(desk) == [ChannelFailing.TOPIC, ChannelWorking.TOPIC]


def test_flapping_does_not_fill_the_ledger(desk: Installation) -> None:
    health = desk.app.deliveries.health["email"]
    for minute in range(24 * 60):
        health.hear(TROUBLE if minute % 2 else TAKEN, "a", START + minute * MINUTE)
        desk.app.ask_feeds(START + minute * MINUTE)

    assert len(turns(desk)) <= 2 * 24 * 60 // 10
    assert told(desk) == []


def test_the_decision_is_made_again_from_the_log(desk: Installation, sink: SmtpSink) -> None:
    sink.down()
    desk.post(completed(START, 77))
    play(desk, 0, 40)
    result = verified(desk)

    assert (result.decisions, result.reproduced, result.elsewhere) == (2, 2, 0)
