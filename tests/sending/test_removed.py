"""What is owed by a channel that no rule names any more ends; nobody would look at it again."""

from tests.installation import DONE, HOUR, START, Installation, completed


def test_what_a_vanished_channel_owed_is_cancelled_at_the_reload(tmp_path):
    with Installation(tmp_path, DONE) as office:
        office.post(completed(START, 77))
        office.tick()
        assert office.states() == ["waiting_address"]

        office.rules.write_text(
            "version: 1\nchannels:\n  room: 'drawer://'\nrules:\n"
            "  - id: other\n    trigger: {event: course.drafted}\n"
            "    notify: [{post: room, template: seat_free}]\n"
        )
        office.app.reload(START + HOUR)

        assert [(n["state"], n["reason"]) for n in office.notifications()] == [
            ("cancelled", "rule_removed")
        ]
