"""The many spellings of one text, by hypothesis: as spreadsheets, mails and keyboards give them."""

from unicodedata import normalize

from hypothesis import strategies as st

BLANKS = (" ", "  ", "\u00a0", "\u2009", "\u202f", "\u3000", "\t", "\r\n", " \u200b ", "\u2800")
NOTHING = ("", "", "", "\u200b", "\u00ad", "\u2060", "\ufeff", "\u200e", "\u200d", "\ufe0f", "\x00")
EDGES = ("", " ", "\u00a0", "\u200b", "\ufeff ", "\u200b\u00a0\u200b")

WORDS = st.text("aZ7-:_*?äßéйΩ日本ا", min_size=1, max_size=6)
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
"""Texts in their form, of which `spelled` makes others."""


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """The same text for the eye: composed or not, with other blanks, and things nobody sees."""
    written = normalize(draw(st.sampled_from(("NFC", "NFD"))), text)
    signs = [
        draw(st.sampled_from(BLANKS if sign == " " else NOTHING)) + sign * (sign != " ")
        for sign in written
    ]
    return draw(st.sampled_from(EDGES)) + "".join(signs) + draw(st.sampled_from(EDGES))
