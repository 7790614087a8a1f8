"""Reckon with durations, zones, windows and closings, as people write them."""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
DAY = UNITS["d"]
HOUR = UNITS["h"]
MINUTE = UNITS["m"]
LONGEST = 3660 * DAY

_FORM = re.compile(r"(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")


def milliseconds(text: str) -> int | None:
    """Read a duration; None when it has another form, is zero, or is longer than ten years."""
    found = _FORM.fullmatch(text) if text.isascii() else None
    if found is None:
        return None
    amounts = zip(found.groups(), UNITS.values(), strict=True)
    total = sum(int(amount) * unit for amount, unit in amounts if amount)
    return total if 0 < total <= LONGEST else None


DAY_MINUTES = 24 * 60

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LONGEST_SKIP = 24 * 3600


@lru_cache(maxsize=4096)
def instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """Find when (ms UTC) it is so many minutes after midnight, by the clock on the wall.

    A time that the clocks skip in spring comes when they have skipped it: of 02:30, where 02:00
    became 03:00, that is 03:00. One that comes twice in autumn is its first. 1,440 minutes are
    the midnight after.
    """
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    offset = wall.utcoffset()
    skipped = wall.replace(fold=1).utcoffset()
    assert offset is not None
    assert skipped is not None
    at = (wall.replace(tzinfo=UTC) - offset - _EPOCH) // _MILLISECOND
    return at if skipped <= offset else _after_the_gap(at, zone)


def _after_the_gap(beyond: int, zone: ZoneInfo) -> int:
    """Find the first moment after the clocks were put forward, which was before `beyond` (ms)."""
    after = beyond // 1000
    before = after - _LONGEST_SKIP
    offset = local(beyond, zone).utcoffset()
    while after - before > 1:
        middle = (after + before) // 2
        if local(middle * 1000, zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after * 1000


def local(at: int, zone: ZoneInfo) -> datetime:
    """Read the clock and the calendar there at `at` (ms UTC)."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)


DAYS = 7
WORKING_DAYS = range(5)


@dataclass(frozen=True)
class Stretch:
    """Span one minute of the day until another, 1440 at most, on some days; Monday is 0."""

    weekdays: frozenset[int]
    begin: int
    end: int


@dataclass(frozen=True)
class Window:
    """Name a part of the week; there is at least one stretch, on at least one day."""

    name: str
    stretches: tuple[Stretch, ...]


def opens(window: Window, zone: ZoneInfo, at: int) -> int:
    """Find the first moment (ms UTC), `at` or later, at which the window is open there.

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
    """Say how long (ms) the window is closed at most, in a week whose clocks do not change."""
    week = DAYS * DAY_MINUTES
    open_ = sorted(
        (day * DAY_MINUTES + stretch.begin, day * DAY_MINUTES + stretch.end)
        for stretch in window.stretches
        for day in stretch.weekdays
    )
    gap, end = 0, max(end for _, end in open_) - week
    for begin, until in open_:
        gap, end = max(gap, begin - end), max(end, until)
    return gap * MINUTE


HOUR_MINUTES = 60
DAY_HOURS = 24
NAMED = "%Y-%m-%dT%H"

_OWN = {"hour": NAMED, "day": "%Y-%m-%d"}
"""What has a closing of its own, so that none is put off into it."""


ITEMS_MAX = 50


class Settling(NamedTuple):
    """Say since when a rule file is active, and until when what it says no more is only held.

    Both in ms UTC. It may be half a file, an old one or a slip of the editor. `changed` are the
    rules that read otherwise than when a file had settled.
    """

    since: int = 0
    until: int = 0
    changed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Digest:
    """Say when what was collected leaves as one message, and for what there is one of its own.

    `at` is the minute of the day, of the hour if `every` is hour; `on` are weekdays, Monday is 0,
    and every day if there are none; of a month it is `day`, or its last day if that comes first, or
    its first working day if that is 0. `group_by` are fields: one digest for each of their values.
    With a `window` it closes only while that is open.
    """

    every: Literal["hour", "day", "week", "month"]
    at: int
    on: tuple[int, ...] = ()
    group_by: tuple[str, ...] = ()
    max_items: int = ITEMS_MAX
    day: int = 0
    window: Window | None = None

    def within(self, window: Window | None) -> "Digest":
        """Close only while a window is open, unless that is never so, or it closes once a month."""
        fits = window is not None and any(map(self._may_close_in, window.stretches))
        return replace(self, window=window if fits and self.every != "month" else None)

    def _may_close_in(self, stretch: Stretch) -> bool:
        by_hour = self.every == "hour"
        minutes = range(self.at, DAY_MINUTES, HOUR_MINUTES) if by_hour else (self.at,)
        timely = any(stretch.begin <= minute < stretch.end for minute in minutes)
        return timely and not stretch.weekdays.isdisjoint(self.on or range(DAYS))

    def closes_on(self, day: date) -> bool:
        """Tell whether it closes on a day, if it closes once a day."""
        if self.every != "month":
            return not self.on or day.weekday() in self.on
        first, last = day.replace(day=1), monthrange(day.year, day.month)[1]
        on = self.day or next(
            n + 1 for n in range(DAYS) if (first.weekday() + n) % DAYS in WORKING_DAYS
        )
        return day.day == min(on, last)


@dataclass(frozen=True)
class Closing:
    """Name a moment (ms UTC) by its local date and hour: later ones have later names."""

    at: int
    local: str


def next_closing(digest: Digest, zone: ZoneInfo, after: int, later_than: str = "") -> Closing:
    """Find the first closing after a moment (ms UTC) whose name is later than another's.

    An hour that the clocks show twice has one; an hour, or a day, that they skip has none. That
    of a week or a month on a day they skip comes when they have skipped it.
    """
    for day, minute in _times(digest, local(after, zone)):
        at = instant(day, minute, zone)
        if at <= after:
            continue
        shown = local(at, zone)
        closing = Closing(at, shown.strftime(NAMED))
        closes = digest.window is None or opens(digest.window, zone, at) == at
        if closes and closing.local > later_than and _is_its_own(digest, day, minute, shown):
            return closing
    raise AssertionError("a digest closes for ever")


def _times(digest: Digest, begin: datetime) -> Iterator[tuple[date, int]]:
    """Yield days and minutes at which the clock on the wall says so, from that hour or day on."""
    today = begin.date()
    if digest.every == "hour":
        for hours in count(begin.hour):
            days, hour = divmod(hours, DAY_HOURS)
            yield today + timedelta(days=days), hour * HOUR_MINUTES + digest.at
    for days in count():
        day = today + timedelta(days=days)
        if digest.closes_on(day):
            yield day, digest.at


def _is_its_own(digest: Digest, day: date, minute: int, shown: datetime) -> bool:
    """Tell whether it is still in the hour, or on the day, for which it was meant."""
    own = _OWN.get(digest.every, "")
    meant = datetime(day.year, day.month, day.day, minute // HOUR_MINUTES, tzinfo=shown.tzinfo)
    return shown.strftime(own) == meant.strftime(own)
