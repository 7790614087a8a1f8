"""A channel that fails is seen: log, readiness, metrics, status, and a word by another channel."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chat_room import Room
from tests.installation import DONE, completed
from tests.real_service import RealService
from tests.smtp_sink import DROP, SmtpSink
from tests.waiting import until

FAILING = """
  - id: failing
    trigger: {channel_failing_for: 1s, channel: email}
    notify:
      - {post: room, template: channel_failing}
"""
NOW = 1_794_819_600_000
PEOPLE = "id,name,email\n" + "".join(f"{n},Ada {n},ada{n}@example.org\n" for n in range(77, 92))


@contextmanager
def service(folder: Path, sink: SmtpSink, room: Room, **more: str) -> Iterator[RealService]:
    """A service with people, which mails by the sink and posts to the room."""
    given = {"COURSEBELL_EMAIL_URL": sink.url, "COURSEBELL_CHAT_URL": room.url} | more
    found = RealService(folder, FAILING + DONE, COURSEBELL_LOG_FORMAT="json", **given)
    found.import_people(PEOPLE)
    with found:
        yield found


def metric(service: RealService, name: str, **labels: str) -> float | None:
    """One number of the service."""
    of = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return service.numbers().get(f"coursebell_{name}{{{of}}}")


def trouble(service: RealService) -> dict[str, str] | None:
    """What readiness says of the channel."""
    assert service.get("/readyz")["ready"]
    return service.check("channel email")


def logged(service: RealService, event: str) -> list[dict[str, Any]]:
    """The lines of the log with this beginning."""
    lines = service.logged().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and event in line]


def refuses_login(sink: SmtpSink) -> None:
    sink.on("AUTH", "535 5.7.8 no such user ada77@example.org")


def refuses_connection(sink: SmtpSink) -> None:
    sink.down()


def drops(sink: SmtpSink) -> None:
    sink.on("greeting", DROP)


def refuses_everybody(sink: SmtpSink) -> None:
    sink.on("RCPT", "550 5.7.1 relaying denied for ada77@example.org")


def mend(sink: SmtpSink) -> None:
    sink._house.orders.clear()
    if sink._listener is None or sink._listener.fileno() < 0:
        sink.up()


@pytest.mark.parametrize(
    ("breaks", "code", "words"),
    [
        (refuses_connection, None, "there is no connection to its server"),
        (drops, None, "there is no connection to its server"),
        (refuses_login, "535 5.7.8", "refuses the login"),
        (refuses_everybody, "550 5.7.1", "taken no message for anybody"),
    ],
)
def test_a_channel_that_fails_is_seen_and_told_of_by_another(
    tmp_path: Path, breaks: Any, code: str | None, words: str
) -> None:
    users = {"coursebell": "s3cret"}
    with SmtpSink(users=users) as sink, Room() as room, service(tmp_path, sink, room) as here:
        here.post(completed(NOW, 77))
        sink.wait_for(1)
        assert trouble(here) is None
        assert metric(here, "channel_failing", channel="email") == 0
        breaks(sink)
        sink.hang_up()

        here.post(*(completed(NOW, n) for n in range(78, 90)))
        found = until(lambda: trouble(here), "the trouble shows")

        assert found["state"] == "warning"
        assert words in found["detail"]
        assert (code or words) in found["detail"]
        assert "@" not in found["detail"]
        told = until(lambda: room.posts, "the room is told")[0]
        assert "No message has left by the channel email" in told["message"]
        assert metric(here, "channel_failing", channel="email") == 1
        assert metric(here, "channel_failing", channel="room") == 0
        assert (metric(here, "channel_failing_seconds", channel="email") or 0) > 0
        seen = here.command("status")
        assert seen.returncode == 1
        assert "look at  channel email fails since" in seen.stdout
        assert words[:20] in " ".join(seen.stdout.split())
        (line,) = [each for each in logged(here, "fails since") if "again" not in each]
        assert "@" not in line["message"]
        assert len(room.posts) == 1


def test_it_works_again_with_the_first_message(tmp_path: Path) -> None:
    users = {"coursebell": "s3cret"}
    with SmtpSink(users=users) as sink, Room() as room, service(tmp_path, sink, room) as here:
        refuses_everybody(sink)
        here.post(*(completed(NOW, n) for n in range(77, 90)))
        until(lambda: trouble(here), "the trouble shows")
        until(lambda: room.posts, "the room is told")
        assert metric(here, "channel_last_success_timestamp_seconds", channel="email") is None
        mend(sink)

        here.post(completed(NOW, 90))
        sink.wait_for(1)
        until(lambda: trouble(here) is None, "it works")
        (line,) = until(lambda: logged(here, "works again after"), "the log says so")
        assert line["message"].endswith("in which 13 tries failed")
        assert metric(here, "attempts_total", channel="email", outcome="accepted") == 1
        assert metric(here, "channel_last_success_timestamp_seconds", channel="email")
        until(lambda: here.command("status").returncode == 0, "nothing is to be looked at")
        assert len(room.posts) == 1

        refuses_login(sink)  # soon after, so that no turn is recorded
        sink.hang_up()
        here.post(completed(NOW, 91))
        seen = until(lambda: (d := here.command("status")).returncode and d, "it fails again")
        assert "refuses the login" in " ".join(seen.stdout.split())


def test_a_person_who_is_refused_is_no_trouble_of_the_channel(tmp_path: Path) -> None:
    with SmtpSink() as sink, Room() as room, service(tmp_path, sink, room) as here:
        refuses_everybody(sink)
        here.post(*(completed(NOW, n) for n in range(77, 80)))
        here.notifications(
            lambda items: [i["state"] for i in items] == ["given_up"] * 3, "all are given up"
        )
        assert metric(here, "attempts_total", channel="email", outcome="permanent") == 3
        assert trouble(here) is None
        assert room.posts == []
