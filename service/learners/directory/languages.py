"""Read languages as systems write them, and say what is meant where one cannot be read.

Languages, scripts, regions and variants are those that CLDR knows by name
(https://www.unicode.org/reports/tr35/#Unicode_language_identifier).
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache, lru_cache, partial

from babel.core import Locale, get_global

from service.learners.directory.time_zones import ReadName
from service.learners.text_form import text_form

LANGUAGES_REMEMBERED = 1_024
NEAR = 0.75
NO_LANGUAGE = "is no language"
EXAMPLES = "write a tag like de or pt-BR"
WRITTEN = re.compile(r"(?P<tag>[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)(?:\.[\w-]+)?(?:@\w+)?")
"""As RFC 5646 §2.1 writes it, or POSIX (XBD §8.2), which has an encoding and a variant beside."""
NAMED_IN = ("en", "ar", "de", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "zh")
"""In whose words a language may be named: each takes 5 ms to read, and memory."""


@lru_cache(LANGUAGES_REMEMBERED)
def read_language(text: str) -> ReadName:
    """Read a language into the tag by which templates are found: en_US is en-US, and iw is he.

    What a system writes behind it is no part of the language: de_DE.UTF-8, sr_RS@latin. Of
    de_YYYYY the language counts alone.
    """
    text = text_form(text)
    found = WRITTEN.fullmatch(text)
    first, *more = re.split("[-_]", found["tag"]) if found else [""]
    if first.lower() in Locale("en").languages:
        language = first
    elif (today := get_global("language_aliases").get(first.lower())) is not None:
        language = today.partition("_")[0]
    else:
        return ReadName(None, NO_LANGUAGE, unread=partial(_advice, text))
    if not set(map(str.upper, more)) <= _subtags():
        return ReadName(language, "is known by its first part only", f"{language} was taken")
    return ReadName("-".join([language, *more]))


@cache
def _subtags() -> frozenset[str]:
    """List what may follow, in capitals: scripts, regions, variants, and dialects as zh-yue."""
    known = Locale("en")
    dialects = (code for code in map(str, known.languages) if re.fullmatch("[a-z]{3}", code))
    older = map(str, get_global("territory_aliases"))
    names = (*known.scripts, *known.territories, *known.variants, *older, *dialects)
    return frozenset(map(str.upper, names))


def _advice(text: str) -> str:
    meant = next(_guesses(text.casefold()), None)
    return f"did you mean {meant}?" if meant else EXAMPLES


def _guesses(text: str) -> Iterator[str]:
    """Find the tag that is probably meant by a name, its first word, or a name nearly alike."""
    for name in (text, *re.split(r"[\W_]+", text)):
        if name in _names():
            yield _names()[name]
    if near := get_close_matches(text, _names(), 1, NEAR):
        yield _names()[near[0]]


@cache
def _names() -> dict[str, str]:
    """Give the tag of a language by its names, in English and in a language of its own."""
    own = ((code, Locale(code).languages[code]) for code in NAMED_IN)
    english = Locale("en").languages.items()
    return {name.casefold(): code.replace("_", "-") for code, name in [*own, *english]}
