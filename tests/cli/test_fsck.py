"""`coursebell fsck` adds up what is there, and touches nothing."""

import gc
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import GARBAGE_THRESHOLDS, main
from tests.installation import DONE, START, Installation, completed


def fsck(data: Path) -> Result:
    return CliRunner().invoke(main, ["fsck", "--data", str(data)])


def contents(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.iterdir() if path.is_file()}


def test_a_ledger_at_rest_stays_byte_for_byte(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as office:
        office.post(completed(START, 77))
        office.tick()
    before = contents(tmp_path / "data")
    done = fsck(tmp_path / "data")
    assert (done.exit_code, contents(tmp_path / "data")) == (0, before)
    assert "1 accepted = 1 taken" in done.stdout and "nothing is missing" in done.stdout


def test_what_a_running_service_just_wrote_counts(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as office:
        office.post(completed(START, 77))
        before = contents(tmp_path / "data")
        assert "1 accepted = 0 taken + 0 set aside + 1 waiting" in fsck(tmp_path / "data").stdout
        assert set(contents(tmp_path / "data")) == set(before)


@pytest.mark.of_files
def test_a_letter_that_is_gone_is_missed(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as office:
        office.post(completed(START, 77))
    with sqlite3.connect(tmp_path / "data/ledger.db") as damaged:
        damaged.execute("DELETE FROM waiting")
    damaged.close()
    done = fsck(tmp_path / "data")
    assert done.exit_code == 1 and "NOT whole" in done.stdout


@pytest.mark.of_files
def test_a_newer_ledger_is_left_to_a_newer_program(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE):
        pass
    newer = sqlite3.connect(tmp_path / "data/ledger.db")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    done = fsck(tmp_path / "data")
    assert done.exit_code == 2 and "schema 99" in done.stderr


def test_a_command_collects_garbage_as_seldom_as_the_benchmarks(tmp_path: Path) -> None:
    before = gc.get_threshold()
    try:
        assert fsck(tmp_path).exit_code == 2
        assert gc.get_threshold() == GARBAGE_THRESHOLDS
    finally:
        gc.set_threshold(*before)
