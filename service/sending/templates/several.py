"""Put the words of several templates below each other, as one message."""

import re
from collections.abc import Sequence
from html import escape

from service.rules.plan import Change
from service.sending.templates.fitting import SIGNATURE
from service.sending.templates.templates import RenderedMessage


class Unworded(Exception):
    """Say that words do not fit the values of a notification, which ends so."""

    def __init__(self, change: Change) -> None:
        super().__init__(change[1])
        self.change = change


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
