"""Pages: words of a message as a person reads them in a terminal, or whole in a pipe."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from service.cli.console import printable

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
