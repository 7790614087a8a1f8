"""The calendar: windows and digests keep to the clock on the wall where clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rules.calendar import (
    MINUTE,
    Closing,
    Digest,
    Stretch,
    Window,
    instant,
    local,
    longest_gap,
    next_closing,
    opens,
)

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, APIA, CAIRO = (
    ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia"), ZoneInfo("Africa/Cairo"),
)  # fmt: skip
ZONES = [BERLIN, NEW_YORK, LORD_HOWE, APIA, CAIRO, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")]
EVERY_DAY = frozenset(range(7))
DAY_MS = 86_400_000


def utc(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


def shown(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def hm(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


@pytest.mark.parametrize(
    ("zone", "day", "time", "moment"),
    [
        (BERLIN, "2026-03-29", "01:59", "2026-03-29 00:59"),
        (BERLIN, "2026-03-29", "02:00", "2026-03-29 01:00"),
        (BERLIN, "2026-03-29", "02:59", "2026-03-29 01:00"),
        (BERLIN, "2026-03-29", "03:00", "2026-03-29 01:00"),
        (BERLIN, "2026-03-29", "24:00", "2026-03-29 22:00"),
        (BERLIN, "2026-10-25", "01:59", "2026-10-24 23:59"),
        (BERLIN, "2026-10-25", "02:00", "2026-10-25 00:00"),
        (BERLIN, "2026-10-25", "02:59", "2026-10-25 00:59"),
        (BERLIN, "2026-10-25", "03:00", "2026-10-25 02:00"),
        (NEW_YORK, "2026-03-08", "02:30", "2026-03-08 07:00"),
        (NEW_YORK, "2026-11-01", "01:30", "2026-11-01 05:30"),
        (NEW_YORK, "2026-11-01", "02:00", "2026-11-01 07:00"),
        (LORD_HOWE, "2026-10-04", "02:10", "2026-10-03 15:30"),
        (LORD_HOWE, "2026-10-04", "02:40", "2026-10-03 15:40"),
        (LORD_HOWE, "2026-04-05", "01:40", "2026-04-04 14:40"),
        (LORD_HOWE, "2026-04-05", "02:00", "2026-04-04 15:30"),
        (APIA, "2011-12-29", "24:00", "2011-12-30 10:00"),
        (APIA, "2011-12-30", "00:00", "2011-12-30 10:00"),
        (APIA, "2011-12-30", "23:59", "2011-12-30 10:00"),
        (APIA, "2011-12-31", "00:00", "2011-12-30 10:00"),
        (CAIRO, "2026-04-23", "24:00", "2026-04-23 22:00"),
        (CAIRO, "2026-04-24", "00:30", "2026-04-23 22:00"),
        (CAIRO, "2026-10-29", "23:30", "2026-10-29 20:30"),
        (CAIRO, "2026-10-29", "24:00", "2026-10-29 22:00"),
    ],
    ids=lambda each: str(each),
)
def test_a_time_on_the_wall_is_one_moment(zone: ZoneInfo, day: str, time: str, moment: str) -> None:
    assert shown(instant(date.fromisoformat(day), hm(time), zone)) == moment


DAYS = st.dates(date(2010, 1, 1), date(2035, 12, 31))
CHANGES = st.sampled_from(
    [
        *((BERLIN, date.fromisoformat(day)) for day in ("2026-03-29", "2026-10-25")),
        *((NEW_YORK, date.fromisoformat(day)) for day in ("2026-03-08", "2026-11-01")),
        *((LORD_HOWE, date.fromisoformat(day)) for day in ("2026-04-05", "2026-10-04")),
        *((APIA, date.fromisoformat(day)) for day in ("2011-12-30", "2011-09-24", "2012-04-01")),
        *((CAIRO, date.fromisoformat(day)) for day in ("2026-04-24", "2026-10-29")),
    ]
)
NEAR_CHANGES = st.tuples(CHANGES, st.integers(-8 * 1440, 4 * 1440)).map(
    lambda each: (each[0][0], utc(f"{each[0][1]} 00:00") + each[1] * MINUTE)
)
AT_ANY_TIME = st.tuples(
    st.sampled_from(ZONES), st.integers(utc("2010-01-01 00:00"), utc("2035-12-31 00:00"))
)
MOMENTS = NEAR_CHANGES | AT_ANY_TIME


@given(CHANGES | st.tuples(st.sampled_from(ZONES), DAYS), st.integers(0, 1440))
def test_it_is_the_first_moment_not_before_that_time(
    place: tuple[ZoneInfo, date], minute: int
) -> None:
    zone, day = place
    at = instant(day, minute, zone)
    wall = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute)
    assert local(at, zone).replace(tzinfo=UTC) >= wall
    before = local(at - MINUTE, zone).replace(tzinfo=UTC)
    assert before < wall
    assert at % MINUTE == 0


MINUTES = st.integers(0, 96).map(lambda quarter: quarter * 15)
STRETCHES = st.builds(
    lambda days, ends: Stretch(frozenset(days), min(ends), max(ends)),
    st.sets(st.integers(0, 6), min_size=1),
    st.tuples(MINUTES, MINUTES).filter(lambda ends: ends[0] != ends[1]),
)
WINDOWS = st.lists(STRETCHES, min_size=1, max_size=3).map(lambda each: Window("w", tuple(each)))


@given(WINDOWS, MOMENTS)
def test_a_window_opens_once_and_not_before(window: Window, place: tuple[ZoneInfo, int]) -> None:
    zone, at = place
    found = opens(window, zone, at)
    assert found >= at
    assert inside(window, zone, found)
    assert opens(window, zone, found) == found
    for part in range(1, 6):
        between = at + (found - at) * part // 6
        assert opens(window, zone, between) == found


def inside(window: Window, zone: ZoneInfo, at: int) -> bool:
    """Whether it is open by the reading of the clock; the second time of one shown twice is not
    asked."""
    wall = local(at, zone)
    minute = wall.hour * 60 + wall.minute
    return wall.fold == 1 or any(
        wall.weekday() in each.weekdays and each.begin <= minute < each.end
        for each in window.stretches
    )


@given(WINDOWS, st.integers(utc("2026-01-01 00:00"), utc("2027-01-01 00:00")))
def test_nobody_waits_longer_than_the_longest_gap(window: Window, at: int) -> None:
    waits = opens(window, ZoneInfo("UTC"), at) - at
    assert waits <= longest_gap(window)
    end = opens(window, ZoneInfo("UTC"), at)
    while opens(window, ZoneInfo("UTC"), end) == end and end < at + 15 * DAY_MS:
        end += 15 * MINUTE - end % (15 * MINUTE)
    assert opens(window, ZoneInfo("UTC"), end) - end <= longest_gap(window)


def test_the_longest_gap_is_the_weekend_of_office_hours() -> None:
    assert longest_gap(window("08:00", "18:00", range(5))) == 62 * 3_600_000
    assert longest_gap(window("00:00", "24:00", range(7))) == 0
    assert longest_gap(window("09:00", "10:00", [2])) == (7 * 24 - 1) * 3_600_000


def window(begin: str, end: str, days: object = EVERY_DAY) -> Window:
    return Window("w", (Stretch(frozenset(days), hm(begin), hm(end)),))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("zone", "stretch", "at", "opened"),
    [
        (BERLIN, ("02:15", "02:45"), "2026-03-28 12:00", "2026-03-30 00:15"),
        (BERLIN, ("01:30", "02:30"), "2026-03-29 00:45", "2026-03-29 00:45"),
        (BERLIN, ("02:30", "04:00"), "2026-03-29 00:45", "2026-03-29 01:00"),
        (BERLIN, ("02:00", "03:00"), "2026-10-25 01:30", "2026-10-25 01:30"),
        (BERLIN, ("02:15", "02:45"), "2026-10-25 01:30", "2026-10-26 01:15"),
        (NEW_YORK, ("02:15", "02:45"), "2026-03-08 06:30", "2026-03-09 06:15"),
        (NEW_YORK, ("01:00", "02:00"), "2026-11-01 06:30", "2026-11-01 06:30"),
        (LORD_HOWE, ("02:00", "02:30"), "2026-10-03 15:00", "2026-10-04 15:00"),
        (LORD_HOWE, ("01:45", "02:00"), "2026-04-04 15:10", "2026-04-04 15:10"),
        (APIA, ("08:00", "18:00"), "2011-12-30 05:00", "2011-12-30 18:00"),
        (CAIRO, ("00:00", "01:00"), "2026-04-23 21:00", "2026-04-24 21:00"),
    ],
    ids=lambda each: str(each),
)
def test_a_window_over_a_change_of_clocks(
    zone: ZoneInfo, stretch: tuple[str, str], at: str, opened: str
) -> None:
    assert shown(opens(window(*stretch), zone, utc(at))) == opened


SUN = (6,)
DIGESTS = st.builds(
    lambda every, at, on: Digest(
        every, at % 60 if every == "hour" else at, (on,) * (every == "week")
    ),
    st.sampled_from(["hour", "day", "week"]),
    st.integers(0, 1439),
    st.integers(0, 6),
)


@given(DIGESTS, MOMENTS)
def test_closings_go_forward_in_time_and_name(digest: Digest, place: tuple[ZoneInfo, int]) -> None:
    zone, after = place
    found = [Closing(after, "")]
    for _ in range(12):
        found.append(next_closing(digest, zone, found[-1].at))
    assert all(a.at < b.at and a.local < b.local for a, b in pairwise(found))
    first = found[1]
    for part in range(6):
        between = after + (first.at - after) * part // 6
        assert next_closing(digest, zone, between) == first
    assert next_closing(digest, zone, after, first.local) == found[2]


def named(digest: Digest, zone: ZoneInfo, after: str, many: int) -> list[str]:
    at, found = utc(after), []
    for _ in range(many):
        closing = next_closing(digest, zone, at)
        at = closing.at
        found.append(f"{shown(at)[8:]} {closing.local[8:]}")
    return found


@pytest.mark.parametrize(
    ("digest", "zone", "after", "closings"),
    [
        (Digest("hour", 0), BERLIN, "2026-03-28 23:30", ["29 00:00 29T01", "29 01:00 29T03"]),
        (Digest("hour", 30), BERLIN, "2026-03-28 23:30", ["29 00:30 29T01", "29 01:30 29T03"]),
        (
            Digest("hour", 30), BERLIN, "2026-10-24 23:30",
            ["25 00:30 25T02", "25 02:30 25T03", "25 03:30 25T04"],
        ),
        (Digest("hour", 0), NEW_YORK, "2026-03-08 05:30", ["08 06:00 08T01", "08 07:00 08T03"]),
        (Digest("hour", 0), NEW_YORK, "2026-11-01 04:30", ["01 05:00 01T01", "01 07:00 01T02"]),
        (Digest("hour", 15), LORD_HOWE, "2026-10-03 14:30", ["03 14:45 04T01", "03 15:30 04T02"]),
        (
            Digest("hour", 45), LORD_HOWE, "2026-04-04 14:00",
            ["04 14:45 05T01", "04 16:15 05T02"],
        ),
        (Digest("hour", 0), APIA, "2011-12-30 08:30", ["30 09:00 29T23", "30 10:00 31T00"]),
        (Digest("day", 150), BERLIN, "2026-03-28 12:00", ["29 01:00 29T03", "30 00:30 30T02"]),
        (Digest("day", 150), BERLIN, "2026-10-24 12:00", ["25 00:30 25T02", "26 01:30 26T02"]),
        (Digest("day", 510), BERLIN, "2026-03-28 12:00", ["29 06:30 29T08", "30 06:30 30T08"]),
        (Digest("day", 510), BERLIN, "2026-10-24 12:00", ["25 07:30 25T08", "26 07:30 26T08"]),
        (Digest("day", 510), APIA, "2011-12-29 20:00", ["30 18:30 31T08", "31 18:30 01T08"]),
        (Digest("day", 30), CAIRO, "2026-04-23 12:00", ["23 22:00 24T01", "24 21:30 25T00"]),
        (Digest("week", 150, SUN), BERLIN, "2026-03-23 12:00",
         ["29 01:00 29T03", "05 00:30 05T02"]),
        (Digest("week", 150, SUN), BERLIN, "2026-10-19 12:00",
         ["25 00:30 25T02", "01 01:30 01T02"]),
        (Digest("week", 510, (4,)), APIA, "2011-12-28 12:00", ["30 10:00 31T00", "05 18:30 06T08"]),
    ],
    ids=lambda each: str(each),
)  # fmt: skip
def test_digests_over_a_change_of_clocks(
    digest: Digest, zone: ZoneInfo, after: str, closings: list[str]
) -> None:
    assert named(digest, zone, after, len(closings)) == closings


def test_who_moves_west_is_not_told_the_same_hour_twice() -> None:
    digest = Digest("day", 510)
    berlin = next_closing(digest, BERLIN, utc("2026-06-01 00:00"))
    moved = next_closing(digest, NEW_YORK, berlin.at, berlin.local)
    assert (berlin.local, moved.local) == ("2026-06-01T08", "2026-06-02T08")


WORKDAYS = (0, 1, 2, 3, 4)
OFFICE = Window("office", (Stretch(frozenset(WORKDAYS), hm("08:00"), hm("18:00")),))


@pytest.mark.parametrize(
    ("digest", "after", "closings"),
    [
        (Digest("day", 510, WORKDAYS), "2026-11-19 12:00", ["20 07:30 20T08", "23 07:30 23T08"]),
        (Digest("week", 510, (1, 3)), "2026-11-17 08:00", ["19 07:30 19T08", "24 07:30 24T08"]),
        (Digest("month", 510), "2026-07-20 12:00", ["03 06:30 03T08", "01 06:30 01T08"]),
        (Digest("month", 510, day=31), "2026-01-31 12:00", ["28 07:30 28T08", "31 06:30 31T08"]),
        (Digest("day", 510).within(OFFICE), "2026-11-20 12:00", ["23 07:30 23T08"]),
        (Digest("day", 1200).within(OFFICE), "2026-11-20 12:00", ["20 19:00 20T20"]),
        (Digest("hour", 0).within(OFFICE), "2026-11-20 15:30",
         ["20 16:00 20T17", "23 07:00 23T08"]),
        (Digest("week", 510, (5,)).within(OFFICE), "2026-11-16 12:00", ["21 07:30 21T08"]),
        (Digest("month", 510, day=1).within(OFFICE), "2026-07-20 12:00", ["01 06:30 01T08"]),
    ],
    ids=lambda each: str(each),
)  # fmt: skip
def test_days_on_which_a_digest_closes(digest: Digest, after: str, closings: list[str]) -> None:
    """The first of August 2026 is a Saturday, and that of September a Tuesday."""
    assert named(digest, BERLIN, after, len(closings)) == closings
