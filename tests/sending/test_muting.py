"""Mute: nothing leaves, everything is kept, and speaks when it may again."""

from tests.installation import (
    ADA,
    DAY,
    DONE,
    GRACE,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
)
from tests.sending.test_storm import reasons, run


def later(desk: Installation) -> int:
    """A moment after whatever a command wrote by the wall clock."""
    return max(row["due_at"] for row in desk.notifications()) + 1


def test_a_muted_rule_decides_and_says_nothing_until_it_may(tmp_path):
    with Installation(tmp_path, DONE) as desk:
        desk.import_people([ADA])
        assert run(desk, "mute", "--rule", "done") == "muted: done\n"
        desk.post(completed(START, 77))
        desk.tick(START)
        assert reasons(desk) == [("held", "muted")]
        desk.tick(START + 9 * DAY)
        assert reasons(desk) == [("held", "muted")]

        assert "1 notifications are let go" in run(desk, "unmute", "--rule", "done")
        desk.tick(later(desk))
        assert reasons(desk) == [("sent", None)]


def test_everything_is_muted_at_once_and_one_rule_stays_so(tmp_path):
    with Installation(tmp_path, DONE + STILL) as desk:
        desk.import_people([ADA, GRACE])
        run(desk, "mute", "--rule", "done")
        assert run(desk, "mute", "--all") == "muted: every rule\n"
        desk.post(completed(START, 77), enrolled(START - 8 * DAY, 78))
        desk.tick(START)
        assert "0 notifications are let go" in run(desk, "unmute", "--rule", "done")
        assert run(desk, "mute") == "muted: every rule\n"
        desk.reopen(START)
        desk.tick(START + 1)
        assert {state for state, _ in reasons(desk)} == {"held"}

        run(desk, "unmute", "--all")
        desk.tick(later(desk))
        assert {state for state, _ in reasons(desk)} == {"sent"}


def test_twice_is_harmless_and_an_unknown_rule_is_refused(tmp_path):
    with Installation(tmp_path, DONE) as desk:
        run(desk, "mute", "--rule", "done")
        assert run(desk, "mute", "--rule", "done") == "muted: done\n"
        assert "no active rule 'doen'; did you mean 'done'?" in run(desk, "mute", "--rule", "doen")
        assert "expected --rule ID or --all" in run(desk, "mute", "--rule", "done", "--all")
        assert "it was not muted" in run(desk, "unmute", "--all") + run(desk, "unmute", "--all")
        assert run(desk, "mute") == "muted: nothing\n"


def test_mute_reaches_a_message_that_is_claimed_but_not_yet_sent(tmp_path, monkeypatch):
    """Between claim and sending the log is looked at once more."""
    with Installation(tmp_path, DONE) as desk:
        desk.import_people([ADA])
        desk.post(completed(START, 77))
        desk.app.take(START)
        desk.app.views.catch_up()
        delivery = desk.app.deliveries["email"]
        append = delivery._append

        def muted_meanwhile(steps, texts=None):
            written = append(steps, texts)
            monkeypatch.setattr(delivery, "_append", append)
            run(desk, "mute", "--all")
            return written

        monkeypatch.setattr(delivery, "_append", muted_meanwhile)
        desk.app.deliver(START)
        assert reasons(desk) == [("held", "muted")]
        assert desk.drawer() == []
