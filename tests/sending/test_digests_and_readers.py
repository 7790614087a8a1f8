"""Digests and their readers: who moves, who has no address yet, rooms, rhythms, rules that go."""

import pytest

from service.learners.directory.people import PersonRow
from service.rules.readers.choices import Choices
from tests.installation import DAY, HOUR, MINUTE, START, completed
from tests.sending.digest_rules import BERLIN, CLOSING, TEAM, closings, office
from tests.simulation.recorded_history import verified


def test_a_reader_who_moved_is_told_by_the_clock_where_they_are_now(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START + 5 * HOUR, 70))
        desk.tick(START + 5 * HOUR)
        zone = "America/New_York"
        desk.import_people([PersonRow("1", email="marie@example.org", timezone=zone)])
        desk.tick(CLOSING)
        assert desk.drawer() == []

        desk.tick(CLOSING + 6 * HOUR)

        assert len(desk.drawer()) == 1


@pytest.mark.parametrize("first", [True, False], ids=["before", "meanwhile"])
def test_a_list_closes_by_the_clock_that_its_reader_chose(tmp_path, first):
    def chooses() -> None:
        chosen = Choices(timezone="Europe/London")
        desk.app.choice_requests.change("marie@example.org", lambda _: chosen, START, by="reader")

    with office(tmp_path) as desk:
        _ = first and chooses()
        desk.post(completed(START, 70))
        desk.tick(START)
        _ = first or chooses()
        desk.tick(CLOSING)
        assert desk.drawer() == []
        desk.tick(CLOSING + HOUR)

        assert len(desk.drawer()) == 1
        assert not verified(desk).differ and verified(desk).reproduced


def test_a_reader_who_moved_west_has_no_second_digest_of_the_same_hour(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(CLOSING)
        desk.import_people([PersonRow("1", email="marie@example.org", timezone="America/New_York")])
        desk.post(completed(CLOSING + MINUTE, 71))
        desk.tick(CLOSING + MINUTE)
        desk.tick(CLOSING + 6 * HOUR)
        assert len(desk.drawer()) == 1

        desk.tick(CLOSING + DAY + 6 * HOUR)

        assert [closed.local for closed in closings(desk)] == ["2026-11-17T08", "2026-11-18T08"]


def test_items_wait_for_an_address_and_join_the_digest_after_it(tmp_path):
    with office(tmp_path) as desk:
        desk.import_people([PersonRow("1", name="Marie Curie", email="")])
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(CLOSING)
        assert desk.states() == ["waiting_address"]

        desk.import_people([PersonRow("1", name="Marie Curie", email="marie@example.org")])
        desk.tick(CLOSING + HOUR)
        assert desk.drawer() == []
        desk.tick(CLOSING + DAY)

        assert len(desk.drawer()) == 1


def test_a_digest_for_a_room_is_posted_there(tmp_path):
    rules = TEAM.replace("to: manager, via: email", "post: room")
    with office(tmp_path, rules) as desk:
        desk.post(completed(START, 70), completed(START, 71))
        desk.tick(START)
        desk.tick(CLOSING)

        (message,) = desk.drawer()
        assert "Pupil 70" in message and "Pupil 71" in message


def test_a_rule_that_is_gone_cancels_what_it_collected(tmp_path):
    with office(tmp_path) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.write_rules(TEAM.replace("id: team", "id: other"))
        desk.app.reload(START + HOUR)
        desk.tick(CLOSING)

        assert [row["reason"] for row in desk.notifications()] == ["rule_removed"]


@pytest.mark.parametrize("every", ["hour", "week"])
def test_other_rhythms(tmp_path, every):
    when = {"hour": '{every: hour, at: ":15"}', "week": '{every: week, on: wed, at: "08:30"}'}
    rules = TEAM.replace('{every: day, at: "08:30"}', when[every])
    due = {"hour": START + 15 * MINUTE, "week": CLOSING + DAY}[every]
    with office(tmp_path, rules) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(due - 1)
        assert desk.drawer() == []
        desk.tick(due)
        assert len(desk.drawer()) == 1


def test_a_manager_named_in_every_way_and_with_two_accounts_reads_one_list(tmp_path):
    named = ("1", "MARIE@example.org", "2", "Curie, Marie", "Marie@Example.org", "E1")
    with office(tmp_path) as desk:
        desk.import_people(
            [
                PersonRow("1", unique_id="E1"),
                PersonRow("2", name="Marie Curie", email="Marie@Example.org"),
                *(PersonRow(str(n), manager=way) for n, way in enumerate(named, 70)),
                PersonRow("76", manager="76"),
                PersonRow("77", manager="78"),
                PersonRow("78", manager="77"),
            ]
        )
        desk.post(*(completed(START, n) for n in range(70, 79)))
        desk.tick(START)
        desk.tick(CLOSING)
        (mail,) = desk.drawer()
        assert [f"Pupil {n}:" in mail for n in range(70, 79)] == [True] * 6 + [False] * 3
        assert sorted(desk.states())[-3:] == ["waiting_address"] * 3


def test_a_list_that_is_on_its_way_to_an_address_is_told_when_its_row_comes(tmp_path):
    rules = TEAM.replace("digest:", "send_window: noon, digest:")
    noon = f'{BERLIN}\ntime_intervals: {{noon: [{{from: "12:00", until: "13:00"}}]}}'
    with office(tmp_path, rules, head=noon) as desk:
        desk.import_people([PersonRow("5", name="Boss")])
        desk.import_people([PersonRow("70", manager="boss@example.org")])
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(CLOSING)
        assert "scheduled" in desk.states()
        desk.import_people([PersonRow("5", email="BOSS@example.org")])
        desk.tick(CLOSING + 4 * HOUR)
        (mail,) = desk.drawer()
        assert "Pupil 70:" in mail
