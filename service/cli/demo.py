"""Play `coursebell demo`: a made-up week of one academy, and who is told what."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import rich_click as click

from service.app.active_rules import Refused
from service.cli.output.console import fail, fail_with, page_wide
from service.cli.output.demo_page import DemoPage
from service.demo.academy_stage import WebhookClient, import_people, open_academy, open_webhook
from service.demo.narrator import Line, Narrator, and_listed
from service.demo.week import ENDS, OPENS, WEEK, Scene
from service.simulation.sandbox import Sandbox

PAUSE_SECONDS, PAUSES = 0.03, 40
"""At most so many pauses: a long page ends without any, so that nobody waits for it."""

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
    with folder(keep) as data, closing(opened(data)) as academy:
        page = DemoPage(screen, academy.app)
        DemoRun(academy, page, Narrator(academy), pauses=pauses).play()
        page.close(data if keep else None)


class DemoRun(NamedTuple):
    """Play the week in an academy, onto a page; `pauses` are seconds, one after each moment."""

    academy: Sandbox
    page: DemoPage
    narrator: Narrator
    pauses: Iterator[float]

    def play(self) -> None:
        """Let the week happen, each scene in its turn."""
        self.page.open()
        with open_webhook(self.academy) as webhook:
            for scene in WEEK:
                self._pass_time(scene.at)
                files = self._bring_in(scene, webhook)
                lines = [*files, *self.narrator.lines()]
                self._show(scene.caption, lines)
            self._pass_time(ENDS)
        self.page.summary(self.narrator)

    def _pass_time(self, then: int) -> None:
        """Let time pass: reminders fall due, and messages that waited leave."""
        for _ in self.academy.moments_until(then):
            self.academy.tick()
            for rule, lines in groupby(self.narrator.lines(), key=lambda line: line.rule):
                self._show(self.page.described(rule), list(lines))

    def _show(self, caption: str, lines: list[Line]) -> None:
        self.page.moment(self.academy.now, caption, lines)
        time.sleep(next(self.pauses, 0.0))

    def _bring_in(self, scene: Scene, webhook: WebhookClient) -> list[Line]:
        """Bring in what a scene has, and give the service its turn; tells of files."""
        files = []
        if scene.letter is not None:
            webhook.post(scene.letter)
        if scene.people:
            name = import_people(self.academy, scene.people)
            known = f"{and_listed(person.name for person in scene.people)} are known"
            files.append(Line("changed", name, known))
        self.academy.tick()
        return files


def opened(data: Path) -> Sandbox:
    """Open the academy, with the rules of the current folder or else those of the checkout."""
    here = Path("rules.yaml").is_file() and Path("templates").is_dir()
    root = Path() if here else CHECKOUT
    try:
        return open_academy(data, root / "rules.yaml", root / "templates", now=OPENS)
    except Refused as refused:
        fail_with(str(refused).splitlines())
    except FileNotFoundError:
        fail("rules.yaml: expected it and templates/ in this folder; run it in a checkout")


@contextmanager
def folder(keep: bool) -> Iterator[Path]:
    """Make a new folder; gone afterwards unless it is to be kept."""
    if keep:
        yield Path(tempfile.mkdtemp(prefix="coursebell-demo-"))
        return
    with tempfile.TemporaryDirectory(prefix="coursebell-demo-") as name:
        yield Path(name)
