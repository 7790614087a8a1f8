"""Name characters that look right and are not: quotes of a word processor, wide digits and so on.

Letters that look alike are after https://www.unicode.org/reports/tr39/ (confusables).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from unicodedata import decimal, decomposition, name, normalize

from service.learners.text_form import INVISIBLE

_SIGNS = {'"': "“”„‟«»″〝〞", "'": "‘’‚‛‹›′´", "-": "‐‑‒–—―−", ":": "∶ː꞉", "/": "⁄∕"}
_LETTERS = {
    "acehijkl": "\u0430\u0441\u0435\u04bb\u0456\u0458\u043a\u04cf",
    "opqsvwxy": "\u043e\u0440\u051b\u0455\u0475\u051d\u0445\u0443",
    "ABCEHIJK": "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a",
    "MOPSTXYd": "\u041c\u041e\u0420\u0405\u0422\u0425\u0423\u0501",
    "ovpiABEHI": "\u03bf\u03bd\u03c1\u03b9\u0391\u0392\u0395\u0397\u0399",
    "KMNOPTXYZ": "\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7\u03a5\u0396",
}
"""Latin letters, and those of Cyrillic and Greek that look so."""

_INSTEAD = {sign: plain for plain, signs in _SIGNS.items() for sign in signs} | {
    sign: plain
    for latin, others in _LETTERS.items()
    for plain, sign in zip(latin, others, strict=True)
}
QUOTES = ("'", '"')
_QUOTES = frozenset(_SIGNS['"'] + _SIGNS["'"] + "\"'")
_TYPOGRAPHY = (" ", '"', "'", "-")
"""What people write otherwise within a text, and mean it so."""

_OTHER = re.compile(r"[^\x20-\x7e]")
_WORD = re.compile(r"[^\W\d_]+")
HARDLY_MEANT = "this is hardly the text that is meant"
_TWINS = ("<wide>", "<font>")
"""How Unicode marks a character that is another one but for its look."""


class LookAlike(NamedTuple):
    """Hold a character that is not what it looks like: its place, counted from 0, and its twin.

    `instead` is what to write, empty for one that is to be taken out.
    """

    at: int
    sign: str
    instead: str

    @property
    def called(self) -> str:
        """Give its name in Unicode with an article: `a RIGHT DOUBLE QUOTATION MARK`."""
        found = name(self.sign, f"U+{ord(self.sign):04X}")
        return f"{'an' if found[0] in 'AEIO' else 'a'} {found}"

    @property
    def remedy(self) -> str:
        """Say what to do: `write "`."""
        if not self.instead:
            return "take it out"
        return "write a blank" if self.instead == " " else f"write {self.instead}"


def told(message: str, found: LookAlike | None, where: str) -> str:
    """Add to a message that a character is not what it looks like; `where` is `at column {}`."""
    if found is None:
        return message
    there = f"here is {found.called} {where.format(found.at + 1)}; {found.remedy}"
    return f"{message} T{there}" if message.endswith("?") else f"{message}; t{there}"


def with_look_alike(message: str, text: str, where: str = "at character {}") -> str:
    """Add to a message the first character of a text that is not what it looks like, if any."""
    return told(message, next(look_alikes(text), None), where)


def look_alikes(text: str) -> Iterator[LookAlike]:
    """Yield the characters of a text that look like others, or like nothing, in their order.

    Letters do so only in words that look Latin all through.
    """
    if text.isascii() and text.isprintable():
        return
    words = (word for word in _WORD.finditer(text) if not plain(word[0]).isascii())
    foreign = {at for word in words for at in range(*word.span())}
    for found in _OTHER.finditer(text):
        instead, at = _instead(found[0]), found.start()
        if instead is not None and at not in foreign:
            yield LookAlike(at, found[0], instead)


def plain(text: str) -> str:
    """Write a text with the characters that it seems to have."""
    if text.isascii() and text.isprintable():
        return text
    return _OTHER.sub(lambda found: _plain(found[0]), text)


def _plain(sign: str) -> str:
    found = _instead(sign)
    return sign if found is None else found


@lru_cache
def _instead(sign: str) -> str | None:
    """Give what a character seems to be, a blank or nothing; None for one that is itself."""
    if INVISIBLE.fullmatch(sign):
        return ""
    if sign.isspace():
        return None if sign in "\t\r\n" else " "
    if sign.isdecimal():
        return str(decimal(sign))
    if decomposition(sign).startswith(_TWINS):
        return normalize("NFKC", sign)
    return _INSTEAD.get(sign)


def doubtful(text: str) -> LookAlike | None:
    """Find what makes an accepted value hardly the one that was meant; None if it may well be.

    That are quotes around it, which quote nothing, and in a text that else is plain a letter or a
    sign of elsewhere. Blanks are compared as one; within a text typography is as people write.
    """
    if text.isascii() and text.isprintable():
        return None
    found = list(look_alikes(text))
    if found and text[0] in _QUOTES and text[-1] in _QUOTES:
        return found[0]
    meant = plain(text)
    if not meant.isascii() or not any(sign.isascii() and sign.isalpha() for sign in text):
        return next((each for each in found if each.instead.isdigit()), None)
    return next((each for each in found if each.instead not in _TYPOGRAPHY), None)
