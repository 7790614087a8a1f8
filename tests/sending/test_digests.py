"""Digests: collected for one reader, closed at their hour, said in one message."""

from service.learners.directory.people import PersonRow
from tests.installation import DAY, HOUR, MINUTE, START, completed, revoked
from tests.sending.digest_rules import CLOSING, TEAM, closings, office


def by_state(desk):
    found: dict[str, int] = {}
    for row in desk.notifications():
        found[row["state"]] = found.get(row["state"], 0) + 1
    return found


def test_what_was_collected_leaves_as_one_message_at_its_hour(tmp_path):
    with office(tmp_path) as desk:
        for user in (70, 71, 72):
            desk.post(completed(START + user, user))
        desk.tick(START + HOUR)
        assert [(row["state"], row["reason"]) for row in desk.notifications()] == [
            ("scheduled", "digest")
        ] * 3
        desk.tick(CLOSING - 1)
        assert desk.drawer() == []

        desk.tick(CLOSING)

        (mail,) = desk.drawer()
        assert "marie@example.org" in mail
        assert all(f"Pupil {user}: course:7" in mail for user in (70, 71, 72))
        assert by_state(desk) == {"dropped": 3, "sent": 1}
        (digest,) = [row for row in desk.notifications() if row["state"] == "sent"]
        items = [row for row in desk.notifications() if row["state"] == "dropped"]
        assert {row["reason"] for row in items} == {"digest"}
        (closed,) = closings(desk)
        assert closed.local == "2026-11-17T08"
        assert set(closed.items) == {row["id"] for row in items}
        last = desk.app.store.stream(items[0]["id"])[-1]
        assert last.into == digest["id"]

        desk.tick(CLOSING + 3 * DAY)
        assert len(desk.drawer()) == 1


def test_the_next_day_has_a_digest_of_its_own_and_an_empty_one_is_not_sent(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(CLOSING)
        desk.post(completed(CLOSING + 1, 71))
        desk.tick(CLOSING + 1)
        desk.tick(CLOSING + DAY)
        desk.tick(CLOSING + 2 * DAY)

        first, second = desk.drawer()
        assert "Pupil 70" in first + second and "Pupil 71" in first + second
        assert [closed.local for closed in closings(desk)] == ["2026-11-17T08", "2026-11-18T08"]


def test_what_is_no_longer_true_is_left_out_and_recorded_as_cancelled(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70), completed(START, 71))
        desk.tick(START)
        desk.post(revoked(START + HOUR, 70))
        desk.tick(CLOSING)

        (mail,) = desk.drawer()
        assert "Pupil 71" in mail and "Pupil 70" not in mail
        reasons = {(row["state"], row["reason"]) for row in desk.notifications()}
        assert ("cancelled", "no_longer_true") in reasons


def test_when_nothing_is_true_any_more_no_digest_is_made_up(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.post(revoked(START + HOUR, 70))
        desk.tick(CLOSING)

        assert desk.drawer() == []
        assert closings(desk) == []
        assert desk.states() == ["cancelled"]


def test_a_digest_that_waits_leaves_out_what_became_untrue_meanwhile(tmp_path):
    """It was made up at night, and leaves in the morning."""
    head = (
        "defaults: {timezone: Europe/Berlin}\n"
        'time_intervals: {day: [{from: "10:00", until: "18:00"}]}'
    )
    rules = TEAM.replace("digest:", "send_window: day, digest:")
    with office(tmp_path, rules, head) as desk:
        desk.post(completed(START, 70), completed(START, 71))
        desk.tick(START)
        desk.tick(CLOSING)
        assert by_state(desk) == {"dropped": 2, "scheduled": 1}
        desk.post(revoked(CLOSING + MINUTE, 71))
        desk.tick(CLOSING + 90 * MINUTE)

        (mail,) = desk.drawer()
        assert "Pupil 70" in mail and "Pupil 71" not in mail


def test_each_manager_has_a_digest_and_each_course_if_so_grouped(tmp_path):
    rules = TEAM.replace('at: "08:30"', 'at: "08:30", group_by: [course.id]')
    with office(tmp_path, rules) as desk:
        desk.import_people(
            [
                PersonRow("2", name="Lise Meitner", email="lise@example.org"),
                PersonRow("71", name="Pupil 71", email="p71@example.org", manager="2"),
            ]
        )
        desk.post(
            completed(START, 70), completed(START, 71),
            completed(START, 70, course="course:8", session="course:8_1"),
        )  # fmt: skip
        desk.tick(START)
        desk.tick(CLOSING)

        mails = desk.drawer()
        assert len(mails) == 3
        assert sum("marie@example.org" in mail for mail in mails) == 2
        assert sum("lise@example.org" in mail for mail in mails) == 1


def test_a_long_digest_says_how_many_more_there_are(tmp_path):
    rules = TEAM.replace('at: "08:30"', 'at: "08:30", max_items: 2')
    with office(tmp_path, rules) as desk:
        desk.post(*(completed(START + user, user) for user in range(70, 75)))
        desk.tick(START + HOUR)
        desk.tick(CLOSING)

        (mail,) = desk.drawer()
        assert mail.count("Pupil") == 2
        assert "and 3 more" in mail


def test_closings_that_were_missed_are_made_up_as_one(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.app.take(START)
        desk.post(completed(START + DAY, 71))
        desk.app.take(START + DAY)
        desk.tick(CLOSING + 2 * DAY + HOUR)

        assert [closed.local for closed in closings(desk)] == ["2026-11-18T08"]
        assert len(closings(desk)[0].items) == 2


def test_a_restart_before_the_closing_loses_nothing_and_after_it_repeats_nothing(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.reopen(START + HOUR)
        desk.tick(CLOSING)
        desk.reopen(CLOSING + 1)
        desk.tick(CLOSING + 1)
        desk.app.views.close()
        (tmp_path / "data/views.db").unlink()
        desk.reopen(CLOSING + 2)
        desk.tick(CLOSING + DAY)

        assert len(desk.drawer()) == 1
