"""`coursebell explain`: the answer on a terminal, in a pipe and for a program."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from tests.installation import (
    ADA,
    DONE,
    GRACE,
    HOUR,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
)

STRICT = """
  - id: strict
    trigger: {event: enrollment.completed}
    conditions:
      - course.tags: {contains: mandatory}
    notify:
      - {to: learner, via: email, template: completed}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COURSEBELL_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def office(folder: Path) -> Iterator[Installation]:
    with Installation(folder, DONE + STRICT + STILL) as office:
        office.import_people([ADA, GRACE])
        office.post(enrolled(START, 77), enrolled(START, 78))
        office.tick(START)
        office.post(completed(START + HOUR, 77))
        office.tick(START + HOUR)
        yield office


def explain(*words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words, "--data", "data"])


def test_a_notification_is_explained_from_the_letter_to_its_end(office: Installation) -> None:
    id = office.notifications()[0]["id"]
    found = explain(id[:20])
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert lines[0] == f"Notification {id}"
    assert "  to learner Ada Lovelace (77) by email, template completed" in lines
    assert "  sent at 2026-11-16 10:00:00Z" in lines
    labels = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert labels[1:7] == ["Why", "Letter", "Fact", "Event", "Transition", "Rule"]
    assert lines[-1] == "2026-11-16 10:00:00Z  attempt ended: accepted (250); sent"


def test_the_answer_comes_first_and_then_the_terms(office: Installation) -> None:
    found = explain("--rule", "strict", "--learner", "77", "--at", "2026-11-17")
    assert found.exit_code == 0
    lines = [line.strip() for line in found.stdout.splitlines()]
    assert lines[0] == "Rule strict as of 2026-11-17 00:00:00Z"
    assert lines[1].startswith("not told: line ")
    assert lines[1].endswith("course.tags contains mandatory: got nothing known")
    assert any(line.startswith("no   course.tags contains mandatory: got noth") for line in lines)


def test_a_terminal_of_eighty_columns_is_never_left(
    office: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    id = office.notifications()[0]["id"]
    for words in ([id], ["--rule", "strict", "--learner", "77", "--at", "2026-11-17T12:00Z"]):
        found = explain(*words)
        assert found.exit_code == 0
        assert max(map(len, found.stdout.splitlines())) <= 80
        assert "\x1b[3" not in found.stdout


def test_a_program_reads_the_same(office: Installation) -> None:
    id = office.notifications()[0]["id"]
    chain = json.loads(explain(id, "--json").stdout)
    assert (chain["explains"], chain["id"], chain["state"]) == ("notification", id, "sent")
    assert chain["cause"]["letter"]["number"] == 2
    answer = json.loads(
        explain("--rule", "done", "--learner", "78", "--at", "2026-11-17", "--json").stdout
    )
    assert answer["explains"] == "rule"
    assert answer["matters"][0]["nearest"] == ["enrolled once, never completed"]


def test_nothing_is_recorded(office: Installation) -> None:
    before = office.app.ledger.end()
    explain(office.notifications()[0]["id"])
    explain("--rule", "done", "--learner", "77")
    assert office.app.ledger.end() == before


def test_it_needs_no_views(folder: Path, office: Installation) -> None:
    id = office.notifications()[0]["id"]
    office.app.close()
    for file in (folder / "data").glob("views.db*"):
        file.unlink()
    assert explain(id).exit_code == 0
    assert explain("--rule", "done", "--learner", "77").exit_code == 0
    assert not (folder / "data/views.db").exists()
    office.open(START + HOUR)


def test_views_that_are_behind_or_of_no_use_hide_nothing(
    folder: Path, office: Installation
) -> None:
    office.app.views.catch_up()
    office.post(completed(START + 2 * HOUR, 78, course="course:9", session="course:9_1"))
    office.app.take(START + 2 * HOUR)
    words = ("--rule", "done", "--learner", "78", "--at", "2026-11-17", "--json")
    assert len(json.loads(explain(*words).stdout)["matters"]) == 2
    office.app.close()
    files = {path.name for path in (folder / "data").iterdir()}
    assert len(json.loads(explain(*words).stdout)["matters"]) == 2
    assert {path.name for path in (folder / "data").iterdir()} == files
    (folder / "data/views.db").write_bytes(b"no database")
    assert len(json.loads(explain(*words).stdout)["matters"]) == 2
    office.open(START + 2 * HOUR)


@pytest.mark.of_files
def test_without_a_ledger_it_says_so_and_makes_none(folder: Path) -> None:
    found = explain("n1")
    assert found.exit_code == 2
    assert found.stderr == (
        "coursebell: data: expected ledger.db in it, found none; set --data or COURSEBELL_DATA\n"
    )
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("words", "message"), [
    ((), "expected a notification, or --rule"),
    (("n1", "--rule", "done"), "expected a notification, or --rule"),
    (("n1", "--learner", "77"), "a notification stands for itself"),
    (("n1",), "n1: no such notification"),
    (("77",), "77: no such notification"),
    (("n",), "several notifications begin so"),
    (("--rule", "dome", "--learner", "77"), "did you mean 'done'?"),
    (("--rule", "done"), "expected `learner`, got none"),
    (("--rule", "done", "--learner", "77", "--at", "noon"), "expected a time like"),
])  # fmt: skip
def test_what_cannot_be_explained_is_said_in_a_line(
    office: Installation, words: tuple[str, ...], message: str
) -> None:
    office.post(completed(START + 2 * HOUR, 78))
    office.tick(START + 2 * HOUR)
    found = explain(*words)
    assert found.exit_code == 2
    assert message in found.stderr
    assert found.stderr.count("\n") == 1


def test_an_id_that_was_mistyped_is_guessed(office: Installation) -> None:
    id = office.notifications()[0]["id"]
    wrong = id[:-1] + ("0" if id[-1] != "0" else "1")
    assert f"did you mean '{id}'?" in explain(wrong).stderr
