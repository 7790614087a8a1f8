"""What is owed by a channel that no rule names any more ends; nobody would look at it again."""

from click.testing import CliRunner

from service.cli import main
from tests.installation import ADA, DONE, HOUR, MINUTE, START, Installation, completed


def test_what_a_vanished_channel_owed_is_cancelled_when_the_file_has_settled(tmp_path):
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
        office.tick(START + HOUR + 9 * MINUTE)
        assert office.states() == ["waiting_address"]
        id = office.notifications()[0]["id"]
        told = CliRunner().invoke(main, ["explain", id], env=office.environ).output
        assert "rule gone since 2026-11-16 10:00:00" in " ".join(told.split())
        office.tick(START + HOUR + 10 * MINUTE)

        assert [(n["state"], n["reason"]) for n in office.notifications()] == [
            ("cancelled", "rule_removed")
        ]


def test_what_a_channel_owes_leaves_when_it_is_back_in_the_file(tmp_path):
    with Installation(tmp_path, DONE) as office:
        office.import_people([ADA])
        whole = office.rules.read_text()
        office.post(completed(START, 77))
        office.app.take(START)
        office.rules.write_text("version: 1\nrules: []\n")
        office.app.reload(START + 1)
        office.tick(START + MINUTE)
        assert office.states() == ["owed"]
        office.rules.write_text(whole)
        office.app.reload(START + 9 * MINUTE)
        office.tick(START + 9 * MINUTE)

        assert office.states() == ["sent"]
