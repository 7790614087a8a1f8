"""Name languages, weekdays and time zones as people call them, in their language, by CLDR."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

from babel import Locale
from babel.core import get_global
from babel.dates import get_day_names, get_timezone_location
from babel.lists import format_list

from service.learners.directory.time_zones import zone_form, zones
from service.rules.calendar import DAYS
from service.sending.templates.catalogues import ENGLISH, PAGES, locale_of
from service.sending.templates.context import Language

CONTINENTS = {
    "Africa": "002",
    "America": "019",
    "Antarctica": "AQ",
    "Arctic": "150",
    "Asia": "142",
    "Australia": "009",
    "Europe": "150",
    "Pacific": "009",
}
"""How CLDR calls the areas of the IANA database, after the regions of UN M49; it has no seas."""
LOCALES_REMEMBERED = 32


def own_name(tag: str) -> str:
    """Call a language what its speakers call it; one that CLDR does not know, its tag."""
    locale = locale_of(tag)
    if locale is None:
        return tag
    name = locale.language_name if tag == ENGLISH else locale.get_display_name()
    return name[:1].upper() + name[1:] if name else tag


def named_together(names: Sequence[str], language: Language) -> str:
    """Name several things in a sentence: a, b and c."""
    return format_list(names, locale=language.locale)


def weekdays(language: Language) -> Mapping[int, str]:
    """Name the days (Monday 0), the one first that weeks begin with where this is spoken."""
    names = get_day_names("abbreviated", "stand-alone", language.locale)
    week = ((language.locale.first_week_day + day) % DAYS for day in range(DAYS))
    return {day: str(names[day]) for day in week}


def town_of(zone: str, language: Language) -> str:
    """Give the usual name of a zone: the town that it is called after; else the zone's own."""
    wanted = zone_form(zone)
    return next((town for _, known, town in _towns(language.locale) if known == wanted), zone)


def zones_by_area(language: Language, without: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the towns of each continent by their zones, in order, but for one zone."""
    left_out = without and zone_form(without)
    every = _towns(language.locale)
    named = sorted((_area_name(area, language), town, zone) for area, zone, town in every)
    for area, found in groupby(named, key=lambda each: each[0]):
        yield area, {zone: town for _, town, zone in found if zone != left_out}


def _area_name(area: str, language: Language) -> str:
    if area in CONTINENTS:
        return str(language.locale.territories[CONTINENTS[area]])
    phrase = language.phrase(f"{PAGES}choices.sea.{area.lower()}", None)
    return phrase.said({}, language, html=False)


@lru_cache(LOCALES_REMEMBERED)
def _towns(locale: Locale) -> tuple[tuple[str, str, str], ...]:
    """List the zones of all countries: the area of each, its name, and its town's."""
    names = {zone_form(name) for name in get_global("zone_territories")} & zones()
    return tuple(
        (name.partition("/")[0], name, str(get_timezone_location(name, locale, return_city=True)))
        for name in sorted(names)
        if "/" in name and not name.startswith("Etc/")
    )
