"""The play: one rule test from its first event to its score, by the real service."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from service.rehearsal.nearest import Nearest, recorded
from service.rehearsal.outcome import outcome
from service.rehearsal.scenario import Scenario
from service.rehearsal.score import Failure, failures
from service.rehearsal.stage import Stage, make_blank
from service.sending.planning import Active

PREFIX = "coursebell-test-"


class Theater:
    """Plays tests by one set of rules and templates; `file` is what the rule file is called.

    Each test has an installation of its own, gone afterwards: a copy of a blank one, as making
    a ledger waits for the disk and copying it does not.
    """

    def __init__(self, active: Active, file: str, blank: Path) -> None:
        self._active = active
        self._file = file
        self._blank = blank

    def play(self, scenario: Scenario) -> list[Failure]:
        """What is not as the test expects; nothing leaves this machine."""
        with TemporaryDirectory(prefix=PREFIX) as name:
            folder = Path(name) / "installation"
            copytree(self._blank, folder)
            stage = Stage(folder, scenario, self._active)
            with closing(stage):
                stage.play()
                told = outcome(stage.app, folder, stage.now)
                facts = list(recorded(stage.app, scenario))
        rules = self._active.decider.rules
        nearest = Nearest(scenario, rules, self._file, stage.watched.judged, facts)
        return failures(scenario, told, nearest)


@contextmanager
def theater(active: Active, file: str) -> Iterator[Theater]:
    """A theater that is gone when the block ends."""
    with TemporaryDirectory(prefix=PREFIX) as name:
        make_blank(Path(name))
        yield Theater(active, file, Path(name))
