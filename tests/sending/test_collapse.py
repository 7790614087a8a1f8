"""A path and its courses completed together: one message, and nothing is forgotten."""

from email import message_from_string

from tests.installation import (
    ADA,
    DONE,
    GRACE,
    MINUTE,
    START,
    Installation,
    completed,
    event,
    revoked,
)
from tests.smtp_sink import SmtpSink

TOGETHER = DONE.replace("    notify:", "    collapse: 10m\n    notify:")


def path_completed(at: int, user: int):
    return event(
        "LEARNING_PATH_COMPLETED", at, userId=user, loId="learningProgram:5",
        loInstanceId="learningProgram:5_1", loType="learningProgram", hasPassed=True,
    )  # fmt: skip


def test_one_message_speaks_for_the_path_and_names_its_courses(tmp_path):
    with Installation(tmp_path, TOGETHER) as office:
        office.import_people([ADA])
        office.post(
            completed(START, 77),
            completed(START + 1, 77, course="course:8", session="course:8_1"),
            path_completed(START + 2, 77),
        )
        office.tick(START + MINUTE)
        assert office.states() == ["scheduled"] * 3

        office.tick(START + 12 * MINUTE)

        (mail,) = office.drawer()
        assert "learningProgram:5" in mail
        assert "course:7" in mail
        assert "course:8" in mail
        rows = {row["course"]: row for row in office.notifications()}
        assert rows["learningProgram:5"]["state"] == "sent"
        assert {rows[c]["state"] for c in ("course:7", "course:8")} == {"dropped"}
        assert rows["course:7"]["reason"] == "collapsed"


def test_a_course_is_named_once_however_often_it_was_completed(tmp_path):
    """Failed and passed within the time of one message; and so in a path's message."""
    with Installation(tmp_path, TOGETHER) as office:
        office.import_people([ADA, GRACE])
        office.post(completed(START, 77, False), completed(START + MINUTE, 77))
        office.post(path_completed(START, 78))
        office.post(completed(START + 1, 78, False), completed(START + MINUTE, 78))
        office.tick(START + MINUTE)
        office.tick(START + 12 * MINUTE)

        own, path = sorted(office.drawer(), key=lambda mail: "learningProgram:5" in mail)
        assert "along with it" not in own
        text = message_from_string(path).get_payload(0).get_payload()
        assert len([line for line in text.splitlines() if "course:7" in line]) == 1
        assert sorted(office.states()) == ["dropped"] * 3 + ["sent"] * 2


def test_what_is_completed_later_has_a_message_of_its_own(tmp_path):
    with Installation(tmp_path, TOGETHER) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick(START)
        office.post(
            completed(START + 11 * MINUTE, 77, course="course:8", session="course:8_1"),
        )
        office.tick(START + 11 * MINUTE)
        office.tick(START + 30 * MINUTE)

        assert office.states() == ["sent", "sent"]


def test_two_learners_are_never_one_message(tmp_path):
    with Installation(tmp_path, TOGETHER) as office:
        office.import_people([ADA, GRACE])
        office.post(completed(START, 77), completed(START, 78))
        office.tick(START)
        office.tick(START + 11 * MINUTE)

        assert office.states() == ["sent", "sent"]


def test_a_message_tried_again_still_names_what_it_stands_for(tmp_path):
    with SmtpSink() as sink, Installation(tmp_path, TOGETHER, email=sink.url) as office:
        office.import_people([ADA])
        sink.on("RCPT", "451 4.7.1 later", times=1)
        office.post(completed(START, 77), path_completed(START + 2, 77))
        office.tick(START)
        office.tick(START + 12 * MINUTE)
        assert sorted(office.states()) == ["dropped", "owed"]

        office.tick(START + 15 * MINUTE)

        (mail,) = sink.wait_for(1)
        assert "learningProgram:5" in mail.parsed.as_string()
        assert "course:7" in mail.parsed.as_string()


def test_what_is_no_longer_true_is_not_named_when_it_is_tried_again(tmp_path):
    with SmtpSink() as sink, Installation(tmp_path, TOGETHER, email=sink.url) as office:
        office.import_people([ADA])
        sink.on("RCPT", "451 4.7.1 later", times=1)
        office.post(completed(START, 77), path_completed(START + 2, 77))
        office.tick(START)
        office.tick(START + 12 * MINUTE)
        office.post(revoked(START + 13 * MINUTE, 77))

        office.tick(START + 15 * MINUTE)

        (mail,) = sink.wait_for(1)
        assert "course:7" not in mail.parsed.as_string()
        assert sorted(office.states()) == ["dropped", "sent"]


def test_all_that_waited_for_one_address_leaves_as_one_message_when_it_comes(tmp_path):
    with Installation(tmp_path, TOGETHER) as office:
        office.post(completed(START, 77), path_completed(START + 2, 77))
        office.tick(START)
        office.tick(START + 12 * MINUTE)
        office.post(
            completed(START + 13 * MINUTE, 77, course="course:8", session="course:8_1"),
        )
        office.tick(START + 13 * MINUTE)
        assert sorted(office.states()) == ["scheduled", "waiting_address", "waiting_address"]

        office.import_people([ADA])
        office.app.deliveries["email"].look_again(START + 14 * MINUTE)
        office.tick(START + 14 * MINUTE)
        office.tick(START + 30 * MINUTE)

        assert sorted(office.states()) == ["dropped", "sent", "sent"]
        (both,) = [mail for mail in office.drawer() if "learningProgram:5" in mail]
        assert "course:7" in both
        assert "course:8" not in both
