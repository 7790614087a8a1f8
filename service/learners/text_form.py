"""Give texts the one form in which they are compared, whoever typed them and with what."""

import re
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import category, combining, normalize

INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Controls that are no blanks, and what is shown as nothing (Default_Ignorable_Code_Point of
https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt)."""

TEXTS_REMEMBERED = 16_384
"""Conditions meet the same tags, groups and titles at every event."""

ABOVE_OR_BELOW = 200
"""From here on classes of combining marks are accents; those below are of other scripts, where
they make another letter (https://www.unicode.org/reports/tr44/#Canonical_Combining_Class_Values).
"""
UNDIVIDED = str.maketrans("\u00f8\u0142\u0111\u0131", "oldi")
"""Letters with a stroke, or without a dot, which Unicode does not take apart."""
WORD = re.compile(r"[a-z0-9]+")

_BRAILLE_BLANK = "\u2800"
_EDGES = "".join(
    [
        "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff\xad",
        *map(chr, range(0x2000, 0x2010)),
        *map(chr, range(0x202A, 0x202F)),
        *map(chr, range(0x2060, 0x2070)),
    ]
)
"""Blanks, and what is invisible between letters of any script."""


@lru_cache(TEXTS_REMEMBERED)
def text_form(text: str) -> str:
    """Give the form in which two texts are compared; case counts, and twice is harmless.

    It is composed (NFC of https://www.unicode.org/reports/tr15/) and without what cannot be seen;
    blanks of every kind are one blank between words, and none at the edges.
    """
    if not text.isascii() or not text.isprintable():
        text = normalize("NFC", INVISIBLE.sub("", text).replace(_BRAILLE_BLANK, " "))
    return " ".join(text.split())


@lru_cache
def locale_form(text: str) -> str:
    """Give the form of a language tag: de_DE, de-de and de-DE are one (RFC 5646 §2.1.1)."""
    return text_form(text).replace("_", "-").lower()


def trimmed(text: str) -> str:
    """Take blanks and invisible characters off the edges; the rest stays as people see it."""
    return text.strip() if text.isascii() else text.strip(_EDGES)


def distinct(texts: Iterable[str]) -> list[str]:
    """Leave out every text of which another spelling stands before it."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(text_form(text), text)
    return list(found.values())


def name_words(name: str) -> list[str]:
    """Read the words of a person's name, in any case, and without accents."""
    text = text_form(name).casefold()
    if not text.isascii():
        apart = (c for c in normalize("NFKD", text) if combining(c) < ABOVE_OR_BELOW)
        text = normalize("NFC", "".join(apart)).translate(UNDIVIDED)
        return "".join(c if c.isalnum() or category(c)[0] == "M" else " " for c in text).split()
    return WORD.findall(text)
