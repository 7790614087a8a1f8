"""Windows: the hours of the week in which messages may leave."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from service.rules.walltime import DAY_MINUTES, instant, local

DAYS = 7
MINUTE_MS = 60_000


@dataclass(frozen=True)
class Stretch:
    """From one minute of the day until another, 1440 at most, on some days; Monday is 0."""

    weekdays: frozenset[int]
    begin: int
    end: int


@dataclass(frozen=True)
class Window:
    """A named part of the week; there is at least one stretch, on at least one day."""

    name: str
    stretches: tuple[Stretch, ...]


def opens(window: Window, zone: ZoneInfo, at: int) -> int:
    """The first moment (ms UTC), `at` or later, at which the window is open there.

    Where the clocks skip all of a stretch it is left out on that day.
    """
    today = local(at, zone).date()
    for days in range(2 * DAYS + 1):
        day = today + timedelta(days=days)
        for stretch in _of(window, day.weekday()):
            end = instant(day, stretch.end, zone)
            begin = instant(day, stretch.begin, zone) if at < end else end
            if begin < end:
                return max(at, begin)
    raise AssertionError(f"the window {window.name} never opens")


def _of(window: Window, weekday: int) -> list[Stretch]:
    return sorted((s for s in window.stretches if weekday in s.weekdays), key=lambda s: s.begin)


@lru_cache
def longest_gap(window: Window) -> int:
    """For how long (ms) the window is closed at most, in a week whose clocks do not change."""
    week = DAYS * DAY_MINUTES
    open_ = sorted(
        (day * DAY_MINUTES + stretch.begin, day * DAY_MINUTES + stretch.end)
        for stretch in window.stretches
        for day in stretch.weekdays
    )
    gap, end = 0, max(end for _, end in open_) - week
    for begin, until in open_:
        gap, end = max(gap, begin - end), max(end, until)
    return gap * MINUTE_MS
