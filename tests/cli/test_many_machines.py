"""On PostgreSQL: doors and work on several machines, and nothing is lost when one of them dies."""

import json
from pathlib import Path

import pytest

from service.ledger.postgresql.lanes import WORKING
from tests.cli.serving import Serving, Working, post
from tests.installation import DONE
from tests.postgres import Cluster
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

    def working(
        self, name: str, rules: str = DONE, words: tuple[str, ...] = Working.words
    ) -> Working:
        found = Working(self._made(name), rules, **self._environ)
        found.words = words
        return found

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


def deciders(cluster: Cluster, address: str, after: int = 0) -> int:
    """How many have committed what they decided since."""
    schema = address.rpartition("%3D")[2]
    lanes = f"SELECT count(DISTINCT lane) FROM {schema}.commits WHERE lane >= {WORKING[0]}"
    return int(cluster.execute(f"{lanes} AND n > {after}")[0][0])


def test_two_share_the_work_and_a_third_takes_over(
    machines: Machines, cluster: Cluster, postgres_address: str
) -> None:
    def is_shared() -> bool:
        post(door, *LEARNERS)
        return deciders(cluster, postgres_address) > 1

    with machines.serving("door") as door, machines.working("one") as one:
        door.import_people(PEOPLE)
        with machines.working("two"), machines.working("three"):
            until(is_shared, "they share")
            one.kill()
            schema = postgres_address.rpartition("%3D")[2]
            ((killed_at,),) = cluster.execute(f"SELECT n FROM {schema}.head")
            assert set(post(door, *range(200, 260))) == {202}
            until(door.is_settled, "the others go on")
            until(lambda: deciders(cluster, postgres_address, killed_at) == 2, "both of them")
        found = door.numbers()
    assert found['coursebell_letters{state="taken"}'] >= 120


def told_of_files(machine: Working) -> str:
    """What a machine says is not as where somebody works."""
    done = machine.command("status", "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["troubles"].get("files", "")


OTHER = DONE.replace("id: done", "id: other")


def test_a_machine_with_other_rules_does_not_decide_and_says_so(machines: Machines) -> None:
    with machines.serving("door") as door, machines.working("one") as one:
        door.import_people(PEOPLE)
        post(door, 100)
        until(door.is_settled, "the first is taken")
        with machines.working("two", OTHER) as two:
            until(lambda: told_of_files(two), "it says that its rules are others")
            assert told_of_files(two).startswith("the rule file here: expected what is active")
            assert one.stop() == 0
            post(door, 101)
            until(lambda: door.numbers()['coursebell_letters{state="waiting"}'], "nobody takes it")
            two.write_rules(DONE)
            until(door.is_settled, "with the same rules it goes on")
    assert machines.told() == 2


def test_another_file_becomes_active_by_whoever_is_told_to(machines: Machines) -> None:
    with machines.serving("door") as door:
        door.import_people(PEOPLE)
        with machines.working("one"):
            post(door, 100)
            until(door.is_settled, "the first is taken")
        with machines.working("two", OTHER, words=("work", "--activate")):
            post(door, 101)
            until(door.is_settled, "by the other file")
            with machines.working("one") as one:
                until(lambda: told_of_files(one), "the old file is not the active one")
        found = door.get("/api/v1/notifications")["items"]
    assert {each["rule"] for each in found} == {"done", "other"}
