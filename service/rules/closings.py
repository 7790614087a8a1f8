"""Closings: the moments at which digests are made up, by the clock where their reader is."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from service.rules.walltime import instant, local

HOUR_MINUTES = 60


@dataclass(frozen=True)
class Digest:
    """When what was collected leaves as one message, and for what there is one of its own.

    `at` is the minute of the day, of the hour if `every` is hour; `on` a weekday, Monday is 0,
    used when it is week. `group_by` are fields: one digest for each of their values.
    """

    every: Literal["hour", "day", "week"]
    at: int
    on: int = 0
    group_by: tuple[str, ...] = ()
    max_items: int = 50


@dataclass(frozen=True)
class Closing:
    """A moment (ms UTC) and its name, the local date and hour: later ones have later names."""

    at: int
    local: str


def next_closing(digest: Digest, zone: ZoneInfo, after: int, later_than: str = "") -> Closing:
    """The first closing after a moment (ms UTC) whose name is later than another's."""
    day = local(after, zone).date() - timedelta(days=1)
    while True:
        for closing in _of(digest, zone, day):
            if closing.at > after and closing.local > later_than:
                return closing
        day += timedelta(days=1)


def _of(digest: Digest, zone: ZoneInfo, day: date) -> list[Closing]:
    """The closings of a day; an hour that the clocks show twice has one, one they skip none."""
    if digest.every == "week" and day.weekday() != digest.on:
        return []
    hours = range(24) if digest.every == "hour" else [0]
    moments = sorted({instant(day, hour * HOUR_MINUTES + digest.at, zone) for hour in hours})
    return [Closing(at, local(at, zone).strftime("%Y-%m-%dT%H")) for at in moments]
