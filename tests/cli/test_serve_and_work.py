"""Doors and work in processes of their own: letters are kept and answered while nobody works."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.serving import Serving, Working, post
from tests.installation import DONE
from tests.real_service import RealService
from tests.waiting import until

pytestmark = pytest.mark.of_files

LEARNERS = range(100, 160)
PEOPLE = "id,name,email\n" + "".join(f"{n},Ada,{n}@example.org\n" for n in (77, *LEARNERS))


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path, DONE) as service:
        service.import_people(PEOPLE)
        yield service


def told(service: RealService) -> int:
    """How many mails lie in the drawer."""
    return len([*service.data.glob("drawer/**/*.eml")])


def test_what_came_while_nobody_worked_is_taken_then(serving: Serving) -> None:
    assert post(serving, 77) == [202]
    assert serving.numbers()['coursebell_letters{state="waiting"}'] == 1
    with Working(serving.folder, DONE):
        until(serving.is_settled, "the letter is taken")
    assert told(serving) == 1


def test_who_works_is_stopped_and_killed_while_letters_come(serving: Serving) -> None:
    kept = []
    for begin in range(0, len(LEARNERS), 20):
        with Working(serving.folder, DONE) as working:
            kept += post(serving, *LEARNERS[begin : begin + 10])
            if begin == 20:
                working.kill()
            else:
                assert working.stop() == 0
            kept += post(serving, *LEARNERS[begin + 10 : begin + 20])
    assert kept == [202] * len(LEARNERS)
    with Working(serving.folder, DONE):
        until(serving.is_settled, "every letter is taken")
    assert told(serving) == len(LEARNERS)


def test_two_doors_and_one_at_work(serving: Serving, tmp_path: Path) -> None:
    with Serving(tmp_path, DONE) as beside, Working(tmp_path, DONE):
        assert post(serving, 77) == post(beside, 100) == [202]
        until(serving.is_settled, "both are taken")
        until(beside.is_settled, "the other has heard of it")
        found = [each.get("/api/v1/notifications")["items"] for each in (serving, beside)]
        assert found[0] == found[1] and len(found[0]) == 2
    assert told(serving) == 2


def test_on_a_file_only_one_works(serving: Serving, tmp_path: Path) -> None:
    with Working(tmp_path, DONE):
        done = serving.command("work")
        assert done.returncode == 2 and "expected to be the only service" in done.stderr
