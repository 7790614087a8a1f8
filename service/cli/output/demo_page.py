"""Print the page of the demo: days, scenes, who was told, and what it came to."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import wrap

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from service.app.app import App
from service.cli.output.console import printable
from service.demo.academy import NAME, PEOPLE, TIMEZONE, TRAININGS
from service.demo.narrator import DeliveredMessage, Kind, Line, Narrator, clock, day
from service.learners import enrollment_views
from service.sending import counts

CLOCK_WIDTH, MARK_WIDTH, ABOUT_WIDTH, NOUN_WIDTH = 7, 2, 26, 15
NARROWEST = 20
GLUE = "\0"

LOOKS: dict[Kind, tuple[str, str, str, str]] = {
    "changed": (" ", "", "dim", ""),
    "unchanged": (" ", "", "dim", "dim"),
    "set_aside": ("!", "magenta", "dim", "magenta"),
    "owed": ("…", "dim", "dim", "dim"),
    "told": ("→", "bold green", "bold", "bold"),
    "not_told": ("×", "magenta", "", "magenta"),
}
"""What stands before a line, how that looks, and how the two parts of the line look."""


class DemoPage:
    """Print the week as it happens, on a page at most 80 wide."""

    def __init__(self, screen: Console, app: App) -> None:
        self._screen = screen
        self._app = app
        self._day = ""

    def open(self) -> None:
        """Say what is about to be played."""
        rules = f"{len(self._app.active.decider.by_id)} rules in {self._app.settings.rules.name}"
        self._screen.print()
        self._screen.print(Text(f"A week at {NAME}", "bold"))
        self._words(
            f"{len(PEOPLE)} people, {len(TRAININGS)} courses, {rules}. Made-up letters of Adobe "
            "Learning Manager come to the real door; every message goes into a drawer, and "
            f"nothing leaves this machine. Times are those of {TIMEZONE}."
        )

    def moment(self, at: int, caption: str, lines: Sequence[Line]) -> None:
        """Print one moment with all that happened in it."""
        if day(at) != self._day:
            self._day = day(at)
            self._heading(self._day)
        self._row(Text(f"{clock(at):<{CLOCK_WIDTH}}", "dim"), Text(caption))
        for line in lines:
            self._line(line)

    def described(self, rule: str) -> str:
        """Give what the rule file says a rule is for."""
        found = self._app.active.decider.by_id.get(rule)
        return (found and found.description) or f"rule {rule}"

    def summary(self, narrator: Narrator) -> None:
        """Print what the week came to, and two of the messages as they are read."""
        self._heading("The week in numbers")
        letters = self._app.letters.counts()
        del letters["accepted"]
        views = self._app.views
        self._count("letters", letters)
        self._count("events", narrator.outcomes)
        self._count("enrollments", enrollment_views.count_by_status(views))
        self._count("notifications", counts.count_by_state(views))
        self._heading("Who was told")
        self._told(narrator.messages)
        for message in chosen(narrator.messages):
            self._show(message)

    def close(self, kept: Path | None) -> None:
        """Say what to do next."""
        self._screen.print()
        if kept is None:
            self._words(
                "Edit rules.yaml or templates/ and play it again. "
                "With --keep the folder stays, to look at the ledger and the drawer."
            )
            return
        self._screen.print(f"Kept in {kept}", soft_wrap=True)
        for verb in ("notifications list", "letters list", "people list"):
            self._screen.print(f"  coursebell {verb} --data {kept}", style="dim", soft_wrap=True)

    def _heading(self, words: str) -> None:
        self._screen.print()
        self._screen.print(Rule(Text(words, "bold"), align="left", style="dim"))

    def _words(self, words: str) -> None:
        self._row(Text(""), Text(words, "dim"))

    def _line(self, line: Line) -> None:
        mark, look, left, right = LOOKS[line.kind]
        head = Text.assemble(" " * CLOCK_WIDTH, _column(mark, MARK_WIDTH, look))
        about = printable(line.about)
        text = Text(printable(line.text), right)
        if len(about) < ABOUT_WIDTH:
            self._row(Text.assemble(head, _column(about, ABOUT_WIDTH, left)), text)
        else:
            self._row(head, Text(about, left))
            self._row(Text(" " * (len(head) + ABOUT_WIDTH)), text)
        if line.note:
            self._row(Text(" " * (len(head) + ABOUT_WIDTH)), Text(line.note, "dim"))

    def _row(self, head: Text, text: Text) -> None:
        """Print text beside what stands before it; too long a text goes on underneath."""
        for part in text.wrap(self._screen, max(NARROWEST, self._screen.width - len(head))):
            part.rstrip()
            self._screen.print(Text.assemble(head, part), soft_wrap=True)
            head = Text(" " * len(head))

    def _count(self, noun: str, parts: dict[str, int]) -> None:
        total = Text(f"{sum(parts.values()):>4}  ", "bold")
        head = Text.assemble(_column(noun, NOUN_WIDTH, "dim"), total)
        words = (f"{n} {name.replace('_', ' ')}" for name, n in parts.items() if n)
        whole = ", ".join(word.replace(" ", GLUE) for word in words)
        for line in wrap(whole, max(NARROWEST, self._screen.width - len(head))):
            self._row(head, Text(line.replace(GLUE, " ")))
            head = Text(" " * len(head))

    def _told(self, messages: Sequence[DeliveredMessage]) -> None:
        """List everyone with what they were told, in the order in which they heard of anything."""
        subjects: dict[str, list[str]] = {}
        for message in messages:
            subjects.setdefault(message.read.to, []).append(message.read.subject)
        for to, told in subjects.items():
            for place, subject in enumerate(told):
                name = "" if place else printable(to)
                self._row(_column(name, ABOUT_WIDTH, "bold"), Text(printable(subject)))

    def _show(self, message: DeliveredMessage) -> None:
        """Show a message as it is read."""
        found = message.read
        self._heading(f"As {'' if found.address else 'the '}{printable(found.to)} reads it")
        if found.address:
            to = f"{found.to} <{found.address}>"
            self._row(_column("To", 9, "dim"), Text(printable(to)))
        self._row(_column("Subject", 9, "dim"), Text(printable(found.subject), "bold"))
        self._screen.print()
        for line in found.text.strip().splitlines():
            self._row(Text(""), Text(printable(line)))


def _column(words: str, width: int, style: str) -> Text:
    return Text.assemble((words, style), " " * (width - len(words)))


def chosen(messages: Iterable[DeliveredMessage]) -> list[DeliveredMessage]:
    """Pick the mail that stands for the most, and the last message to a room."""
    kept = list(messages)
    mails = sorted((m for m in kept if m.read.address), key=lambda m: -m.others)
    rooms = [m for m in kept if not m.read.address]
    return [*mails[:1], *rooms[-1:]]
