"""A rule that is gone for a moment costs nobody a message: what it owes is held, not cancelled."""

import pytest
from click.testing import CliRunner

from service.cli import main
from service.running import wall_clock
from tests.installation import (
    ADA,
    DAY,
    DONE,
    FREE,
    HOUR,
    MINUTE,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    progressed,
    seats,
    unenrolled,
)
from tests.smtp_sink import SmtpSink

DIGEST = DONE.replace(
    "template: completed}", 'template: team_completions, digest: {every: day, at: "12:00"}}'
)
STEP = STILL.replace("7d}", "7d}\n    on_activate: none") + (
    "    escalation:\n      - {after: 7d, to: manager, via: email, template: stalled_manager}\n"
)
TOGETHER = DONE + "    collapse: 10m\n"
ALONE = DONE.replace("template: completed", "template: team_completion")
SHADOWED = STEP.replace("id: still", "id: still\n    mode: shadow")
SHORT = DONE + "    expires_after: 5m\n"


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


def office(folder, rules, **more) -> Installation:
    found = Installation(folder, rules, **more)
    found.import_people([ADA])
    return found


def change(desk: Installation, rules: str, at: int) -> None:
    desk.write_rules(rules)
    desk.app.reload(at)


def words(desk: Installation, *command: str) -> str:
    environ = {**desk.environ, "COLUMNS": "200", "TZ": "UTC"}
    return CliRunner().invoke(main, command, env=environ).output


@pytest.mark.parametrize(
    "without",
    [
        FREE,
        DONE.replace("id: done", "id: done\n    mode: shadow"),
        DONE.replace("id: done", "id: done\n    mode: disabled"),
        DONE.replace("to: learner", "to: manager"),
    ],
    ids=["absent", "shadow", "disabled", "another entry"],
)
def test_what_is_owed_outlives_a_file_that_says_so_no_more(tmp_path, sink, without):
    with office(tmp_path, DONE, email=sink.url) as desk:
        sink.down()
        desk.post(completed(START, 77))
        desk.tick(START)
        change(desk, without, START + 1)
        sink.up()
        desk.tick(START + 5 * MINUTE)
        assert desk.notifications()[0]["reason"] == "rule_gone"
        assert sink.mails == []

        change(desk, DONE, START + 6 * MINUTE)
        desk.tick(START + 6 * MINUTE)

        assert desk.states()[0] == "sent"
        assert len(sink.mails) == 1


READS_OTHERWISE = {
    "another course": DONE + "    conditions:\n      - course.id: course:70\n",
    "a condition": DONE + "    conditions:\n      - enrollment.score: {gte: 95}\n",
    "a trigger": DONE.replace("enrollment.completed", "enrollment.enrolled"),
    "an end": DONE + "    expires_after: 1m\n",
    "a cancelling": DONE + "    cancel_on: [enrollment.unenrolled]\n",
}


@pytest.mark.parametrize("without", READS_OTHERWISE.values(), ids=READS_OTHERWISE)
def test_what_is_owed_outlives_a_rule_that_reads_otherwise_for_a_moment(tmp_path, sink, without):
    with office(tmp_path, DONE, email=sink.url) as desk:
        sink.down()
        desk.post(completed(START, 77))
        desk.tick(START)
        desk.post(unenrolled(START + 1, 77))
        change(desk, without, START + 2)
        sink.up()
        desk.tick(START + 5 * MINUTE)
        desk.reopen(START + 5 * MINUTE)
        desk.tick(START + 5 * MINUTE)
        assert (desk.states(), sink.mails) == (["scheduled"], [])
        change(desk, DONE, START + 6 * MINUTE)
        desk.tick(START + 6 * MINUTE)

        assert (desk.states(), len(sink.mails)) == (["sent"], 1)


def test_what_a_rule_says_otherwise_is_so_when_the_file_has_settled(tmp_path):
    with office(tmp_path, DONE) as desk:
        desk.post(completed(START, 77))
        desk.app.take(START)
        change(desk, READS_OTHERWISE["a condition"], START + MINUTE)
        desk.tick(START + 11 * MINUTE - 1)
        assert desk.states() == ["scheduled"]
        desk.tick(START + 11 * MINUTE)

        assert [n["reason"] for n in desk.notifications()] == ["conditions_changed"]


