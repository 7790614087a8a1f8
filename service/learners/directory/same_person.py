"""Decide whether a row for every source is about the person whom letters call so (decision 34).

The ids of most systems are small numbers, and two systems give the same ones. Two people taken for
one costs the privacy of both: one reads the mail of the other. One person taken for two costs a
manager, a zone and a language. So a doubt is decided against the row.
"""

import re
from collections import Counter
from typing import NamedTuple

from service.learners.directory.people_table import Person, address_key
from service.learners.facts import Contact
from service.learners.text_form import name_words

TITLES = {
    *("dr", "doctor", "prof", "professor", "phd", "msc", "mba", "dipl", "ing", "mag"),
    *("mr", "mrs", "ms", "miss", "mx", "sir", "dame", "herr", "frau", "jr", "sr", "ii", "iii"),
}
DIGRAPH = re.compile("(?<=[aou])e|(?<=a)a")
"""What is written for ä, ö, ü, ø, æ and å where a keyboard lacks them."""
FULL = 2
"""So many words in common are a full name."""


class Verdict(NamedTuple):
    """Say whether two are one person, and why, without a word of either."""

    same: bool
    why: str


class ComparedRow(NamedTuple):
    """Say whether a row for every source is about whom letters of a source and account name."""

    seen_from: tuple[str, str]
    verdict: Verdict


def same_person(row: Person, said: Contact) -> Verdict:
    """Decide whether a row for every source is about the person of whom letters said this."""
    differ = False
    if row.email and said.email:
        differ = address_key(row.email) != address_key(said.email)
        if not differ:
            return Verdict(True, "the addresses are the same")
    names = _words(row.name or ""), _words(said.name or "")
    if not all(names):
        return Verdict(not differ, "the addresses differ" if differ else "nothing is against it")
    found = _by_full_name(*names)
    if found or not differ:
        return found or _by_part(*names)
    return Verdict(False, "the addresses differ, and so do the names")


def _by_full_name(row: list[str], said: list[str]) -> Verdict | None:
    """Decide by two words or more that both names have, if the rest of one is in the other."""
    if _shared(row, said) < FULL or not _is_part(row, said):
        return None
    if len(row) == len(said) == _shared(row, said):
        return Verdict(True, "the names are the same")
    return Verdict(True, "the names differ in a middle name")


def _by_part(row: list[str], said: list[str]) -> Verdict:
    """Decide by less than a full name, where no address speaks against it."""
    if _shared(row, said) and _is_part(row, said):
        return Verdict(True, "one name is short for the other")
    if row[0] == said[0]:
        return Verdict(True, "the names differ in the surname")
    return Verdict(False, "the names have no given name in common")


def _is_part(row: list[str], said: list[str]) -> bool:
    """Tell whether each word of the shorter name is in the other, or one of both is an initial."""
    short, long = sorted((row, said), key=len)
    rest = list((Counter(long) - Counter(short)).elements())
    for word in (Counter(short) - Counter(long)).elements():
        found = next((w for w in rest if w[0] == word[0] and 1 in (len(w), len(word))), None)
        if found is None:
            return False
        rest.remove(found)
    return True


def _shared(row: list[str], said: list[str]) -> int:
    return (Counter(row) & Counter(said)).total()


def _words(name: str) -> list[str]:
    """Read the words of a name, the given name first, without titles."""
    before, comma, after = name.partition(",")
    given_first = f"{after} {before}" if comma else before
    words = [DIGRAPH.sub("", word) for word in name_words(given_first)]
    return [word for word in words if word not in TITLES] or words
