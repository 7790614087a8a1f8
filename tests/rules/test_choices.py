"""What readers chose, against rules, windows and calendars: pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from service.rules.calendar import Stretch, Window
from service.rules.choices import AWAY, OWN_HOURS, OWN_LIST, Choices, OwnHours, OwnList

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Window("office", (Stretch(frozenset(range(5)), 480, 1080),))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


FRIDAY, SATURDAY, MONDAY = "2026-11-27", "2026-11-28", "2026-11-30"
TIMES = {
    "nothing chosen": (Choices(), None, f"{FRIDAY} 10:00", f"{FRIDAY} 10:00", ""),
    "a rule's window": (
        Choices(), OFFICE, f"{FRIDAY} 19:00", f"{MONDAY} 08:00", "send_window office",
    ),
    "own hours stand in its place": (
        Choices(own_hours=OwnHours((5,), 600)), OFFICE,
        f"{FRIDAY} 19:00", f"{SATURDAY} 10:00", OWN_HOURS,
    ),
    "own hours where there is no window": (
        Choices(own_hours=OwnHours((5,), 600)), None,
        f"{FRIDAY} 19:00", f"{SATURDAY} 10:00", OWN_HOURS,
    ),
    "away": (Choices(back_on=SATURDAY), None, f"{FRIDAY} 10:00", f"{SATURDAY} 00:00", AWAY),
    "away, and then a window": (
        Choices(back_on=SATURDAY), OFFICE, f"{FRIDAY} 10:00", f"{MONDAY} 08:00", AWAY,
    ),
    "back again": (Choices(back_on=FRIDAY), None, f"{FRIDAY} 10:00", f"{FRIDAY} 10:00", ""),
    "a list": (
        Choices(own_list=OwnList("day", 450)), OFFICE,
        f"{FRIDAY} 10:00", f"{SATURDAY} 07:30", OWN_LIST,
    ),
    "a list at its very moment": (
        Choices(own_list=OwnList("day", 450)), None, f"{FRIDAY} 07:30", f"{FRIDAY} 07:30", OWN_LIST,
    ),
    "a list of the week, and away": (
        Choices(own_list=OwnList("week", 450, 0), back_on="2026-12-02"), None,
        f"{FRIDAY} 10:00", "2026-12-07 07:30", AWAY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TIMES)
def test_when_it_may_leave(case: str) -> None:
    choices, window, ready, leaves, reason = TIMES[case]

    ready_at, until, why = choices.times(at(ready), at(ready), window, BERLIN)

    assert (ready_at, until) == (at(leaves), at(leaves))
    assert until == at(ready) or why == reason


def test_what_a_list_was_to_have_leaves_also_after_it() -> None:
    choices = Choices(own_list=OwnList("day", 450))
    ready, now = at(f"{FRIDAY} 07:00"), at(f"{FRIDAY} 15:00")

    ready_at, until, _ = choices.times(ready, now, None, BERLIN)

    assert ready_at == at(f"{FRIDAY} 07:30") and until <= now


def test_a_window_that_has_closed_again_is_waited_for_and_ages() -> None:
    ready_at, until, _ = Choices().times(
        at(f"{FRIDAY} 10:00"), at(f"{FRIDAY} 20:00"), OFFICE, BERLIN
    )

    assert (ready_at, until) == (at(f"{FRIDAY} 10:00"), at(f"{MONDAY} 08:00"))
