"""Escalation: each step is decided on its own day, and only if what was told first still holds."""

import pytest

from service.learners.directory.people import PersonRow
from service.sending.operator import redrive
from tests.installation import ADA, DAY, HOUR, START, Installation, completed, enrolled, progressed

RULES = """
  - id: still
    trigger: {stalled_for: 7d}
    notify:
      - {to: learner, via: email, template: stalled}
    escalation:
      - {after: 7d, to: learner, via: email, template: team_completion}
      - {after: 14d, to: manager, via: email, template: stalled}
    cancel_on: [enrollment.progressed, enrollment.completed]
"""
PEOPLE = [ADA, PersonRow("9", name="Boss", email="boss@example.org")]
LATE = 15 * 60_000
FIRST = START + 7 * DAY + LATE


def office(folder, rules=RULES, **more):
    desk = Installation(folder, rules, **more)
    desk.import_people(PEOPLE)
    return desk


def told(desk):
    return [(row["entry"], row["decided_at"] - START, row["state"]) for row in desk.notifications()]


def play(desk, days, begin=0):
    for step in range(int(begin * 4), int(days * 4)):
        desk.tick(START + LATE + step * 6 * HOUR)


def test_the_learner_is_reminded_again_and_then_the_manager_is_told(tmp_path):
    with office(tmp_path) as desk:
        desk.post(enrolled(START, 77))
        play(desk, 40)

        first, again, manager = desk.notifications()
        assert first["decided_at"] == FIRST
        assert again["decided_at"] == first["decided_at"] + 7 * DAY
        assert manager["decided_at"] == first["decided_at"] + 14 * DAY
        assert desk.states() == ["sent"] * 3
        assert again["entry"] == "to=learner,via=email,template=team_completion,after=604800000"
        assert "boss@example.org" in "".join(desk.drawer())
        desk.reopen(START + 40 * DAY)
        play(desk, 50, begin=40)
        assert len(desk.notifications()) == 3


@pytest.mark.parametrize(
    "end", [progressed(START + 10 * DAY, 77, 40), completed(START + 10 * DAY, 77)]
)
def test_what_ended_the_silence_ends_the_escalation(tmp_path, end):
    with office(tmp_path) as desk:
        desk.post(enrolled(START, 77))
        play(desk, 10)
        desk.post(end)
        play(desk, 15, begin=10)
        assert len(desk.notifications()) == 1


def test_a_new_silence_begins_from_the_first_step(tmp_path):
    with office(tmp_path) as desk:
        desk.post(enrolled(START, 77))
        play(desk, 16)
        assert len(desk.notifications()) == 2
        desk.post(progressed(START + 16 * DAY, 77, 40))
        play(desk, 40, begin=16)
        assert len(desk.notifications()) == 2 + 3


def test_a_step_counts_from_the_first_decision_and_not_from_the_silence(tmp_path):
    """Whoever was silent for 60 days when the rule went live is first reminded, then escalated."""
    rules = RULES.replace("    notify:", "    on_activate: current\n    notify:")
    with office(tmp_path, rules.replace("id: still", "id: before\n    mode: disabled")) as desk:
        desk.post(enrolled(START - 60 * DAY, 77), at=START)
        desk.tick(START)
        desk.write_rules(rules)
        desk.app.reload(START + HOUR)
        desk.tick(START + 2 * HOUR)
        assert len(desk.notifications()) == 1
        desk.tick(START + 2 * HOUR + 7 * DAY - 1)
        assert len(desk.notifications()) == 1
        desk.tick(START + 2 * HOUR + 7 * DAY)
        assert len(desk.notifications()) == 2


def test_steps_that_were_missed_while_the_service_was_down_come_at_its_start(tmp_path):
    with office(tmp_path) as desk:
        desk.post(enrolled(START, 77))
        play(desk, 8)
        desk.reopen(START + 15 * DAY)
        desk.tick(START + 15 * DAY)
        assert len(desk.notifications()) == 2
        desk.app.views.close()
        (tmp_path / "data/views.db").unlink()
        desk.reopen(START + 22 * DAY)
        desk.tick(START + 22 * DAY)
        assert len(desk.notifications()) == 3


def test_a_step_written_into_the_file_later_reaches_only_those_still_to_come(tmp_path):
    short = RULES[: RULES.index("    escalation:")]
    with office(tmp_path, short) as desk:
        desk.post(enrolled(START, 77), enrolled(START + 6 * DAY, 9))
        play(desk, 15)
        assert len(desk.notifications()) == 2
        desk.write_rules(RULES)
        desk.app.reload(START + 15 * DAY)
        play(desk, 20.5, begin=15)
        people = [(row["entry"][:11], row["recipient"]) for row in desk.notifications()]
        assert len(people) == 3, "the first had its week before there was such a step"


