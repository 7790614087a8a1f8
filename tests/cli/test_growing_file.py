"""A file that is still being written is imported when it is whole, or not at all."""

import threading
import time
from pathlib import Path

import pytest

from service.cli.output import csv_import
from tests.cli.people_file import person, run

HEAD = "id,name,email\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(pieces: list[str], pause: float) -> threading.Thread:
    """Append the pieces to the file, one after the other, beside who reads it."""

    def write() -> None:
        for piece in pieces:
            time.sleep(pause)
            with Path("people.csv").open("a") as file:
                file.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_a_file_that_grows_goes_in_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_import, "STILL_SECONDS", 1.0)
    writing = written(["8,Grace,grace@exam", "ple.org\n", "9,Alan,alan@example.org\n"], 0.1)
    result = run(HEAD + "7,Ada,ada@example.org\n")
    writing.join()

    assert (result.exit_code, result.output[:8]) == (0, "3 people"), result.output
    grace = person("8")
    assert grace is not None and grace.email == "grace@example.org"


def test_a_file_that_never_stands_still_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_import, "STILL_SECONDS", 0.5)
    monkeypatch.setattr(csv_import, "PATIENCE", 2)
    writing = written(["# more\n"] * 150, 0.01)
    result = run(HEAD + "7,Ada,ada@example.org\n")
    writing.join()

    assert result.exit_code == 2
    assert "people.csv: somebody is writing to it; import it when it is whole" in result.output
    assert person("7") is None


def test_what_was_written_to_while_it_was_read_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = csv_import.import_rows

    def meanwhile(*given: object) -> object:
        with Path("people.csv").open("a") as file:
            file.write("8,Gra")
        return whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(csv_import, "import_rows", meanwhile)
    result = run(HEAD + "7,Ada,ada@example.org\n")

    assert result.exit_code == 1
    assert "people.csv: it was written to while it was read; import it again" in result.output
