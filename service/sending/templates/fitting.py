"""Say all that a message stands for, in words that its channel takes whole.

A message stands for the items of a digest, or for what was collapsed into it. It names as many as
fit and says how many more there are.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from service.rules.fields import ITEMS, MORE, OTHERS
from service.sending.templates.context import shortened
from service.sending.templates.templates import RenderedMessage, Templates, WordsTooLong

SIGNATURE = "\n--\n"
"""What begins the last lines of a mail, those about the sender (RFC 3676 §4.3)."""

Fits = Callable[[RenderedMessage], bool]
"""Tells whether a channel takes the words whole."""


def anything(_: RenderedMessage) -> bool:
    """Take words of any length."""
    return True


class Wording(NamedTuple):
    """Name the words of a message: a template, one of its forms, and the reader's locale."""

    templates: Templates
    template: str
    form: str
    locale: str | None

    def said(self, values: Mapping[str, Any], listed: str) -> RenderedMessage:
        """Render; what of the list has no words is counted at the end of text and HTML."""
        message = self.templates.render(self.template, self.form, self.locale, values=values)
        text, html = message.text, message.html
        if unsaid := self._unsaid(values, listed, file="body.txt", words=text):
            text = _with_last_paragraph(text, unsaid)
        if html and (unsaid := self._unsaid(values, listed, file="body.html", words=html)):
            html = _with_last_line(html, unsaid)
        return replace(message, text=text, html=html)

    def reads(self, name: str) -> bool:
        """Tell whether every body of the template, in any language, reads a variable."""
        bodies = self.templates.reads.get((self.template, self.form), {}).values()
        return bool(bodies) and all(name in read for read in bodies)

    def more(self, count: int) -> str:
        """Write how many more there are."""
        return self.templates.more(self.template, self.form, self.locale, count=count)

    def _unsaid(self, values: Mapping[str, Any], listed: str, file: str, words: str) -> str:
        read = self.templates.variables_of(self.template, self.form, self.locale, file=file)
        left = values[MORE] + (0 if listed in read else len(values[listed]))
        said = {listed, MORE} <= read and (values[listed] or str(left) in words)
        return "" if said else self.more(left)


def fitting(wording: Wording, values: Mapping[str, Any], fits: Fits) -> RenderedMessage:
    """Render with as much of the list as fits; raises TemplateProblem.

    Words that do not fit without any of it are cut, visibly.
    """
    listed = ITEMS if values[ITEMS] else OTHERS
    every = values[listed]

    def naming(count: int) -> Mapping[str, Any]:
        left = values[MORE] + len(every) - count
        return {**values, listed: every[:count], MORE: left}

    def attempt(count: int) -> RenderedMessage | None:
        try:
            message = wording.said(naming(count), listed)
        except WordsTooLong:
            return None
        return message if fits(message) else None

    found = attempt(len(every)) or _largest(attempt, len(every) - 1)
    if found is not None:
        return found
    none = naming(0)
    return _cut(wording.said(none, listed), wording.more(none[MORE]), fits)


def _largest(attempt: Callable[[int], RenderedMessage | None], most: int) -> RenderedMessage | None:
    """Return what the largest count up to `most` gives that gives anything, by halving."""
    best, least = None, 0
    while least <= most:
        middle = (least + most) // 2
        found = attempt(middle)
        if found is None:
            most = middle - 1
        else:
            best, least = found, middle + 1
    return best


def _cut(message: RenderedMessage, more: str, fits: Fits) -> RenderedMessage:
    """Cut the text, and if that does not help the subject too; `more` stays."""
    text, last = message.text.strip(), f"\n{more}" if more else ""
    bare = replace(message, text=more or "…")

    def with_text(length: int) -> RenderedMessage | None:
        cut = replace(message, text=shortened(text, length + 1) + last)
        return cut if fits(cut) else None

    def with_subject(length: int) -> RenderedMessage | None:
        cut = replace(bare, subject=shortened(message.subject, length + 1))
        return cut if fits(cut) else None

    subject = len(message.subject) - 1
    return _largest(with_text, len(text) - 1) or _largest(with_subject, subject) or bare


def _with_last_paragraph(text: str, paragraph: str) -> str:
    """Add a paragraph to a text, above its signature."""
    body, signature, sender = text.rpartition(SIGNATURE)
    if not signature:
        return f"{text.rstrip()}\n\n{paragraph}\n"
    return f"{body.rstrip()}\n\n{paragraph}\n{signature}{sender}"


def _with_last_line(html: str, line: str) -> str:
    """Add a paragraph to a page, as the last of its body."""
    body, end, rest = html.rpartition("</body>")
    return f"{body}<p>{line}</p>{end}{rest}" if end else f"{html}<p>{line}</p>"