def test_what_a_rule_said_before_ends_at_once_while_another_is_new(tmp_path):
    with office(tmp_path, STILL) as desk:
        desk.post(enrolled(START, 77))
        desk.tick(START)
        desk.app.ask(START + 8 * DAY)
        change(desk, DONE + STILL, START + 8 * DAY)
        desk.post(progressed(START + 8 * DAY + 1, 77, 10.0))
        desk.tick(START + 8 * DAY + 1)

        assert [n["reason"] for n in desk.notifications()] == ["no_longer_true"]


@pytest.mark.parametrize("rules", [TOGETHER, DIGEST], ids=["collapse", "digest"])
def test_what_waits_for_its_moment_waits_on(tmp_path, rules):
    with office(tmp_path, rules) as desk:
        desk.post(completed(START, 77))
        desk.tick(START)
        change(desk, FREE, START + MINUTE)
        desk.tick(START + 2 * MINUTE)
        change(desk, rules, START + 3 * MINUTE)
        desk.tick(START + 4 * MINUTE)
        assert desk.drawer() == []
        desk.tick(START + 3 * HOUR)

        assert len(desk.drawer()) == 1


def test_a_digest_whose_hour_comes_while_its_entry_is_gone_is_made_up_afterwards(tmp_path):
    noon = START + 3 * HOUR
    with office(tmp_path, DIGEST) as desk:
        desk.post(completed(START, 77))
        desk.tick(START)
        change(desk, ALONE, noon - MINUTE)
        desk.tick(noon + MINUTE)
        assert [(n["state"], n["reason"]) for n in desk.notifications()] == [
            ("scheduled", "rule_gone")
        ]
        change(desk, DIGEST, noon + 2 * MINUTE)
        desk.tick(noon + 2 * MINUTE)

        assert len(desk.drawer()) == 1


def test_what_the_storm_guard_holds_is_held_on_when_its_rule_is_back(tmp_path):
    with office(tmp_path, DONE, COURSEBELL_STORM_LIMIT="1") as desk:
        desk.post(completed(START, 77), completed(START, 78), at=START + 2 * DAY)
        desk.tick(START + 2 * DAY)
        change(desk, FREE, START + 2 * DAY)
        desk.tick(START + 2 * DAY + MINUTE)
        change(desk, DONE, START + 2 * DAY + 2 * MINUTE)
        desk.tick(START + 2 * DAY + 2 * MINUTE)

        assert "held" in desk.states()
        assert "rule_gone" not in [n["reason"] for n in desk.notifications()]


def test_it_does_not_age_while_it_is_held(tmp_path):
    with office(tmp_path, SHORT) as desk:
        desk.post(completed(START, 77))
        desk.app.take(START)
        change(desk, FREE, START + MINUTE)
        desk.tick(START + 2 * MINUTE)
        change(desk, SHORT, START + 9 * MINUTE)
        desk.tick(START + 9 * MINUTE)

        assert desk.states() == ["sent"]


def test_it_is_cancelled_when_the_file_has_settled_also_after_a_restart(tmp_path):
    with office(tmp_path, DONE) as desk:
        desk.post(completed(START, 77))
        desk.app.take(START)
        desk.write_rules(FREE)
        desk.reopen(START + MINUTE)
        desk.tick(START + 10 * MINUTE)
        desk.reopen(START + 10 * MINUTE)
        desk.tick(START + 11 * MINUTE - 1)
        assert [(n["state"], n["reason"]) for n in desk.notifications()] == [
            ("scheduled", "rule_gone")
        ]
        desk.tick(START + 11 * MINUTE)

        assert [(n["state"], n["reason"]) for n in desk.notifications()] == [
            ("cancelled", "rule_removed")
        ]
        assert desk.drawer() == []


def test_nothing_is_held_where_the_setting_says_so(tmp_path):
    with office(tmp_path, DONE, COURSEBELL_REMOVAL_DELAY="0") as desk:
        desk.post(completed(START, 77))
        desk.app.take(START)
        change(desk, FREE, START + 1)

        assert desk.states() == ["cancelled"]


