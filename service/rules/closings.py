"""Closings: the moments at which digests are made up, by the clock where their reader is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Literal
from zoneinfo import ZoneInfo

from service.rules.walltime import instant, local

HOUR_MINUTES = 60
DAY_HOURS = 24
NAMED = "%Y-%m-%dT%H"

_OWN = {"hour": NAMED, "day": "%Y-%m-%d", "week": ""}
"""What has a closing of its own, so that none is put off into it."""


ITEMS_MAX = 50


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
    max_items: int = ITEMS_MAX


@dataclass(frozen=True)
class Closing:
    """A moment (ms UTC) and its name, the local date and hour: later ones have later names."""

    at: int
    local: str


def next_closing(digest: Digest, zone: ZoneInfo, after: int, later_than: str = "") -> Closing:
    """The first closing after a moment (ms UTC) whose name is later than another's.

    An hour that the clocks show twice has one; an hour, or a day, that they skip has none. That
    of a week on a day they skip comes when they have skipped it.
    """
    for day, minute in _times(digest, local(after, zone)):
        at = instant(day, minute, zone)
        if at <= after:
            continue
        shown = local(at, zone)
        closing = Closing(at, shown.strftime(NAMED))
        if closing.local > later_than and _is_its_own(digest, day, minute, shown):
            return closing
    raise AssertionError("a digest closes for ever")


def _times(digest: Digest, begin: datetime) -> Iterator[tuple[date, int]]:
    """The days and minutes at which the clock on the wall says so, from that hour or day on."""
    today = begin.date()
    if digest.every == "hour":
        for hours in count(begin.hour):
            days, hour = divmod(hours, DAY_HOURS)
            yield today + timedelta(days=days), hour * HOUR_MINUTES + digest.at
    step = 7 if digest.every == "week" else 1
    ahead = (digest.on - today.weekday()) % step
    for days in count(ahead, step):
        yield today + timedelta(days=days), digest.at


def _is_its_own(digest: Digest, day: date, minute: int, shown: datetime) -> bool:
    """Tell whether it is still in the hour, or on the day, for which it was meant."""
    own = _OWN[digest.every]
    meant = datetime(day.year, day.month, day.day, minute // HOUR_MINUTES, tzinfo=shown.tzinfo)
    return shown.strftime(own) == meant.strftime(own)
