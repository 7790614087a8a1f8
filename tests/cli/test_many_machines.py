"""On PostgreSQL: doors and work on several machines, and nothing is lost when one of them dies."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.serving import Serving, Working, post
from tests.installation import DONE, START, completed
from tests.waiting import until

pytestmark = pytest.mark.of_files

LEARNERS = range(100, 160)
PEOPLE = "id,name,email\n" + "".join(f"{n},Ada,{n}@example.org\n" for n in LEARNERS)


class Machines:
    """Each machine has a folder of its own; the ledger is everybody's."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._environ = {
            "COURSEBELL_DATABASE_URL": database_url,
            "COURSEBELL_EMAIL_URL": "drawer://",
        }

    def serving(self, name: str) -> Serving:
        return Serving(self._made(name), DONE, **self._environ)

    def working(self, name: str) -> Working:
        return Working(self._made(name), DONE, **self._environ)

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def told(self) -> int:
        """How many mails lie in the drawers of all."""
        return len([*self._folder.glob("*/data/drawer/**/*.eml")])


@pytest.fixture
def machines(tmp_path: Path, postgres_address: str) -> Machines:
    return Machines(tmp_path, postgres_address)


def test_another_goes_on_when_one_is_killed(machines: Machines) -> None:
    with machines.serving("door") as door, machines.working("one") as one:
        door.import_people(PEOPLE)
        assert set(post(door, *LEARNERS[:20])) == {202}
        until(door.is_settled, "the first are taken")
        with machines.working("two"):
            one.kill()
            assert set(post(door, *LEARNERS[20:])) == {202}
            until(door.is_settled, "the other goes on")
    assert machines.told() == len(LEARNERS)


LETTER = json.dumps({"accountId": 1, "events": [completed(START, 100)]})
COMMANDS = (
    ("status",),
    ("fsck",),
    ("rebuild",),
    ("check",),
    ("letters", "list"),
    ("letters", "retry", "--all"),
    ("notifications", "list"),
    ("mute", "--all"),
    ("unmute", "--all"),
    ("explain", "--rule", "done", "--learner", "100"),
    ("people", "list"),
    ("people", "import", "people.csv"),
    ("courses", "import", "courses.csv"),
    ("feeds",),
    ("channels", "list"),
    ("backtest",),
    ("backtest", "--verify"),
    ("preview", "completed"),
    ("schema", "--data", "data"),
    ("letters", "import", "letter.jsonl", "--source", "adobe"),
    ("clock", "accept"),
)
ONCE = (
    ("try", "done", "--event", "letter.jsonl", "--data", "data"),
    ("people", "merge", "100", "101", "--source", "adobe", "--into-source", "adobe"),
)
"""What they find is not there any more the second time."""


def test_every_command_works_on_another_machine(machines: Machines) -> None:
    """Beside who works elsewhere, and when nobody does."""
    desk = machines.serving("desk")
    (desk.folder / "letter.jsonl").write_text(LETTER)
    (desk.folder / "people.csv").write_text(PEOPLE)
    (desk.folder / "courses.csv").write_text("id,title\n7,Logic\n")
    with machines.serving("door") as door:
        with machines.working("one"):
            door.import_people(PEOPLE)
            assert set(post(door, *LEARNERS[:3])) == {202}
            until(door.is_settled, "they are told")
            assert [*refused(desk, *ONCE, *COMMANDS)] == []
        nobody = "the service is not running"
        until(lambda: nobody in desk.command("status").stdout, "it is seen that nobody works")
        assert [*refused(desk, *COMMANDS)] == [("status",)]
    assert machines.told() == 3


def refused(desk: Serving, *commands: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The commands that do not end well."""
    for words in commands:
        done = desk.command(*words)
        assert "Traceback" not in done.stderr, done.stderr
        if done.returncode:
            yield words
