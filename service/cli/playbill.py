"""The demo's page: days, moments, who was told, and what it came to."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from service.app import App
from service.cli.console import printable
from service.demo.academy import NAME, PEOPLE, TRAININGS
from service.demo.telling import Kind, Line, Message, Telling
from service.demo.wording import clock, day
from service.sending import queue

CLOCK_WIDTH, MARK_WIDTH, ABOUT_WIDTH = 6, 2, 26
MARKS: dict[Kind, tuple[str, str]] = {
    "changed": (" ", ""),
    "unchanged": (" ", "dim"),
    "set_aside": ("!", "magenta"),
    "owed": ("…", "dim"),
    "told": ("→", "bold green"),
    "not_told": ("×", "magenta"),
}
"""What stands before a line, and how it looks."""

STYLES: dict[Kind, tuple[str, str]] = {
    "changed": ("dim", ""),
    "unchanged": ("dim", "dim"),
    "set_aside": ("dim", "magenta"),
    "owed": ("dim", "dim"),
    "told": ("bold", "bold"),
    "not_told": ("", "magenta"),
}
"""How the two parts of a line look."""


class Playbill:
    """Prints the week as it happens."""

    def __init__(self, screen: Console, app: App) -> None:
        self._screen = screen
        self._app = app
        self._day = ""

    def open(self) -> None:
        """Says what is about to be played."""
        rules = self._app.active.decider.by_id
        self._screen.print()
        self._screen.print(Text(f"A week at {NAME}", "bold"))
        self._screen.print(
            f"{len(PEOPLE)} people, {len(TRAININGS)} things to learn, "
            f"{len(rules)} rules in {self._app.settings.rules.name}.\n"
            "Made-up letters of Adobe Learning Manager come to the real door; every message\n"
            "goes into a drawer, and nothing leaves this machine.",
            style="dim",
        )

    def moment(self, at: int, caption: str, lines: Sequence[Line]) -> None:
        """One moment with all that happened in it."""
        if day(at) != self._day:
            self._day = day(at)
            self._screen.print()
            self._screen.print(Rule(Text(self._day, "bold"), align="left", style="dim"))
        self._screen.print(Text.assemble((f"{clock(at):<{CLOCK_WIDTH}}", "dim"), caption))
        for line in lines:
            self._line(line)

    def described(self, rule: str) -> str:
        """What the rule file says a rule is for."""
        found = self._app.active.decider.by_id.get(rule)
        return (found and found.description) or f"Rule {rule}"

    def _line(self, line: Line) -> None:
        mark, style = MARKS[line.kind]
        left, right = STYLES[line.kind]
        about, text = printable(line.about), Text(printable(line.text), right)
        if line.note:
            text.append(f" {line.note}", "dim")
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=CLOCK_WIDTH - 2)
        grid.add_column(width=MARK_WIDTH - 1)
        grid.add_column(width=ABOUT_WIDTH)
        grid.add_column(ratio=1)
        grid.add_row("", Text(mark, style), Text(about, left), text)
        self._screen.print(grid)

    def summary(self, telling: Telling) -> None:
        """What the week came to, and two of the messages as they are read."""
        self._screen.print()
        self._screen.print(Rule(Text("The week in numbers", "bold"), align="left", style="dim"))
        letters = self._app.letters.counts()
        accepted = letters.pop("accepted")
        self._count("letters", accepted, letters)
        self._count("events", telling.outcomes.total(), telling.outcomes)
        self._count("enrollments", None, self._statuses())
        self._count("notifications", None, queue.counts(self._app.views))
        self._count("messages", None, Counter(m.drawn.to for m in telling.messages))
        for message in chosen(telling.messages):
            self._show(message)

    def _statuses(self) -> dict[str, int]:
        rows = self._app.views.reader().execute(
            "SELECT status, COUNT(*) FROM enrollments GROUP BY status ORDER BY 2 DESC, 1"
        )
        return dict(rows.fetchall())

    def _count(self, noun: str, total: int | None, parts: dict[str, int]) -> None:
        total = sum(parts.values()) if total is None else total
        words = (f"{n} {name.replace('_', ' ')}" for name, n in parts.items() if n)
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=13)
        grid.add_column(width=3, justify="right")
        grid.add_column(ratio=1)
        grid.add_row(noun, Text(str(total), "bold"), Text(", ".join(words)))
        self._screen.print(grid)

    def _show(self, message: Message) -> None:
        found = message.drawn
        to = f"{found.to} <{found.address}>" if found.address else found.to
        self._screen.print()
        self._screen.print(Text(f"To {to}", "dim"))
        body = Text(f"{printable(found.subject)}\n\n", "bold").append(found.text.strip(), "not bold")
        self._screen.print(Padding(body, (0, 0, 0, 2)))

    def close(self, kept: Path | None) -> None:
        """Says where it can be looked at."""
        self._screen.print()


def chosen(messages: Sequence[Message]) -> list[Message]:
    """The mail that stands for the most, and the last message to a room."""
    mails = [m for m in messages if m.drawn.address]
    rooms = [m for m in messages if not m.drawn.address]
    return [*sorted(mails, key=lambda m: -m.others)[:1], *rooms[-1:]]