def test_an_event_can_be_followed_up_too(tmp_path):
    rules = """
  - id: begin
    trigger: {event: enrollment.enrolled}
    conditions:
      - enrollment.status: enrolled
    notify:
      - {to: learner, via: email, template: completed}
    escalation:
      - {after: 3d, to: learner, via: email, template: stalled}
"""
    with office(tmp_path, rules) as desk:
        desk.post(enrolled(START, 77), enrolled(START, 9))
        desk.tick(START)
        desk.post(progressed(START + DAY, 9, 10))
        desk.tick(START + DAY)
        desk.tick(START + 3 * DAY)
        assert [state for _, _, state in told(desk)] == ["sent"] * 3


def test_many_steps_at_one_moment_are_all_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("service.rules.escalation.FIRSTS_AT_A_TIME", 3)
    with office(tmp_path, COURSEBELL_STORM_LIMIT="10000") as desk:
        desk.post(*(enrolled(START + n // 5, 100 + n) for n in range(20)))
        play(desk, 8)
        play(desk, 16, begin=8)
        assert len(desk.notifications()) == 40
        assert len({row["id"] for row in desk.notifications()}) == 40


def test_what_a_step_decides_is_of_the_clock_and_can_be_a_storm(tmp_path):
    with office(tmp_path, COURSEBELL_STORM_LIMIT="2") as desk:
        desk.post(*(enrolled(START, 100 + n) for n in range(4)))
        play(desk, 8)
        assert desk.states().count("held") == 2


@pytest.mark.parametrize("user", range(8))
def test_a_step_comes_though_one_of_the_first_was_cancelled(tmp_path, user):
    """Which of the two comes last in the order of their ids is chance."""
    room = "      - {post: room, template: almost_full, send_window: night}\n    escalation:"
    head = 'time_intervals: {night: [{from: "22:00", until: "23:00"}]}'
    with office(tmp_path, RULES.replace("    escalation:", room), head=head) as desk:
        desk.post(enrolled(START + user, 77))
        desk.tick(FIRST + user)
        desk.write_rules(RULES)
        desk.app.reload(FIRST + HOUR)
        desk.tick(FIRST + 16 * HOUR)
        assert sorted(desk.states()) == ["cancelled", "sent"]
        desk.tick(FIRST + user + 7 * DAY)
        assert sorted(desk.states()) == ["cancelled", "sent", "sent"]


def test_a_step_that_gets_other_words_while_it_is_due_is_neither_lost_nor_told_twice(tmp_path):
    with office(tmp_path) as desk:
        desk.post(enrolled(START, 77))
        play(desk, 8)
        desk.write_rules(RULES.replace("team_completion", "completed"))
        desk.reopen(START + 16 * DAY)
        desk.tick(START + 16 * DAY)
        assert len(desk.notifications()) == 2
        desk.write_rules(RULES)
        desk.app.reload(START + 17 * DAY)
        desk.tick(START + 17 * DAY)
        assert len(desk.notifications()) == 2


def test_a_step_keeps_its_distance_from_a_first_message_that_came_late(tmp_path):
    """The address was not known for ten days: not two mails in the same second."""
    with office(tmp_path) as desk:
        desk.import_people([PersonRow("77", name="Ada Lovelace", email="")])
        desk.post(enrolled(START, 77))
        play(desk, 17)
        assert desk.states() == ["waiting_address"] * 2
        desk.import_people([ADA])
        play(desk, 18, begin=17)
        assert sorted(desk.states()) == ["scheduled", "sent"]
        (step,) = [row for row in desk.notifications() if row["state"] == "scheduled"]
        assert step["reason"] == "escalation"
        play(desk, 23.9, begin=18)
        assert len(desk.drawer()) == 2, "the manager's came in its own time"
        play(desk, 25, begin=23.9)
        assert len(desk.drawer()) == 3


def test_a_step_waits_for_a_first_message_that_is_held(tmp_path):
    with office(tmp_path, COURSEBELL_STORM_LIMIT="1") as desk:
        desk.post(enrolled(START, 77), enrolled(START, 9))
        play(desk, 16)
        held = [row["id"] for row in desk.notifications() if row["state"] == "held"]
        assert len(held) == 2, "one of each hour's two"
        redrive(desk.app.notification_streams, held, START + 16 * DAY)
        play(desk, 17, begin=16)
        waits = [row for row in desk.notifications() if row["reason"] == "escalation"]
        firsts = [row for row in desk.notifications() if "after" not in row["entry"]]
        assert {row["state"] for row in firsts} == {"sent"}
        assert len(waits) <= 1
