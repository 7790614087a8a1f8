"""Quote, suggest and list in messages, without repeating an address or a secret."""

import difflib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from service.learners.look_alikes import plain
from service.rules.calendar import UNITS

UNSHOWN = "this text"
_SHOWN_MAX = 40
_TOKEN_MIN = 16
_NEAR = 0.6
_NEAR_WORDS = 5
_NEARLY_THE_SAME = 0.85
_DENIALS = ("not_", "not", "non", "no_", "un", "in", "dis", "n")
_PAIRS = (
    "min max, lt gt, lte gte, before after, enabled disabled, enable disabled, from until, "
    "start end, with without, any none, all none"
)
_OPPOSITES = [set(pair.split()) for pair in _PAIRS.split(", ")]


def shown(value: object) -> str:
    """Quote what a person wrote, or only its kind when it could be an address or a secret."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    return f"'{text}'" if _harmless(text) else UNSHOWN


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
    """Find the known word that was probably meant, also by characters that only look right."""
    if not isinstance(word, str) or len(word) > _SHOWN_MAX:
        return None
    return _nearest(plain(word), tuple(known))


@lru_cache(maxsize=1000)
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    lowered, word = {option.lower(): option for option in known}, word.lower()
    found = difflib.get_close_matches(word, lowered, _NEAR_WORDS, _NEAR)
    return next((lowered[each] for each in found if _may_mean(word, each)), None)


def _may_mean(word: str, option: str) -> bool:
    """Tell whether a near word may be what was meant: near in each part, and no opposite.

    In `enrollment.due_date` and `enrollment.status` only what they begin with is alike.
    """
    parts, others = word.split("."), option.split(".")
    if len(parts) != len(others):
        return _alike(word, option) >= _NEARLY_THE_SAME
    pairs = [pair for pair in zip(parts, others, strict=True) if pair[0] != pair[1]]
    return all(_alike(*pair) >= _NEAR and not _opposite(*pair) for pair in pairs)


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _opposite(one: str, other: str) -> bool:
    """Tell whether one denies the other: `not_contains` and `contains`, `min` and `max`."""
    words, others = set(one.split("_")), set(other.split("_"))
    if any({*(words - others), *(others - words)} >= pair for pair in _OPPOSITES):
        return True
    return _denies(one, other) or _denies(other, one)


def _denies(one: str, other: str) -> bool:
    denied = (one.removeprefix(each) for each in _DENIALS if one.startswith(each))
    return any(
        not other.startswith(one[: len(one) - len(rest)])
        and _alike(rest, other) > _alike(one, other)
        for rest in denied
    )


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """Count things for a sentence: 1 rule, 2 rules; `nouns` where an s is not enough."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def listed(words: Iterable[str]) -> str:
    """Name words for a sentence: a, b or c."""
    *most, last = list(words) or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


def together(words: Iterable[str]) -> str:
    """Name all of several words for a sentence: a, b and c."""
    return " and ".join(listed(words).rsplit(" or ", 1))


def side_by_side(names: Iterable[str]) -> str:
    """Write names with commas between them, those that hold one or a quote as CSV quotes them."""
    return ", ".join(map(_as_one, names))


def _as_one(name: str) -> str:
    quoted = name.replace('"', '""')
    return f'"{quoted}"' if set(name) & set(',"') else name


LARGEST_FIRST = (("d", UNITS["d"]), ("h", UNITS["h"]), ("min", UNITS["m"]), ("s", UNITS["s"]))


def moment(ms: int | None) -> str:
    """Write a moment (ms since 1970 UTC) in UTC to the second; empty for none."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def span(ms: int) -> str:
    """Write a length of time (ms) in the largest unit of which there is one at least: `15 min`."""
    name, size = next((unit for unit in LARGEST_FIRST if ms >= unit[1]), LARGEST_FIRST[-1])
    return f"{ms // size} {name}"


def format_duration(ms: int) -> str:
    """Write a length of time (ms) as a rule file does: `7d`, `1d12h`; weeks in days."""
    parts = []
    for name, size in UNITS.items():
        if name != "w" and ms >= size:
            parts.append(f"{ms // size}{name}")
            ms %= size
    return "".join(parts) or "0s"
