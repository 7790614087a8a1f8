"""`coursebell backtest` on a real data folder: its page, its JSON, its exits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from tests.installation import ADA, DONE, START, STILL, Installation, completed, enrolled
from tests.simulation.recorded_history import HEAD

TWO = DONE + DONE.replace("id: done", "id: again").replace("to: learner", "to: group:leaders")


def backtest(folder: Path, *more: str) -> Result:
    arguments = ["backtest", *more, "--data", str(folder / "data")]
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, arguments)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, STILL) as installation:
        installation.import_people([ADA])
        installation.post(enrolled(START, 77), completed(START + 1, 77))
        installation.tick(START + 1)
        yield installation


@pytest.fixture
def new(tmp_path: Path) -> str:
    path = tmp_path / "new.yaml"
    path.write_text(HEAD + TWO)
    return str(path)


def test_the_page_fits_a_terminal_while_the_service_runs(here: Installation, new: str) -> None:
    done = backtest(here.folder, new)
    assert done.exit_code == 0, done.output
    assert "new.yaml would have sent 1 message, of 1 match" in done.stdout
    assert "2026-11-16" in done.stdout and "as they are known today, for: again" in done.stdout
    assert "Ada" not in done.stdout and "@" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_the_report_for_programs_says_the_same(here: Installation, new: str) -> None:
    found = json.loads(backtest(here.folder, new, "--json").stdout)
    assert (found["sent"], found["days"]) == (1, {"2026-11-16": 1})
    assert found["heaviest"] == [{"recipient": "77", "sent": 1, "days": 1}]
    assert found["rules"]["done"] == {"matched": 1, "sent": 1}


def test_one_rule_can_be_looked_at(here: Installation, new: str) -> None:
    assert "would have sent 0 messages" in backtest(here.folder, new, "--rule", "again").stdout
    done = backtest(here.folder, new, "--rule", "agian")
    assert done.exit_code == 2 and "did you mean 'again'?" in done.stderr


def test_the_difference_is_one_line_and_examples(here: Installation, new: str) -> None:
    old = here.folder / "old.yaml"
    old.write_text(HEAD + STILL)
    done = backtest(here.folder, new, "--against", str(old))
    assert "Against old.yaml: +1 message, -0, 0 at another time; 0 are the same" in done.stdout
    assert "course:7 learner 77" in done.stdout
    found = json.loads(backtest(here.folder, new, "--against", str(old), "--json").stdout)
    assert found["difference"]["more"] == 1
    assert found["difference"]["examples"]["more"][0]["rule"] == "done"


def test_nothing_in_the_folder_changes(here: Installation, new: str) -> None:
    here.app.close()
    before = {p.name: p.read_bytes() for p in (here.folder / "data").iterdir() if p.is_file()}
    assert backtest(here.folder, new).exit_code == 0
    assert backtest(here.folder, "--verify").exit_code == 0
    after = {p.name: p.read_bytes() for p in (here.folder / "data").iterdir() if p.is_file()}
    here.open(START + 1)
    assert before == after


def test_a_file_with_mistakes_is_refused_with_their_places(here: Installation) -> None:
    bad = here.folder / "bad.yaml"
    bad.write_text((HEAD + DONE).replace("notify", "notfy"))
    done = backtest(here.folder, str(bad))
    assert done.exit_code == 1 and f"{bad}:" in done.stderr


def test_verifying_says_how_many_were_reproduced(here: Installation) -> None:
    here.write_rules(DONE)
    here.app.reload(START + 2)
    here.post(completed(START + 3, 78))
    here.tick(START + 3)
    done = backtest(here.folder, "--verify")
    assert done.exit_code == 0 and "1  reproduced, byte for byte" in done.stdout
    here.app.writer.decide = lambda *_: None
    here.post(completed(START + 4, 79))
    here.tick(START + 4)
    done = backtest(here.folder, "--verify")
    assert done.exit_code == 1 and "missing: it is decided now" in done.stdout
    assert json.loads(backtest(here.folder, "--verify", "--json").stdout)["different"] == 1
