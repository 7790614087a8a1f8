"""What readers chose, against rules, windows and calendars: pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from service.rules.calendar import Stretch, Window
from service.rules.readers.choices import AWAY, OWN_LIST, Choices, OwnHours, OwnList

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Window("office", (Stretch(frozenset(range(5)), 480, 1080),))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


FRIDAY, SATURDAY = "2026-11-27", "2026-11-28"
TIMES = {
    "nothing chosen": (Choices(), f"{FRIDAY} 10:00", f"{FRIDAY} 10:00", ""),
    "away": (Choices(back_on=SATURDAY), f"{FRIDAY} 10:00", f"{SATURDAY} 00:00", AWAY),
    "back again": (Choices(back_on=FRIDAY), f"{FRIDAY} 10:00", f"{FRIDAY} 10:00", ""),
    "a list": (
        Choices(own_list=OwnList("day", 450)), f"{FRIDAY} 10:00", f"{SATURDAY} 07:30", OWN_LIST,
    ),
    "a list at its very moment": (
        Choices(own_list=OwnList("day", 450)), f"{FRIDAY} 07:30", f"{FRIDAY} 07:30", OWN_LIST,
    ),
    "a list of the week, and away": (
        Choices(own_list=OwnList("week", 450, 0), back_on="2026-12-02"),
        f"{FRIDAY} 10:00", "2026-12-07 07:30", AWAY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TIMES)
def test_from_when_it_may_leave(case: str) -> None:
    choices, ready, leaves, reason = TIMES[case]

    assert choices.not_before(at(ready), BERLIN) == (at(leaves), reason)


def test_own_hours_stand_in_place_of_a_rules_window_and_a_list_of_both() -> None:
    hours = OwnHours((5,), 600)

    assert Choices().window(OFFICE) is OFFICE
    assert Choices(own_hours=hours).window(OFFICE) == hours.window
    assert Choices(own_hours=hours).window(None) == hours.window
    assert Choices(own_hours=hours, own_list=OwnList("day", 450)).window(OFFICE) is None


def test_stopping_and_resuming_are_harmless_twice() -> None:
    one = Choices().stopping(["b", "a"])
    assert one == one.stopping(["a"]) == Choices(stopped=("a", "b"))
    assert one.stopping([]).stopped_all and not one.stopped_all
    assert one.resuming(["a"]) == one.resuming(["a", "x"]) == Choices(stopped=("b",))
    assert one.stopping([]).resuming([]) == Choices()
