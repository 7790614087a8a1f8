"""Times as a person reads them in a table, and as they write them after an option."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from service.cli.output.console import fail, printable
from service.rules.text import moment, span

__all__ = ["ago", "moment", "moment_given", "span"]


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
