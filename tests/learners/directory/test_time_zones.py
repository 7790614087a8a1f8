"""Zones are read as systems write them, and what is meant is said of those that cannot be."""

import pytest

from service.learners.directory.time_zones import ReadName, read_zone, zone_form, zones

SPELLINGS = {
    "Europe/Berlin": [
        "Europe/Berlin", "europe/berlin", "EUROPE/BERLIN", "Europe/Berlin (CET)",
        "\u200bEurope/Berlin",
        "W. Europe Standard Time", "w. europe daylight time", "(UTC+01:00) Europe/Berlin",
        "(GMT+01:00) Central European Standard Time (Europe/Berlin)",
        "Central European Standard Time (Europe/Berlin)", "(GMT+02:00) Central Europe - Berlin",
        "(UTC+01:00) W. Europe Standard Time", "W. Europe Standard Time (UTC+01:00)",
    ],
    "Europe/Amsterdam": ["(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"],
    "Asia/Kolkata": [
        "Asia/Kolkata", "Asia/Calcutta", "UTC+05:30(Asia/Calcutta)", "(GMT+05:30) Asia/Calcutta",
        "Asia/Kolkata (UTC+05:30)", "UTC+05:30 (India Standard Time)", "India Standard Time",
        "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "GMT+5:30 - Asia/Kolkata",
    ],
    "America/New_York": [
        "US/Eastern", "Eastern Standard Time", "Eastern Daylight Time",
        "(UTC-05:00) Eastern Time (US & Canada)", "Eastern Time (US & Canada)",
        "UTC\u221205:00(America/New_York)", "(GMT-04:00) America/New_York",
    ],
    "Europe/London": ["GMT Standard Time", "GMT Daylight Time", "Europe/Belfast"],
    "Europe/Dublin": ["(UTC) Dublin, Edinburgh, Lisbon, London", "UTC(Europe/Dublin)"],
    "Europe/Kyiv": ["Europe/Kiev"],
    "America/Mexico_City": ["(UTC-06:00) Guadalajara, Mexico City, Monterrey"],
    "Australia/Sydney": ["(UTC+10:00) Canberra, Melbourne, Sydney", "AUS Eastern Standard Time"],
    "America/Phoenix": ["(UTC-07:00) Arizona"],
    "UTC": ["UTC", "utc", "Z", "(UTC) Coordinated Universal Time", "UTC+00:00", "+0000"],
    "GMT": ["GMT"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [(n, t) for n, texts in SPELLINGS.items() for t in texts]
)
def test_a_zone_is_read_however_a_system_writes_it(name: str, text: str) -> None:
    assert read_zone(text) == ReadName(name)
    assert zone_form(text) == zone_form(name) == name


def test_every_name_of_the_database_is_read_and_keeps_its_clock() -> None:
    assert all(read_zone(name).name in zones() for name in zones() - {"Factory", "localtime"})
    assert read_zone("Asia/Muscat").name == "Asia/Muscat"


@pytest.mark.parametrize(
    ("text", "name", "advice"),
    [
        ("UTC+02:00", "Etc/GMT-2", "write the zone"),
        ("+0200", "Etc/GMT-2", "write the zone"),
        ("GMT-5", "Etc/GMT+5", "write the zone"),
        ("(UTC+13:00) Coordinated Universal Time+13", "Etc/GMT-13", "write the zone"),
        ("Etc/GMT-2", "Etc/GMT-2", "write the zone"),
        ("EST", "EST", "America/New_York is probably meant"),
        ("mst", "MST", "America/Denver is probably meant"),
        ("HST", "HST", "Pacific/Honolulu is probably meant"),
    ],
)
def test_a_zone_without_summer_time_is_taken_and_doubted(text: str, name: str, advice: str) -> None:
    found = read_zone(text)
    assert (found.name, found.doubt) == (name, "has no summer time")
    assert found.advice.startswith(advice)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Berlin", "did you mean Europe/Berlin?"),
        ("new york", "did you mean America/New_York?"),
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("America/New York", "did you mean America/New_York?"),
        ("Eastern Time", "did you mean America/New_York?"),
        ("PST", "did you mean America/Los_Angeles?"),
        ("UTC+05:30", "write the zone, e.g. Asia/Kolkata"),
        ("-0330", "write the zone, e.g. America/St_Johns"),
        ("(UTC+07:00) Berlin", "did you mean Europe/Berlin?"),
        ("UTC+25:00", "write an IANA name, e.g. Europe/Berlin"),
        ("Mars/X", "write an IANA name, e.g. Europe/Berlin"),
        ("Factory", "write an IANA name, e.g. Europe/Berlin"),
        ("23", "give it once with --zones FILE, with the columns code,zone"),
    ],
)
def test_what_is_no_zone_says_what_is_meant(text: str, advice: str) -> None:
    found = read_zone(text)
    assert (found.name, found.advice) == (None, advice)
    assert found.doubt.startswith("is ")
