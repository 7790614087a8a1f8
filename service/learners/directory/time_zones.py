"""Read time zones as systems write them, and say what is meant where one cannot be read.

A zone is known by its name in the IANA database; Windows' names are after CLDR's windowsZones
(https://www.unicode.org/reports/tr35/tr35-dates.html#Supplemental_Time_Zone_Data).
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache, partial
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from tzlocal.windows_tz import win_tz

from service.learners.look_alikes import plain
from service.learners.text_form import text_form

ZONES_REMEMBERED = 4_096
NEAR = 0.75
EXAMPLE = "Europe/Berlin"
NO_ZONE = "is no zone"
CODE = "is a number of the account's own list of zones"
FIXED = "has no summer time"
FARTHEST = timedelta(hours=14)
SEASONS = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
"""Moments in which a zone has its standard and its summer time."""

NOBODYS = {"Factory", "localtime"}
UNIVERSAL = {"z": "UTC", "coordinated universal time": "UTC", "greenwich mean time": "GMT"}
SUMMERLESS = {"EST": "America/New_York", "MST": "America/Denver", "HST": "Pacific/Honolulu"}
"""Zones of the database that have no summer time, and what is meant by them."""
ABBREVIATED = {
    word: zone
    for words, zone in {
        "EDT ET": "America/New_York",
        "CST CDT CT": "America/Chicago",
        "MDT": "America/Denver",
        "PST PDT PT": "America/Los_Angeles",
        "AKST AKDT": "America/Anchorage",
        "AST ADT": "America/Halifax",
        "NST NDT": "America/St_Johns",
        "BST": "Europe/London",
        "CEST MEZ MESZ": "Europe/Berlin",
        "EEST": "Europe/Athens",
        "MSK": "Europe/Moscow",
        "IST": "Asia/Kolkata",
        "SGT": "Asia/Singapore",
        "HKT": "Asia/Hong_Kong",
        "JST": "Asia/Tokyo",
        "AEST AEDT": "Australia/Sydney",
        "NZST NZDT": "Pacific/Auckland",
    }.items()
    for word in words.split()
}
"""What is probably meant by letters that several zones share."""

_HOURS = r"(?P<sign>[+-])\s*(?P<hours>\d{1,2})(?:[:.]?(?P<minutes>[0-5]\d))?"
_OFFSET = re.compile(rf"\(?(?:(?:UTC|GMT)\s*)?{_HOURS}\)?(?P<rest>\D.*)?", re.IGNORECASE)
_AT_ZERO = re.compile(r"(?P<open>\()?(?:UTC|GMT)(?(open)\)|\s*(?=\())(?P<rest>.+)", re.IGNORECASE)
_EXPLAINED = re.compile(r"(?P<name>[^()]+?)\s*\((?P<other>[^()]*)\)")
_PARTS = re.compile(r" - |[,()]")
_IN_AMERICA = re.compile(r"(?P<name>\w+) Time \(US & Canada\)", re.IGNORECASE)
_SEASON = re.compile(r"\b(?:Daylight|Summer) Time$", re.IGNORECASE)


class ReadName(NamedTuple):
    """Hold the name that a text stands for, None if none could be read.

    `doubt` says what is wrong with the text, which may be read all the same, and `advice` what to
    do about it; both are empty where nothing is. What an `unread` text means is guessed when it
    is asked for, as that takes a thousand times as long as reading.
    """

    name: str | None
    doubt: str = ""
    said: str = ""
    unread: Callable[[], str] | None = None

    @property
    def advice(self) -> str:
        """Say what to do about the text."""
        return self.unread() if self.unread else self.said


@lru_cache(ZONES_REMEMBERED)
def read_zone(text: str) -> ReadName:
    """Read a zone: `asia/calcutta`, `UTC+05:30(Asia/Calcutta)`, `W. Europe Standard Time`, `Z`."""
    text = plain(text_form(text))
    if named := _named(text):
        return ReadName(named, *_told_of_fixed(named))
    if found := _OFFSET.fullmatch(text):
        return _with_offset(_offset_of(found), found["rest"] or "")
    if found := _AT_ZERO.fullmatch(text):
        return _with_offset(timedelta(), found["rest"])
    found = _EXPLAINED.fullmatch(text)
    if found and (named := _place(found["other"]) or _named(found["name"])):
        return ReadName(named, *_told_of_fixed(named))
    if text.isdecimal():
        return ReadName(None, CODE, "give it once with --zones FILE, with the columns code,zone")
    return ReadName(None, NO_ZONE, unread=partial(_advice, text))


@lru_cache(ZONES_REMEMBERED)
def zone_form(text: str) -> str:
    """Give the form in which zones are compared: the IANA name, or else the text's own form."""
    return read_zone(text).name or text_form(text)


def zone_hint(text: str) -> str | None:
    """Name the zone that a text means, or probably means; None if nobody can tell."""
    found = read_zone(text)
    guessed = _meant(plain(text_form(text))) if found.doubt == NO_ZONE else None
    return found.name or guessed


@cache
def zones() -> frozenset[str]:
    """List the names of the IANA database as this machine has it, read from the disk once."""
    return frozenset(available_timezones())


