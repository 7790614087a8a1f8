"""Machines that share a ledger compare their rules, templates and key with the active ones."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from service.app.app import App, settings_of
from service.running import Service
from tests.installation import DONE, FREE, ROOT, START, Installation
from tests.waiting import until

KEY = "0123456789abcdef" * 2


class Machine(Installation):
    """Shares its ledger; it works once, has its files agreed on and leaves the lease, or never."""

    works = False

    def open(self, at: int = START) -> None:
        self.app = App(settings_of(self.environ))
        if self.works:
            self.app.start(at)
            self.app.ledger.lease.release()


class Worked(Machine):
    works = True


@pytest.fixture
def machine(tmp_path: Path, postgres_address: str) -> Iterator[Callable[..., Machine]]:
    """Opens machines, each in a folder of its own; the ledger is everybody's."""
    with ExitStack() as opened:
        numbers = count()

        def made(rules: str = DONE, kind: type[Machine] = Machine, **more: str) -> Machine:
            folder = tmp_path / f"{next(numbers)}"
            folder.mkdir()
            given = {
                "COURSEBELL_DATABASE_URL": postgres_address,
                "COURSEBELL_PUBLIC_URL": "https://bell.example.org",
                "COURSEBELL_SECRET_KEY": KEY,
            }
            return opened.enter_context(kind(folder, rules, **given | more))

        yield made


def differing(here: Machine, *, activates: bool = False) -> str:
    return here.app.agreed_files.differing(here.app.active, activates=activates) or ""


def test_only_what_is_another_is_named(machine: Callable[..., Machine], tmp_path: Path) -> None:
    templates = Path(shutil.copytree(ROOT / "templates", tmp_path / "templates"))
    (templates / "completed/email/subject.txt").write_text("Well done")
    machine(kind=Worked)

    assert differing(machine()) == ""
    assert differing(machine(DONE + FREE)).startswith("the rule file here: ")
    words = differing(machine(COURSEBELL_TEMPLATES=str(templates)))
    assert words.startswith("the templates here: ")
    key = differing(machine(COURSEBELL_SECRET_KEY=KEY[::-1]))
    assert key.startswith("COURSEBELL_SECRET_KEY here: ") and KEY[::-1] not in key


def test_who_activates_does_so_over_what_was_agreed_when_it_began_and_no_later(
    machine: Callable[..., Machine],
) -> None:
    machine(kind=Worked)
    early = machine(DONE + FREE)
    assert differing(early) and not differing(early, activates=True)
    machine(FREE, kind=Worked)
    assert differing(early, activates=True)


def test_who_has_other_files_leaves_the_lease_to_others(machine: Callable[..., Machine]) -> None:
    machine(kind=Worked)
    other, same = machine(DONE + FREE), machine()
    service = Service(other.app)
    service.start()
    try:
        until(lambda: "files" in service.troubles and service.stands_by, "it says why")
        assert same.app.ledger.lease.acquire()
    finally:
        service.stop()
