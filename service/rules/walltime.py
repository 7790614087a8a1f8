"""Wall time: the moment at which a clock on a wall somewhere shows a time."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60


def instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """When (ms UTC) it is so many minutes after midnight, by the clock on the wall.

    A time that the clocks skip in spring comes when they have skipped it: of 02:30, where 02:00
    became 03:00, that is 03:00. One that comes twice in autumn is its first. 1,440 minutes are
    the midnight after.
    """
    day += timedelta(days=minute // DAY_MINUTES)
    minute %= DAY_MINUTES
    wall = datetime.combine(day, time(minute // 60, minute % 60), zone)
    first = wall.astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None):
        return _after_the_gap(first, zone)
    return round(first.timestamp() * 1000)


def _after_the_gap(beyond: datetime, zone: ZoneInfo) -> int:
    """The first moment after the clocks were put forward, which was before `beyond`."""
    offset = beyond.astimezone(zone).utcoffset()
    before, after = beyond - timedelta(days=1), beyond
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return round(after.timestamp()) * 1000


def local(at: int, zone: ZoneInfo) -> datetime:
    """What the clock and the calendar there show at `at` (ms UTC)."""
    return datetime.fromtimestamp(at / 1000, zone)
