"""On PostgreSQL: doors and work on several machines, and nothing is lost when one of them dies."""

import json
from collections.abc import Iterator
from itertools import count, islice

import pytest

from tests.campaigns import without_sample
from tests.cli.serving import Machines, Serving, Working, deciders, last_commit, post
from tests.installation import DONE, START, completed
from tests.postgres import Cluster
from tests.waiting import until

pytestmark = pytest.mark.of_files

LEARNERS = range(100, 160)
PEOPLE = "id,name,email\n" + "".join(f"{n},Ada,{n}@example.org\n" for n in LEARNERS)


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


def test_two_share_the_work_and_a_third_takes_over(
    machines: Machines, cluster: Cluster, postgres_address: str
) -> None:
    others = count(1_000)

    def is_shared() -> bool:
        post(door, *islice(others, len(LEARNERS)))
        return deciders(cluster, postgres_address) > 1

    with machines.serving("door") as door, machines.working("one") as one:
        door.import_people(PEOPLE)
        with machines.working("two"), machines.working("three"):
            until(is_shared, "they share")
            one.kill()
            killed_at = last_commit(cluster, postgres_address)
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
        found = door.get("/api/v1/notifications")["items"]
    assert {each["rule"] for each in found} == {"done"}, "the other file decided nothing"
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


@without_sample
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
            assert [*refused(desk, *ONCE, *COMMANDS)] == [("status",)], "a server without fsync"
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
