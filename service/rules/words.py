"""Words: how messages quote, suggest and list, without repeating an address or a secret."""

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache

_SHOWN_MAX = 40
_TOKEN_MIN = 16


def shown(value: object) -> str:
    """Quote what a person wrote, or only its kind when it could be an address or a secret."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    return f"'{text}'" if _harmless(text) else "this text"


def _harmless(text: str) -> bool:
    if len(text) > _SHOWN_MAX or not text.isprintable() or re.search(r"@|://|\$\{", text):
        return False
    words = re.findall(r"\w+", text)
    return not any(
        len(word) >= _TOKEN_MIN and re.search(r"\d", word) and re.search(r"[A-Za-z]", word)
        for word in words
    )


def hint(word: object, known: Iterable[str]) -> str:
    """Give `; did you mean 'x'?` when one of the known words is near, else nothing."""
    found = nearest(word, known)
    return f"; did you mean '{found}'?" if found else ""


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Find the known word that was probably meant."""
    if not isinstance(word, str) or len(word) > _SHOWN_MAX:
        return None
    return _nearest(word, tuple(known))


@lru_cache(maxsize=1000)
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    lowered = {option.lower(): option for option in known}
    found = difflib.get_close_matches(word.lower(), lowered, 1, 0.6)
    return lowered[found[0]] if found else None


def counted(count: int, noun: str) -> str:
    """Count things for a sentence: 1 rule, 2 rules."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Name words for a sentence: a, b or c."""
    *most, last = list(words) or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last
