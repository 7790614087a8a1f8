"""Times on a terminal, in the zone of whoever reads them; and as they write them in an option."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from service.cli.output.console import fail, printable
from service.rules.text import span

__all__ = ["ago", "in_local_time", "local_time", "moment", "moment_given", "span"]

IN_UTC = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")


def moment(ms: int | None) -> str:
    """Write a moment (ms since 1970 UTC) in the terminal's zone; empty for none."""
    return "" if ms is None else local_time(datetime.fromtimestamp(ms / 1000, UTC))


def local_time(at: datetime, to: str = "seconds") -> str:
    """Write a time in the terminal's zone, with the offset: `2026-11-20 08:30:00+01:00`.

    Options like --at take the text back. UTC is written `Z`.
    """
    try:
        text = at.astimezone().isoformat(" ", to)
    except (ValueError, OverflowError, OSError):  # there the first or the last year ends
        text = at.astimezone(UTC).isoformat(" ", to)
    return re.sub(r"\+00:00$", "Z", text)


def in_local_time(words: str) -> str:
    """Put the times inside a sentence, which are UTC, into the terminal's zone.

    Programs and the API read the same sentences of an explanation, so they are made in UTC.
    """
    return IN_UTC.sub(_local, words)


def _local(found: re.Match[str]) -> str:
    try:
        return local_time(datetime.fromisoformat(found[0]))
    except ValueError:  # looks like a time, and is none
        return found[0]


def ago(ms: int, now: int) -> str:
    """How long ago a moment was (both ms since 1970 UTC)."""
    return f"{span(max(0, now - ms))} ago"


def moment_given(text: str) -> int:
    """A moment in ISO form as ms since 1970 UTC; without a zone it is this machine's."""
    try:
        given = datetime.fromisoformat(text)
        return round(given.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        fail("expected a time like 2026-11-20T08:30 or 2026-11-20T07:30Z, got other text")


NARROWEST = 20


def print_message(screen: Console, subject: str, text: str, indent: str = "") -> None:
    """The subject, if there is one, and the text underneath."""
    if subject:
        print_words(screen, Text(printable(subject), "bold"), f"{indent}Subject: ")
        screen.print()
    for line in text.rstrip().splitlines():
        print_words(screen, Text(printable(line)), indent)


def print_words(screen: Console, words: Text, head: str = "") -> None:
    """Words beside what stands before them; in a terminal they go on underneath."""
    for part in _parts(screen, words, len(head)):
        line = Text.assemble(head, part)
        line.rstrip()
        screen.print(line, soft_wrap=True)
        head = " " * len(head)


def _parts(screen: Console, words: Text, used: int) -> Iterator[Text]:
    if not words or not screen.is_terminal:
        yield words
        return
    yield from words.wrap(screen, max(NARROWEST, screen.width - used))
