"""Put the words of several templates below each other, as one message."""

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from service.rules.fields import ITEMS, SECTIONS
from service.rules.judgement import Due
from service.rules.plan import Change, Leaving, PlannedMessage
from service.rules.rule import alike
from service.sending.templates.fitting import SIGNATURE, Fits, Wording
from service.sending.templates.templates import RenderedMessage, Section


class Unworded(Exception):
    """Say that words do not fit the values of a notification, which ends so."""

    def __init__(self, change: Change) -> None:
        super().__init__(change[1])
        self.change = change


Say = Callable[[Wording, Mapping[str, Any], Fits], Any]
"""Puts values into words, as a message of their own or as a section of another."""


def in_pieces(message: PlannedMessage, wording: Callable[[Due], Wording], say: Any) -> Any:
    """Put a message of several things into words, those of one template in one piece.

    Where the words of the first have a place for it, the others are sections of them; else they
    are put below each other.
    """
    first, *parts = message.parts(lambda each: _piece_of(each, wording(each[1])))
    if not parts or wording(first.due).reads(SECTIONS):
        return say(first, sections=[say(part, _section) for part in parts])
    return joined([say(part) for part in (first, *parts)])


def _piece_of(each: Leaving, wording: Wording) -> str:
    """Name the words by which a thing is told: with others, if their template speaks of several."""
    notification, due = each
    several = due.entry.digest is None and wording.reads(ITEMS)
    return wording.template if several else alike(notification)


def _section(wording: Wording, values: Mapping[str, Any], _: Fits) -> Section:
    templates, template, form, locale = wording
    return templates.content(template, form, locale, values=values)


BETWEEN = "\n* * *\n\n"
PAGE = re.compile(r"(?P<begin>.*<body[^>]*>)(?P<body>.*)(?P<end></body>.*)", re.DOTALL | re.I)


def joined(pieces: Sequence[RenderedMessage]) -> RenderedMessage:
    """Join messages: the first gives the subject, the page and the last lines of the text."""
    first = pieces[0]
    html = _one_page([_page_of(each) for each in pieces]) if _have_pages(pieces) else None
    return RenderedMessage(first.subject, _one_text([each.text for each in pieces]), html)


def _one_text(texts: Sequence[str]) -> str:
    bodies = [text.rpartition(SIGNATURE) if SIGNATURE in text else (text, "", "") for text in texts]
    whole = BETWEEN.join(f"{body.strip()}\n" for body, _, _ in bodies)
    return whole + "".join(bodies[0][1:])


def _have_pages(pieces: Sequence[RenderedMessage]) -> bool:
    return any(each.html is not None for each in pieces)


def _page_of(piece: RenderedMessage) -> str:
    """Give the page of a message; one that has none is shown as its text is."""
    if piece.html is not None:
        return piece.html
    return f'<body><div style="white-space: pre-line">{escape(piece.text.strip())}</div></body>'


def _one_page(pages: Sequence[str]) -> str:
    """Put what the other pages show into the first one, below its own."""
    first, *others = [PAGE.fullmatch(page) for page in pages]
    bodies = [
        found["body"] if found else page for found, page in zip(others, pages[1:], strict=True)
    ]
    if first is None:
        return "".join((pages[0], *bodies))
    return "".join((first["begin"], first["body"], *bodies, first["end"]))
