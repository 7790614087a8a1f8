"""`coursebell demo`: a made-up week of one academy, and who is told what."""

import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import rich_click as click
from rich.console import Console

from service.app.active_rules import Refused
from service.cli.output.console import CANNOT_RUN, console, fail, printable
from service.cli.output.demo_page import Playbill
from service.demo.academy_stage import Letterbox, Stage, open_door
from service.demo.narrator import Line, Telling
from service.demo.week import ENDS, OPENS, WEEK, Moment
from service.demo.words import listed

PAUSE_SECONDS, PAUSES = 0.03, 40
"""At most so many pauses: a long page ends without any, so that nobody waits for it."""

PAGE_WIDTH = 80
CHECKOUT = Path(__file__).parents[2]


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder it was played in, and say where.")
@click.option("--fast", is_flag=True, help="Do not pause; in a pipe it never does.")
def demo(keep: bool, fast: bool) -> None:
    """Play a made-up week of one academy and show who is told what.

    The real service runs it, in a temporary folder, with the rules.yaml and templates of the
    current folder. Nothing leaves this machine and no setting is read.
    """
    screen = page_wide()
    pauses = iter([] if fast or not screen.is_terminal else [PAUSE_SECONDS] * PAUSES)
    with folder(keep) as data:
        stage = staged(data)
        try:
            page = Playbill(screen, stage.app)
            play(stage, page, lambda: time.sleep(next(pauses, 0.0)))
            page.close(data if keep else None)
        finally:
            stage.close()


def page_wide() -> Console:
    """A console for a page of 80; it breaks on no encoding, and NO_COLOR is plain text."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    screen = console()
    if screen.no_color:
        screen = Console(color_system=None, highlight=False, width=screen.width)
    screen.width = min(screen.width, PAGE_WIDTH)
    return screen


def play(stage: Stage, page: Playbill, pause: Callable[[], None]) -> None:
    """Lets the week happen, each moment in its turn."""
    telling = Telling(stage.app)
    page.open()
    with open_door(stage) as letterbox:
        for moment in WEEK:
            meanwhile(stage, page, telling, moment.at, pause)
            files = reach(stage, moment, letterbox)
            page.moment(stage.now, moment.caption, [*files, *telling.lines()])
            pause()
        meanwhile(stage, page, telling, ENDS, pause)
    page.summary(telling)


def meanwhile(
    stage: Stage, page: Playbill, telling: Telling, then: int, pause: Callable[[], None]
) -> None:
    """Lets time pass: reminders fall due, and messages that waited leave."""
    for _ in stage.play_until(then):
        for rule, lines in groupby(telling.lines(), key=lambda line: line.rule):
            page.moment(stage.now, page.described(rule), list(lines))
            pause()


def reach(stage: Stage, moment: Moment, letterbox: Letterbox) -> list[Line]:
    """Brings in what comes at a moment, and gives the service its turn; tells of files."""
    files = []
    if moment.letter is not None:
        letterbox.post(moment.letter)
    if moment.people:
        name = stage.take_in_people(moment.people)
        files.append(Line("changed", name, f"{listed(p.name for p in moment.people)} are known"))
    stage.app.tick(stage.now)
    return files


def staged(data: Path) -> Stage:
    """The installation, with the rules of the current folder or else those of the checkout."""
    here = Path("rules.yaml").is_file() and Path("templates").is_dir()
    root = Path() if here else CHECKOUT
    try:
        return Stage(data, root / "rules.yaml", root / "templates", OPENS)
    except Refused as refused:
        for mistake in str(refused).splitlines():
            click.echo(printable(f"coursebell: {mistake}"), err=True)
        raise SystemExit(CANNOT_RUN) from refused
    except FileNotFoundError:
        fail("rules.yaml: expected it and templates/ in this folder; run it in a checkout")


@contextmanager
def folder(keep: bool) -> Iterator[Path]:
    """A new folder; gone afterwards unless it is to be kept."""
    if keep:
        yield Path(tempfile.mkdtemp(prefix="coursebell-demo-"))
        return
    with tempfile.TemporaryDirectory(prefix="coursebell-demo-") as name:
        yield Path(name)
