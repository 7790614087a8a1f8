"""On PostgreSQL: doors and work on several machines, and nothing is lost when one of them dies."""

from pathlib import Path

import pytest

from tests.cli.serving import Serving, Working, post
from tests.installation import DONE
from tests.waiting import until

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
