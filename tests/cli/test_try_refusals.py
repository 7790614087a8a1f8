"""`coursebell try`: odd letters and files, other systems, groups, and what cannot be tried."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from service.cli import main
from tests.installation import (
    ADA,
    DONE,
    GRACE,
    ROOT,
    START,
    STILL,
    Installation,
    body,
    completed,
    event,
)

GROUP = DONE.replace("to: learner", "to: 'group:ops'")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSEBELL_TEMPLATES", str(ROOT / "templates"))
    monkeypatch.delenv("COURSEBELL_DATA", raising=False)
    return tmp_path


def attempt(rules: str, rule: str, letter: bytes, *options: str) -> Result:
    Path("rules.yaml").write_text(f"version: 1\nchannels: {{email: 'drawer://'}}\nrules:{rules}")
    command = ["try", rule, "--event", "-", *options]
    return CliRunner().invoke(main, command, input=letter)


LETTER = body(completed(START, 77))


def test_a_letter_that_cannot_be_used_is_no_event() -> None:
    rules = DONE.replace("enrollment.completed", "letter.set_aside")
    rules = rules.replace(
        "to: learner, via: email, template: completed", "post: email, template: letter_set_aside"
    )
    found = attempt(rules, "done", LETTER)
    assert found.exit_code == 2
    assert "is triggered by letters that cannot be used and cannot be tried" in found.stderr


def test_silence_is_no_event() -> None:
    found = attempt(STILL, "still", LETTER)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr == (
        "coursebell: rules.yaml:4: rule 'still' is triggered by silence and cannot be tried with "
        "an event; `coursebell preview stalled` shows its words\n"
    )


@pytest.mark.parametrize(
    ("trigger", "template", "what"),
    [
        ("source_silent_for", "feed_silent", "silence"),
        ("channel_failing_for", "channel_failing", "channels that fail"),
    ],
)
def test_what_no_event_tells_of_cannot_be_tried_with_one(
    trigger: str, template: str, what: str
) -> None:
    rules = STILL.replace("stalled_for", trigger).replace("to: learner, via", "post")
    found = attempt(rules.replace("template: stalled", f"template: {template}"), "still", LETTER)
    assert found.exit_code == 2
    assert f"is triggered by {what} and cannot be tried with an event" in found.stderr


def test_an_unknown_rule_is_guessed() -> None:
    found = attempt(DONE, "dine", LETTER)
    assert found.exit_code == 2 and "no rule 'dine'; did you mean 'done'?" in found.stderr
    assert "; there are done" in attempt(DONE, "xyzzy", LETTER).stderr


def test_a_rule_file_with_mistakes_is_named_as_ever() -> None:
    found = attempt(DONE.replace("trigger", "triger"), "done", LETTER)
    assert (found.exit_code, found.stdout) == (2, "")
    assert "coursebell: rules.yaml:5:5: " in found.stderr


@pytest.mark.parametrize("letter", [b"not JSON", b"[]"])
def test_a_letter_that_cannot_be_read_is_set_aside_as_it_would_be(letter: bytes) -> None:
    found = attempt(DONE, "done", letter)
    assert found.exit_code == 1
    assert "  1  ?                     set aside: " in found.stdout
    assert "nothing in the letter is enrollment.completed" in found.stdout


@pytest.mark.parametrize("letter", [b"", body()])
def test_an_empty_letter_says_nothing(letter: bytes) -> None:
    found = attempt(DONE, "done", letter)
    assert found.exit_code == 1 and "  it says nothing\n" in found.stdout


def test_an_event_of_an_unknown_name_is_shown_with_its_reason() -> None:
    found = attempt(DONE, "done", body(event("NO_SUCH_EVENT", START)))
    assert found.exit_code == 1
    assert "  1  NO_SUCH_EVENT         set aside: " in found.stdout


def test_a_letter_of_another_system_is_read_as_that_system_writes() -> None:
    letter = (
        b'{"EventType": "COURSE_COMPLETION", "MessageBody": {"UserId": 5, "FirstName": "Ada", '
        b'"LastName": "Lovelace", "Contact": "ada@example.org", "ContactType": "Email", '
        b'"CourseId": 7, "CourseName": "Safe driving", "CompletionDate": '
        b'"2026-11-16T09:00:00", "ExamPercentage": "80"}}'
    )
    found = attempt(DONE, "done", letter, "--source", "community-training")
    assert found.exit_code == 0
    assert "    To: Ada Lovelace <ada@example.org>\n" in found.stdout
    assert "    Completed: Safe driving\n" in found.stdout


def test_a_sign_in_is_an_event_of_a_learner() -> None:
    rule = DONE.replace("enrollment.completed", "learner.seen")
    letter = (
        b'{"EventType": "LOGIN", "MessageBody": {"UserId": 5, "FirstName": "Ada", "Contact": '
        b'"ada@example.org", "ContactType": "Email", "LoginTime": "2026-11-16T09:00:00"}}'
    )
    found = attempt(rule, "done", letter, "--source", "community-training")
    assert found.exit_code == 0
    assert "  1  LOGIN                 learner.seen\n" in found.stdout
    assert "    To: Ada <ada@example.org>\n" in found.stdout


def test_each_member_of_a_group_is_told(folder: Path) -> None:
    (folder / "real").mkdir()
    with Installation(folder / "real", DONE) as real:
        real.import_people([replace(each, groups=("ops",)) for each in (ADA, GRACE)])
    found = attempt(GROUP, "done", LETTER, "--data", "real/data")
    assert found.exit_code == 0
    assert "    To: Ada Lovelace <ada@example.org>\n" in found.stdout
    assert "    To: Grace Hopper <grace@example.org>\n" in found.stdout


def test_a_group_without_members_is_nobody() -> None:
    found = attempt(GROUP, "done", LETTER)
    assert found.exit_code == 1
    assert "    nobody: the group has no members here\n" in found.stdout


@pytest.mark.of_files
def test_a_folder_without_a_ledger_is_not_an_empty_one() -> None:
    found = attempt(DONE, "done", LETTER, "--data", "nowhere")
    assert found.exit_code == 2 and "nowhere: expected ledger.db in it" in found.stderr
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("views", [None, b"", b"no database at all" * 100])
def test_views_of_no_use_are_no_hindrance(folder: Path, views: bytes | None) -> None:
    (folder / "real").mkdir()
    with Installation(folder / "real", DONE) as real:
        real.import_people([ADA])
    Path("real/data/views.db").unlink()
    if views is not None:
        Path("real/data/views.db").write_bytes(views)
    assert attempt(DONE, "done", LETTER, "--data", "real/data").exit_code == 0


def test_a_message_that_waits_may_tell_of_it_too(folder: Path) -> None:
    together = DONE.replace("    notify", "    collapse: 10m\n    notify")
    (folder / "real").mkdir()
    with Installation(folder / "real", together) as real:
        real.import_people([ADA])
        real.post(completed(START, 77, course="course:9", session="course:9_1"))
        real.tick(START)
    letter = body(completed(START + 60_000, 77))
    found = attempt(together, "done", letter, "--data", "real/data")
    assert found.exit_code == 0
    words = "Ada Lovelace: told by the message that waits for an earlier event"
    assert f"    {words}\n" in found.stdout and "Subject: " not in found.stdout


def test_a_missing_letter_is_named() -> None:
    found = CliRunner().invoke(main, ["try", "done", "--event", "missing.json"])
    assert found.exit_code == 2 and "missing.json" in found.stderr
