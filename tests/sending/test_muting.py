"""Mute: nothing leaves, everything is kept, and speaks when it may again."""

from service.sending.operator import unmute
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
from tests.sending.digest_rules import CLOSING, office
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

        assert "1 notification let go" in run(desk, "unmute", "--rule", "done")
        desk.tick(later(desk))
        assert reasons(desk) == [("sent", None)]


def test_everything_is_muted_at_once_and_one_rule_stays_so(tmp_path):
    with Installation(tmp_path, DONE + STILL) as desk:
        desk.import_people([ADA, GRACE])
        run(desk, "mute", "--rule", "done")
        assert run(desk, "mute", "--all") == "muted: every rule\n"
        desk.post(completed(START, 77), enrolled(START - 8 * DAY, 78))
        desk.tick(START)
        assert "0 notifications let go" in run(desk, "unmute", "--rule", "done")
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


def test_one_rule_cannot_speak_while_all_are_muted_and_unmute_says_so(tmp_path):
    with Installation(tmp_path, DONE) as desk:
        run(desk, "mute", "--all")
        told = run(desk, "unmute", "--rule", "done")
        assert "every rule is muted; --all lets them speak" in told
        assert told.endswith("muted: every rule\n")
        assert "no active rule 'doen'; did you mean 'done'?" in run(
            desk, "unmute", "--rule", "doen"
        )


def test_mute_reaches_a_message_that_is_claimed_but_not_yet_sent(tmp_path, monkeypatch):
    """Between claim and sending the log is looked at once more."""
    with Installation(tmp_path, DONE) as desk:
        desk.import_people([ADA])
        desk.post(completed(START, 77))
        desk.app.take(START)
        desk.app.views.catch_up()
        recorder = desk.app.deliveries["email"]._recorder
        append = recorder.append

        def muted_meanwhile(steps, *texts, **how):
            written = append(steps, *texts, **how)
            if written:
                monkeypatch.setattr(recorder, "append", append)
                run(desk, "mute", "--all")
            return written

        monkeypatch.setattr(recorder, "append", muted_meanwhile)
        desk.app.deliver(START)
        assert reasons(desk) == [("held", "muted")]
        assert desk.drawer() == []


def test_what_is_held_while_it_is_unmuted_is_not_held_for_ever(tmp_path, monkeypatch):
    """It was judged while muted, and would be recorded just after the command had looked."""
    with Installation(tmp_path, DONE) as desk:
        desk.import_people([ADA])
        run(desk, "mute", "--all")
        desk.post(completed(START, 77))
        desk.app.take(START)
        desk.app.views.catch_up()
        recorder = desk.app.deliveries["email"]._recorder
        append = recorder.append

        def unmuted_meanwhile(steps, *texts, **how):
            if steps:
                monkeypatch.setattr(recorder, "append", append)
                run(desk, "unmute", "--all")
            return append(steps, *texts, **how)

        monkeypatch.setattr(recorder, "append", unmuted_meanwhile)
        desk.app.deliver(START)
        assert reasons(desk) == [("owed", None)]
        desk.app.deliver(START)
        assert reasons(desk) == [("sent", None)]


def test_an_item_held_while_it_is_unmuted_is_not_held_for_ever(tmp_path, monkeypatch):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        run(desk, "mute", "--all")
        closer = desk.app.digest_closer
        write = closer._write

        def unmuted_meanwhile(made):
            monkeypatch.setattr(closer, "_write", write)
            run(desk, "unmute", "--all")
            return write(made)

        monkeypatch.setattr(closer, "_write", unmuted_meanwhile)
        desk.tick(CLOSING)
        assert reasons(desk) == [("scheduled", "digest")]
        desk.tick(CLOSING)
        assert len(desk.drawer()) == 1


def test_unmute_sees_what_was_held_a_moment_ago(tmp_path):
    """The views may be behind the log."""
    with Installation(tmp_path, DONE) as desk:
        desk.import_people([ADA])
        run(desk, "mute", "--all")
        desk.post(completed(START, 77))
        desk.app.take(START)
        desk.app.views.catch_up()
        desk.app.deliveries["email"].deliver(START)
        app = desk.app
        _, count = unmute(app.store, app.views, None, START)
        assert count == 1