def test_what_was_cancelled_so_can_be_redriven_once_the_rule_is_back(tmp_path):
    with office(tmp_path, DONE + STILL) as desk:
        desk.post(completed(START, 77), completed(START, 78))
        desk.app.take(START)
        change(desk, STILL, START + 1)
        desk.tick(START + HOUR)
        assert desk.states() == ["cancelled", "cancelled"]
        change(desk, DONE + STILL, START + 2 * HOUR)
        said = words(desk, "notifications", "redrive", "--state", "cancelled")
        assert said == "2 of 2 notifications tried again\n"
        desk.tick(wall_clock())

        assert sorted(desk.states()) == ["sent", "waiting_address"]


def test_what_became_untrue_cannot_be_redriven(tmp_path):
    with office(tmp_path, STILL) as desk:
        desk.post(enrolled(START, 77))
        desk.tick(START)
        desk.app.ask(START + 8 * DAY)
        desk.post(completed(START + 8 * DAY + 1, 77))
        desk.tick(START + 8 * DAY + 1)
        (gone,) = desk.notifications()
        assert (gone["state"], gone["reason"]) == ("cancelled", "no_longer_true")

        said = words(desk, "notifications", "redrive", gone["id"])

        assert "got cancelled (no_longer_true)" in said
        assert words(desk, "notifications", "redrive", "--state", "cancelled").startswith("0 of 0")


@pytest.mark.parametrize("without", [FREE, SHADOWED], ids=["absent", "shadow"])
def test_silences_that_fall_due_while_the_rule_is_gone_are_asked_about_afterwards(
    tmp_path, without
):
    due = START + 7 * DAY
    with office(tmp_path, STEP) as desk:
        desk.post(enrolled(START, 77))
        desk.tick(START)
        desk.tick(due - MINUTE)
        change(desk, without, due - 1)
        desk.tick(due + 1)
        change(desk, STEP, due + MINUTE)
        desk.tick(due + HOUR)
        live = [n for n in desk.notifications() if n["mode"] == "live"]
        assert [(n["entry"][:10], n["state"]) for n in live] == [("to=learner", "sent")]

        change(desk, without, due + 7 * DAY)
        desk.tick(due + 7 * DAY + MINUTE)
        change(desk, STEP, due + 7 * DAY + 2 * MINUTE)
        desk.tick(due + 7 * DAY + 2 * HOUR)
        live = [n for n in desk.notifications() if n["mode"] == "live"]
        assert len(live) == 2


def test_a_rule_that_comes_back_when_the_file_has_settled_is_new(tmp_path):
    due = START + 7 * DAY
    with office(tmp_path, STILL) as desk:
        desk.post(enrolled(START, 77))
        desk.tick(START)
        change(desk, FREE, due - HOUR)
        change(desk, STILL, due + HOUR)
        desk.tick(due + 2 * HOUR)

        assert desk.states() == []


def test_it_can_be_explained(tmp_path):
    with office(tmp_path, DONE + FREE) as desk:
        desk.post(completed(START, 77))
        desk.app.take(START)
        change(desk, FREE, START + MINUTE)
        desk.tick(START + 2 * MINUTE)
        id = desk.notifications()[0]["id"]
        held = words(desk, "explain", id)
        shown = words(desk, "notifications", "show", id)
        change(desk, DONE + FREE, START + 3 * MINUTE)
        desk.tick(START + 3 * MINUTE)
        back = words(desk, "explain", id)

    assert "held until 2026-11-16 09:11:00Z, rule gone since 2026-11-16 09:01:00" in held
    assert "rule_gone" in shown and "09:01:00" in shown
    assert "its rule is back" in back and "sent at" in back


def test_a_room_keeps_what_it_is_owed(tmp_path):
    with office(tmp_path, FREE) as desk:
        desk.post(seats(START, 10), seats(START + 1, 9))
        desk.app.take(START + 1)
        change(desk, DONE, START + 2)
        desk.tick(START + 3)
        change(desk, FREE, START + 4)
        desk.tick(START + 5)

        assert desk.states() == ["sent"]
