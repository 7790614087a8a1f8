"""On which days a list leaves: working days, once a month, in a window one and not three."""

from pathlib import Path

import pytest

from tests.installation import DAY, HOUR, MINUTE, START, completed
from tests.sending.digest_rules import BERLIN, CLOSING, TEAM, closings, office

HOURS = """
time_intervals: {office: [{weekdays: [mon, tue, wed, thu, fri], from: "08:00", until: "18:00"}]}
"""
WITHIN = TEAM.replace('at: "08:30"}', 'at: "08:30"}, send_window: office')
ON_DAYS = TEAM.replace("every: day,", "every: day, on: [mon, tue, wed, thu, fri],")
FRIDAY_NOON = START + 4 * DAY + 2 * HOUR


@pytest.mark.parametrize("rules", [WITHIN, ON_DAYS], ids=["a window", "working days"])
def test_a_weekend_is_one_list_on_monday_and_not_three(tmp_path: Path, rules: str) -> None:
    with office(tmp_path, rules, head=BERLIN + HOURS) as desk:
        for day in range(3):
            at = FRIDAY_NOON + day * DAY
            desk.post(completed(at, 70 + day))
            desk.tick(at)
        for hours in range(60, 96, 4):
            desk.tick(FRIDAY_NOON + hours * HOUR)

        (mail,) = desk.drawer()
        assert all(f"Pupil 7{n}" in mail for n in range(3))
        (closed,) = closings(desk)
        assert closed.local == "2026-11-23T08"
        assert sorted(desk.states()) == ["dropped"] * 3 + ["sent"]


def test_what_came_before_the_weekend_began_leaves_on_friday(tmp_path: Path) -> None:
    with office(tmp_path, WITHIN, head=BERLIN + HOURS) as desk:
        desk.post(completed(START + 3 * DAY, 70))
        desk.tick(START + 3 * DAY)
        desk.tick(CLOSING + 3 * DAY)
        assert desk.states() == ["dropped", "sent"]


def test_a_list_of_an_hour_that_is_never_in_the_window_waits_for_it_as_ever(tmp_path: Path) -> None:
    rules = WITHIN.replace("08:30", "20:00")
    with office(tmp_path, rules, head=BERLIN + HOURS) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.tick(START + 10 * HOUR)
        assert desk.drawer() == []
        desk.tick(START + 22 * HOUR)
        assert len(desk.drawer()) == 1


def test_a_monthly_list_leaves_on_its_day(tmp_path: Path) -> None:
    rules = TEAM.replace("every: day,", "every: month, on: 20,")
    with office(tmp_path, rules) as desk:
        desk.post(completed(START, 70))
        desk.tick(START)
        desk.post(completed(START + 2 * DAY, 71))
        desk.tick(START + 2 * DAY)
        desk.tick(CLOSING + 3 * DAY - MINUTE)
        assert desk.drawer() == []
        desk.tick(CLOSING + 3 * DAY)
        (mail,) = desk.drawer()
        assert "Pupil 70" in mail
        assert "Pupil 71" in mail
