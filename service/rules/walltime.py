"""Wall time: the moment at which a clock on a wall somewhere shows a time."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LONGEST_SKIP = 24 * 3600


@lru_cache(maxsize=4096)
def instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """When (ms UTC) it is so many minutes after midnight, by the clock on the wall.

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
    """The first moment after the clocks were put forward, which was before `beyond` (ms)."""
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
    """What the clock and the calendar there show at `at` (ms UTC)."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
