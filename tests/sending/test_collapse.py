"""A path and its courses completed together: one message, and nothing is forgotten."""

from tests.installation import ADA, DONE, GRACE, MINUTE, START, Installation, completed, event

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
