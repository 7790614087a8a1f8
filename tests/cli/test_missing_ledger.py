"""A mistyped data folder is said to be one, and nothing is made there."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main

pytestmark = pytest.mark.of_files

HERE = ("people", "list"), ("people", "show", "7"), ("courses", "list"), ("courses", "show", "7")
ALL = (
    *HERE,
    ("letters", "list"),
    ("letters", "show", "1"),
    ("letters", "reasons"),
    ("letters", "retry", "--all"),
    ("notifications", "list"),
    ("notifications", "show", "n1"),
    ("notifications", "redrive", "n1"),
    ("fsck",),
    ("rebuild",),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_without_a_ledger_it_ends_and_makes_none(folder: Path, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*words, "--data", "dta"])
    assert done.exit_code == 2
    assert done.stderr == (
        "coursebell: dta: expected ledger.db in it, found none; set --data or COURSEBELL_DATA\n"
    )
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("noun", ["people", "courses"])
def test_an_import_makes_one_when_it_is_told_to(folder: Path, noun: str) -> None:
    (folder / "file.csv").write_text("id,name,title\n7,Ada,Logic\n")
    words = [noun, "import", "file.csv", "--data", "new"]

    refused = CliRunner().invoke(main, words)
    assert (refused.exit_code, refused.stderr) == (
        2,
        "coursebell: new: expected ledger.db in it, found none; set --data or COURSEBELL_DATA, or "
        "begin an installation there with --new\n",
    )
    assert [path.name for path in folder.iterdir()] == ["file.csv"]

    done = CliRunner().invoke(main, [*words, "--new"])
    assert (done.exit_code, (folder / "new/ledger.db").is_file()) == (0, True)
