"""Digests whose rule, words, hour or clock change between an item and its message."""

import sqlite3

import pytest

from service.learners.directory.people import PersonRow
from service.running import Service
from service.sending.operator import redrive
from tests.installation import DAY, HOUR, MINUTE, START, completed
from tests.sending.digest_rules import CLOSING, TEAM, WORDS, closings, office
from tests.waiting import until

WEEKLY = TEAM.replace("every: day", "every: week, on: mon")
MONDAY = CLOSING - DAY
NOBODY = PersonRow("1", name="Marie Curie", email="")
MARIE = PersonRow("1", name="Marie Curie", email="marie@example.org")
DAYTIME = (
    'defaults: {timezone: Europe/Berlin}\ntime_intervals: {day: [{from: "10:00", until: "18:00"}]}'
)
SINGLE = """
  - id: team
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: alone, send_window: day}
"""


def words(folder, name, text):
    """One more template."""
    place = folder / "templates" / name / "email"
    place.mkdir(parents=True)
    (place / "body.txt").write_text(text)
    (place / "subject.txt").write_text(name)


def test_an_address_found_in_the_week_is_in_time_for_a_weekly_digest(tmp_path):
    """Six days are longer than `expires_after`, but nothing could have left before its hour."""
    with office(tmp_path, WEEKLY) as desk:
        desk.import_people([NOBODY])
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(MONDAY + 7 * DAY)
        desk.import_people([MARIE])
        desk.tick(MONDAY + 8 * DAY)
        desk.tick(MONDAY + 14 * DAY)

        assert len(desk.drawer()) == 1


def test_what_was_let_go_in_the_week_is_in_time_for_a_weekly_digest(tmp_path):
    with office(tmp_path, WEEKLY, COURSEBELL_STORM_LIMIT="1") as desk:
        old = START - 2 * DAY
        desk.post(completed(old, 70), completed(old, 71), at=START)
        desk.tick(START)
        held = [row["id"] for row in desk.notifications() if row["state"] == "held"]
        redrive(desk.app.notification_streams, held, START + DAY)
        desk.tick(MONDAY + 7 * DAY)

        (mail,) = desk.drawer()
        assert "Pupil 70" in mail and "Pupil 71" in mail


def test_a_daily_digest_that_becomes_weekly_keeps_what_it_collected(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.write_rules(WEEKLY)
        desk.app.reload(START + HOUR)
        desk.tick(CLOSING)
        assert desk.drawer() == []
        desk.tick(MONDAY + 7 * DAY)

        assert len(desk.drawer()) == 1


def test_other_words_do_not_make_two_digests_of_one_hour_nor_put_one_off(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        words(tmp_path, "list_too", WORDS)
        desk.write_rules(TEAM.replace("template: list", "template: list_too"))
        desk.app.reload(START + HOUR)
        desk.post(completed(START + HOUR, 71))
        desk.tick(START + HOUR)
        desk.tick(CLOSING)

        (mail,) = desk.drawer()
        assert "Pupil 70" in mail and "Pupil 71" in mail


def test_a_digest_is_not_sent_in_the_words_for_one(tmp_path):
    with office(tmp_path, TEAM.replace("digest:", "send_window: day, digest:"), DAYTIME) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(CLOSING)
        words(tmp_path, "alone", "{{ learner.name }}")
        desk.write_rules(SINGLE)
        desk.app.reload(CLOSING + MINUTE)
        desk.tick(CLOSING + 2 * HOUR)

        assert desk.drawer() == []
        assert sorted((row["state"], row["reason"]) for row in desk.notifications()) == [
            ("cancelled", "rule_removed"), ("dropped", "digest"),
        ]  # fmt: skip


def test_what_was_owed_alone_leaves_as_a_list_of_one(tmp_path):
    with office(tmp_path, TEAM, DAYTIME) as desk:
        words(tmp_path, "alone", "{{ learner.name }}")
        desk.write_rules(SINGLE)
        desk.app.reload(START)
        night = START + 12 * HOUR
        desk.post(completed(night, 70))
        desk.tick(night)
        desk.write_rules(TEAM.replace("digest:", "send_window: day, digest:"))
        desk.app.reload(night + MINUTE)
        desk.tick(START + DAY)

        (mail,) = desk.drawer()
        assert "Pupil 70: course:7" in mail


def test_an_item_waits_thirty_days_for_an_address_and_no_longer(tmp_path):
    """Though nobody is imported meanwhile, and no channel looks at items."""
    with office(tmp_path) as desk:
        desk.import_people([NOBODY])
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(CLOSING)
        desk.app.close_digests(CLOSING + 30 * DAY - 1)
        assert desk.states() == ["waiting_address"]
        desk.app.close_digests(CLOSING + 30 * DAY)

        assert desk.states() == ["expired"]


def test_a_clock_in_doubt_closes_no_digest(tmp_path, monkeypatch):
    monkeypatch.setattr("service.running.worker.ASK_EVERY_SECONDS", 0.0)
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        moments = [START]
        service = Service(desk.app, lambda: moments[0])
        service.start()
        until(lambda: "start" not in service.troubles, "the service works")
        moments[0] = CLOSING + 300 * DAY
        until(lambda: "clock" in service.troubles, "the clock is doubted")
        service.stop()

        assert closings(desk) == []
        assert desk.states() == ["scheduled"]


@pytest.mark.parametrize("streams", [0, 1, 5_001, 40_000])
def test_a_list_of_any_length_can_be_looked_at_once_more(tmp_path, streams):
    with office(tmp_path) as desk:
        desk.app.ledger.reader().setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 5_000)
        assert len(desk.app.store.newest([f"x{n}" for n in range(streams)])) == streams
