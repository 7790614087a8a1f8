"""A sample of the campaign: the service goes through its faults, and the verdict can see a loss."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from service.ledger.store import LedgerError
from tests.real_service import RUN
from tests.reliability.books import Books, check_letters
from tests.reliability.disk import why_no_disk
from tests.reliability.faults import FAULTS
from tests.reliability.journal import OK, Journal
from tests.reliability.nemesis import KILLS, play, possible, sweep
from tests.reliability.page import figures
from tests.reliability.victim import Scene, Victim

pytestmark = pytest.mark.timeout(240)
needs_disk = pytest.mark.skipif(why_no_disk() is not None, reason=str(why_no_disk()))
CARELESS = """
from service.ledger.sqlite import database
careful = database.connect
def careless(path, *, read_only=False):
    connection = careful(path, read_only=read_only)
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
database.connect = careless
from service.cli import main
main(prog_name="coursebell")
"""


class Careless(Victim):
    """A service that leaves the fsync to the next checkpoint."""

    def _begun(self) -> subprocess.Popen[str]:  # type: ignore[override]
        return subprocess.Popen(
            [sys.executable, "-c", CARELESS, *RUN], cwd=self.folder, env=self.environ,
            stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip


def test_kills_under_load_lose_nothing_and_repeat_only_what_was_open(tmp_path: Path) -> None:
    found = play(tmp_path, seed=21, wanted=[*KILLS, "kill at a call"], steps=4)
    assert found["unknown"], "no kill hit an open attempt: this round has shown nothing"


@needs_disk
def test_every_letter_acknowledged_before_a_power_cut_is_there_after_it(tmp_path: Path) -> None:
    assert play(tmp_path, seed=5, wanted=["power cut"], steps=2)["letters"]


@needs_disk
def test_the_verdict_sees_what_a_ledger_loses_that_syncs_seldom(tmp_path: Path) -> None:
    losses = (AssertionError, LedgerError)
    with (
        pytest.raises(losses, match=r"was acknowledged and is|was on disk"),
        Scene(tmp_path, victim=Careless) as scene,
        FAULTS["power cut"].does(scene, Random(5)),
        Books(scene.service.data) as books,
    ):
        check_letters(books, scene.crowd)


def test_faults_of_every_kind_after_and_within_each_other(tmp_path: Path) -> None:
    play(tmp_path, seed=3, wanted=possible(), steps=4)


@pytest.mark.parametrize(("action", "first"), [("EIO", 3), ("kill after", 9)])
def test_a_call_that_fails_in_the_life_of_a_letter_costs_nothing(
    tmp_path: Path, action: str, first: int
) -> None:
    (times,) = sweep(tmp_path, action, first=first, stride=30)["faults"].values()
    assert times


def test_a_campaign_goes_on_after_its_last_finished_round(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.next_round("nemesis", 1) == 1
    for number in (1, 2):
        journal.write("nemesis", 1, number, {"verdict": OK, "faults": {"kill": 3}, "letters": 7})
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"part": "nemesis", "se')
    assert journal.next_round("nemesis", 1) == 3
    assert journal.next_round("nemesis", 2) == journal.next_round("fuzz door", 1) == 1
    journal.code = "other code"
    assert journal.next_round("nemesis", 1) == 1
    assert f"| kill | {FAULTS['kill'].words} | 6 |" in figures(journal.rounds())


def test_a_bad_round_is_on_the_page(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("nemesis", 1, 1, {"verdict": "AssertionError: letter 4 is gone"})
    assert "seed 1, round 1" in figures(journal.rounds())
    assert "letter 4 is gone" in figures(json.loads(json.dumps(journal.rounds())))
