"""`coursebell demo`: the real command plays a week and says who was told what."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.cli.demo import PAUSE_SECONDS, PAUSES
from tests import forks
from tests.installation import ROOT

SECONDS = 120
ESCAPE = "\x1b"
RULES = """
version: 1
channels:
  email: mailto://mail.example.org?from=learning@example.org
  room: ${COURSEBELL_ROOM_URL}
rules:
  - id: enrolled
    trigger: {event: enrollment.enrolled}
    notify:
      - {to: learner, via: email, template: hello}
      - {post: room, template: hello}
  - id: quiet
    mode: shadow
    trigger: {event: enrollment.unenrolled}
    notify:
      - {post: room, template: hello}
"""


def environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Ours without what would change the look, with settings that no service could start with."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    wrong = {"COURSEBELL_PORT": "none", "COURSEBELL_EMAIL_URL": "mailto://", "COURSEBELL_X": "?"}
    return {**kept, **wrong, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT), **more}


def play(
    folder: Path, *options: str, cwd: Path = ROOT, **more: str
) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    done = forks.run(["demo", *options], cwd, environment(folder, more))
    output, errors = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, output, errors)


def play_afresh(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """As a user does, in an interpreter of its own."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "service", "demo"], cwd=ROOT, timeout=SECONDS,
        env=environment(folder, more), capture_output=True, text=True, encoding="utf-8",
        check=False,
    )  # fmt: skip


def play_on_a_terminal(folder: Path, **more: str) -> str:
    """What a terminal gets to see."""
    ours, theirs = pty.openpty()
    env = environment(folder, {"TERM": "xterm-256color", **more})
    seen = b""
    with forks.Forked(["demo", "--fast"], ROOT, env, stdout=theirs) as running:
        os.close(theirs)
        try:
            while chunk := os.read(ours, 65_536):
                seen += chunk
        except OSError:  # Linux says so when the other end is closed
            pass
        finally:
            os.close(ours)
        assert running.wait(SECONDS) == 0
    return seen.decode()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("demo")
    done = play_afresh(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.iterdir()) == [], "something is left behind"
    return done.stdout


def test_it_says_who_was_told_what(played: str) -> None:
    told = [" ".join(line.split()[1:]) for line in played.splitlines() if "→" in line]
    assert told == [
        "Sean O'Brien Completed: Writing Clearly",
        "room training-ops Almost full",
        "Jonas Weber Abgeschlossen: Forklift Licence",
        "Ruth Adeyemi 2 completions in your team",
        "paul.brandt@example.org One completion in your team",
        "Lucia Costa Completed: Writing Clearly",
        "Ada Lindgren 3 courses completed",
        "Mei Tanaka Still open: Data Protection",
        "Omar Haddad Still open: Data Protection",
        "Ruth Adeyemi 3 completions in your team",
        "room training-ops A seat is free",
        "Mei Tanaka Completed: Data Protection",
    ]


def test_it_says_what_was_not_told_and_why(played: str) -> None:
    assert played.count("cancelled: not true any more") == 2
    assert played.count("waits until an address is known") == 1
    assert played.count("with 2 more in the same message") == 1
    assert "! COURSE_ALTERNATE_FOUND    set aside: eventName: expected" in played


def test_the_numbers_at_the_end_are_those_of_the_ledger(played: str) -> None:
    numbers = " ".join(played.partition("The week in numbers")[2].partition("Who was")[0].split())
    assert "letters 26 25 taken, 1 set aside" in numbers
    assert "35 recorded, 1 duplicate, 1 ignored, 1 set aside, 1 superseded" in numbers
    assert "8 completed, 2 enrolled, 2 unenrolled, 1 in progress" in numbers
    assert "12 sent, 6 dropped (digest), 2 cancelled (no longer true)" in numbers
    assert "2 dropped (collapsed), 1 scheduled (digest)" in numbers


def test_a_list_for_the_manager_is_made_up_in_the_morning(played: str) -> None:
    assert played.count("tells manager by Wednesday 08:30") == 3
    friday = played.partition("Friday 6 November")[2].splitlines()
    assert friday[1:4] == [
        "08:30  A course was completed",
        "       → Ruth Adeyemi              3 completions in your team",
        "                                   a list of 3",
    ]


def test_a_message_is_shown_as_it_is_read(played: str) -> None:
    message = played.partition("As Ruth Adeyemi reads it")[2]
    assert "Hello Ruth Adeyemi," in message
    for course in ("Giving Feedback", "Planning a Week", "New Team Leads"):
        assert f"- Ada Lindgren: {course} · November 5, 2026\n" in message


def test_a_pipe_gets_plain_lines_of_at_most_80(played: str) -> None:
    assert ESCAPE not in played
    assert [line for line in played.splitlines() if len(line) > 80 or line != line.rstrip()] == []


def test_a_second_time_it_says_the_same(played: str, tmp_path: Path) -> None:
    assert play(tmp_path / "again").stdout == played


def test_a_terminal_gets_colors_unless_it_wants_none(played: str, tmp_path: Path) -> None:
    assert ESCAPE in play_on_a_terminal(tmp_path)
    plain = play_on_a_terminal(tmp_path, NO_COLOR="1")
    assert plain.replace("\r\n", "\n") == played


def test_a_terminal_without_unicode_is_no_trouble(tmp_path: Path) -> None:
    done = play_afresh(tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "? Sean O'Brien" in done.stdout


def test_a_terminal_waits_a_second_and_a_half_at_most() -> None:
    assert PAUSE_SECONDS * PAUSES <= 1.5


def test_the_folder_is_kept_when_asked(tmp_path: Path) -> None:
    done = play(tmp_path, "--keep")
    (kept,) = tmp_path.iterdir()
    assert f"Kept in {kept}\n" in done.stdout
    assert (kept / "ledger.db").is_file()
    assert len(list((kept / "drawer").iterdir())) == 12


def test_it_plays_the_rules_of_the_folder_and_every_channel_is_a_drawer(tmp_path: Path) -> None:
    here = tmp_path / "here"
    for form, parts in (("email", ("subject.txt", "body.txt")), ("chat", ("body.txt",))):
        folder = here / "templates/hello" / form
        folder.mkdir(parents=True)
        for part in parts:
            (folder / part).write_text("Hello {{ course.title }}")
    (here / "rules.yaml").write_text(RULES)
    done = play(tmp_path / "temporary", cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert "→ Mei Tanaka                Hello Data Protection\n" in done.stdout
    assert "tells room room only in the shadow\n" in done.stdout


def test_mistakes_in_the_rules_of_the_folder_are_named(tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "templates").mkdir(parents=True)
    (here / "rules.yaml").write_text("version: 1\nchanels: {}\n")
    done = play(tmp_path / "temporary", cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rules.yaml:2:1: unknown key 'chanels'; did you mean 'channels'?" in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_elsewhere_it_plays_the_rules_of_the_checkout(played: str, tmp_path: Path) -> None:
    assert play(tmp_path / "temporary", cwd=tmp_path).stdout == played
