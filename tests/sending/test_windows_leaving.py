"""Send windows: the leaving waits for a decent hour where the reader is, the deciding does not."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from service.learners.directory.people import PersonRow
from tests.installation import (
    ADA,
    DAY,
    DONE,
    FREE,
    HOUR,
    MINUTE,
    START,
    Installation,
    completed,
    revoked,
    seats,
)
from tests.smtp_sink import SmtpSink

HEAD = """
defaults: {timezone: Europe/Berlin, send_window: office}
time_intervals:
  office: [{weekdays: [mon, tue, wed, thu, fri], from: "08:00", until: "18:00"}]
  always_at_two: [{from: "02:30", until: "03:30"}]
"""
FRIDAY_NIGHT = START + 4 * DAY + 11 * HOUR
"""20 November, 21:00 in Berlin."""
MONDAY_MORNING = START + 6 * DAY + 22 * HOUR


def at(text: str, zone: str = "Europe/Berlin") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def office(folder, rules=DONE, email="drawer://", **more):
    desk = Installation(folder, rules, email=email, head=HEAD, **more)
    desk.import_people([ADA])
    return desk


def test_a_message_waits_for_the_window_and_says_so(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(FRIDAY_NIGHT, 77))
        desk.tick(FRIDAY_NIGHT)
        (row,) = desk.notifications()
        assert (row["state"], row["reason"]) == ("scheduled", "send_window office")
        assert row["due_at"] == MONDAY_MORNING
        assert row["decided_at"] == FRIDAY_NIGHT

        desk.tick(MONDAY_MORNING - 1)
        assert desk.drawer() == []
        desk.tick(MONDAY_MORNING)

        assert desk.states() == ["sent"]
        assert desk.history()[:2] == ["notification.owed", "notification.deferred"]


def test_inside_the_window_nothing_waits(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 77))
        desk.tick(START)
        assert desk.states() == ["sent"]


def test_the_window_is_where_the_reader_is(tmp_path):
    with office(tmp_path) as desk:
        desk.import_people([PersonRow("77", email="ada@example.org", timezone="Asia/Tokyo")])
        desk.post(completed(START + 3 * HOUR, 77))
        desk.tick(START + 3 * HOUR)  # 13:00 in Berlin, 21:00 in Tokyo

        (row,) = desk.notifications()
        assert row["due_at"] == at("2026-11-17 08:00", "Asia/Tokyo")


def test_a_room_has_the_zone_of_the_file(tmp_path):
    with office(tmp_path, FREE) as desk:
        desk.post(seats(FRIDAY_NIGHT - 1, 10), seats(FRIDAY_NIGHT, 9))
        desk.tick(FRIDAY_NIGHT)
        assert [row["due_at"] for row in desk.notifications()] == [MONDAY_MORNING]


def test_any_leaves_at_any_hour(tmp_path):
    with office(tmp_path, FREE.replace("template:", "send_window: any, template:")) as desk:
        desk.post(seats(FRIDAY_NIGHT - 1, 10), seats(FRIDAY_NIGHT, 9))
        desk.tick(FRIDAY_NIGHT)
        assert desk.states() == ["sent"]


def test_what_became_untrue_while_it_waited_is_not_sent(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(FRIDAY_NIGHT, 77))
        desk.tick(FRIDAY_NIGHT)
        desk.post(revoked(FRIDAY_NIGHT + HOUR, 77))
        desk.tick(MONDAY_MORNING)
        assert [(r["state"], r["reason"]) for r in desk.notifications()] == [
            ("cancelled", "no_longer_true")
        ]


def test_it_ages_only_from_the_moment_at_which_the_window_opened(tmp_path):
    """`expires_after` is 3 days: from Monday morning, not from Friday night."""
    with office(tmp_path) as desk:
        desk.post(completed(FRIDAY_NIGHT, 77))
        desk.tick(FRIDAY_NIGHT)
        desk.tick(MONDAY_MORNING + 2 * DAY + 9 * HOUR)
        assert desk.states() == ["sent"]

    (tmp_path / "other").mkdir()
    with office(tmp_path / "other") as desk:
        desk.post(completed(FRIDAY_NIGHT, 77))
        desk.tick(FRIDAY_NIGHT)
        desk.tick(MONDAY_MORNING + 3 * DAY)
        assert desk.states() == ["expired"]


def test_a_retry_waits_for_the_window_too_and_keeps_its_message_id(tmp_path):
    late = at("2026-11-16 17:59:30")
    with SmtpSink() as sink, office(tmp_path, email=sink.url) as desk:
        sink.on("RCPT", "451 4.7.1 later", times=1)
        desk.post(completed(late, 77))
        desk.tick(late)
        assert desk.states() == ["owed"]
        desk.tick(late + 2 * MINUTE)
        (row,) = desk.notifications()
        assert (row["state"], row["reason"]) == ("scheduled", "send_window office")
        desk.tick(at("2026-11-17 08:00"))
        assert desk.states() == ["sent"]


def test_a_window_taken_out_of_the_file_lets_its_message_go_when_it_was_due(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(FRIDAY_NIGHT, 77))
        desk.tick(FRIDAY_NIGHT)
        desk.head = ""
        desk.write_rules(DONE)
        desk.app.reload(FRIDAY_NIGHT + HOUR)
        desk.tick(MONDAY_MORNING)
        assert desk.states() == ["sent"]


@pytest.mark.parametrize(
    ("night", "leaves"),
    [
        ("2026-03-28 23:00", "2026-03-29 03:00"),  # 02:30 is skipped: as soon as it is past
        ("2026-10-24 23:00", "2026-10-25 02:30"),  # 02:30 comes twice: the first
    ],
)
def test_nights_in_which_the_clocks_change(tmp_path, night, leaves):
    rules = DONE.replace("template:", "send_window: always_at_two, template:")
    with office(tmp_path, rules) as desk:
        desk.post(completed(at(night), 77))
        desk.tick(at(night))
        (row,) = desk.notifications()
        assert row["due_at"] == at(leaves)
        desk.tick(at(leaves))
        assert desk.states() == ["sent"]


def test_a_collapsed_message_waits_as_one(tmp_path):
    rules = DONE.replace("    notify:", "    collapse: 10m\n    notify:")
    with office(tmp_path, rules) as desk:
        desk.post(
            completed(FRIDAY_NIGHT, 77),
            completed(FRIDAY_NIGHT + 1, 77, course="course:8", session="course:8_1"),
        )
        desk.tick(FRIDAY_NIGHT + 1)
        desk.tick(FRIDAY_NIGHT + 11 * MINUTE)
        assert desk.states() == ["scheduled", "scheduled"]
        desk.tick(MONDAY_MORNING)
        assert sorted(desk.states()) == ["dropped", "sent"]
        assert len(desk.drawer()) == 1