@cache
def _renamed() -> dict[str, str]:
    """Give the names of today for the older ones: Asia/Kolkata for Asia/Calcutta.

    Older is a link that no country has: those are left out of zone.tab. What has no slash, as
    EST or Japan, is no place.
    """
    database = files("tzdata") / "zoneinfo"
    places = {
        line.split("\t")[2]
        for line in (database / "zone.tab").read_text().splitlines()
        if not line.startswith("#")
    }
    links = (line.split() for line in (database / "tzdata.zi").read_text().splitlines())
    found = {link[2]: link[1] for link in links if link[:1] == ["L"]}
    return {
        old: new
        for old, new in found.items()
        if "/" in old and old not in places and not old.startswith("Etc/") and new in zones()
    }


@cache
def _names() -> dict[str, str]:
    """Give every name that stands for one zone, in small letters: of IANA and of Windows."""
    windows = {name.lower(): zone for name, zone in win_tz.items()}
    iana = {name.lower(): name for name in zones() - NOBODYS}
    found = UNIVERSAL | windows | iana
    return {name: _renamed().get(zone, zone) for name, zone in found.items()}


@cache
def _cities() -> dict[str, list[str]]:
    """Give the zones by the city in their names, in small letters."""
    found: dict[str, list[str]] = {}
    for name in sorted(zones()):
        area, slash, city = name.rpartition("/")
        zone = _renamed().get(name, name)
        known = found.setdefault(city.replace("_", " ").lower(), []) if slash else []
        if zone not in known and not area.startswith(("Etc", "SystemV", "posix", "right")):
            known.append(zone)
    return found


def _named(text: str) -> str | None:
    """Find the zone of a name in any case, also as Outlook and pages of settings show it."""
    named = _names().get(text.lower())
    if named is None and (found := _IN_AMERICA.fullmatch(text)):
        named = _names().get(f"{found['name']} standard time".lower())
    return named or _names().get(_SEASON.sub("standard time", text).lower())


def _offset_of(found: re.Match[str]) -> timedelta:
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    return -offset if found["sign"] == "-" else offset


def _with_offset(offset: timedelta, rest: str) -> ReadName:
    """Read what stands beside an offset, a name or cities, or else the offset alone."""
    rest = rest.strip(" ,:-")
    if rest.startswith("(") and rest.endswith(")"):
        rest = rest[1:-1]
    if abs(offset) > FARTHEST:
        return ReadName(None, NO_ZONE, f"write an IANA name, e.g. {EXAMPLE}")
    if not rest or rest.lower().startswith("coordinated universal time"):
        return _fixed(offset)
    named = _named(rest) or _named(f"{rest} Standard Time") or _among_parts(rest, offset)
    return ReadName(named) if named else ReadName(None, NO_ZONE, unread=partial(_advice, rest))


def _place(text: str) -> str | None:
    """Find the zone of a name with a place in it, as `Europe/Berlin`."""
    return _named(text) if "/" in text else None


def _among_parts(text: str, offset: timedelta) -> str | None:
    """Find the one zone named among words, or the first city named that has this offset."""
    parts = [part.strip() for part in _PARTS.split(text)]
    cities = (_cities().get(part.lower(), ()) for part in parts)
    there = (zone for found in cities for zone in found if offset in _offsets(zone))
    return next(filter(None, map(_place, parts)), None) or next(there, None)


def _offsets(zone: str) -> set[timedelta]:
    offsets = (moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in SEASONS)
    return {offset for offset in offsets if offset is not None}


def _fixed(offset: timedelta) -> ReadName:
    """Give the zone that is always so far from UTC, if the database has one."""
    hours, rest = divmod(int(offset.total_seconds()), 3600)
    name = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    if rest or name not in zones():
        there = (zone for zone in sorted(set(win_tz.values())) if min(_offsets(zone)) == offset)
        near = _renamed().get(zone := next(there, EXAMPLE), zone)
        return ReadName(None, "is an offset and no zone", f"write the zone, e.g. {near}")
    return ReadName(name, *_told_of_fixed(name))


def _told_of_fixed(name: str) -> tuple[str, str]:
    """Say of a zone without summer time what is probably meant."""
    if name in SUMMERLESS:
        return FIXED, f"{SUMMERLESS[name]} is probably meant"
    if re.fullmatch(r"Etc/GMT[+-][1-9]\d?", name):
        return FIXED, f"write the zone, e.g. {EXAMPLE}, where there is one"
    return "", ""


def _advice(text: str) -> str:
    meant = _meant(text)
    return f"did you mean {meant}?" if meant else f"write an IANA name, e.g. {EXAMPLE}"


def _meant(text: str) -> str | None:
    """Find the zone that is probably meant: by letters, a city, or a name nearly alike."""
    return next(_guesses(text), None)


def _guesses(text: str) -> Iterator[str]:
    lowered = text.lower()
    if zone := ABBREVIATED.get(text.upper()):
        yield zone
    for city in re.split(r"[,/;]", lowered.replace("_", " ")):
        yield from _cities().get(city.strip(), ())
    if zone := _names().get(lowered.removesuffix(" time") + " standard time"):
        yield zone
    if near := get_close_matches(lowered, _names(), 1, NEAR):
        yield _names()[near[0]]
    if near := get_close_matches(lowered, _cities(), 1, NEAR):
        yield _cities()[near[0]][0]
