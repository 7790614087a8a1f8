"""`--source` and `--account` name what there is: a slip of the hand is no empty answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.incoming.letter import Arrival
from tests.installation import DONE, START, Installation, body, completed, seats

ASKED = {
    "people import": ["people", "import", "f.csv"],
    "courses import": ["courses", "import", "f.csv"],
    "letters import": ["letters", "import", "f.csv"],
    "try": ["try", "done", "--event", "-"],
    "explain": ["explain", "--rule", "done", "--learner", "77"],
    "people merge": ["people", "merge", "77", "78"],
    "people stop": ["people", "stop", "77"],
    "people resume": ["people", "resume", "77"],
    "people link": ["people", "link", "77"],
    "watch add": ["watch", "add", "course:7_1", "77"],
    "watch remove": ["watch", "remove", "course:7_1", "77"],
    "watch list": ["watch", "list", "course:7_1"],
    "watch link": ["watch", "link", "course:7_1", "77"],
}
"""Every command that takes a source."""


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """A service that has heard of account 1234 at Adobe, and of Sunbird, which has none."""
    monkeypatch.chdir(tmp_path)
    with Installation(tmp_path, DONE) as office:
        for name, value in office.environ.items():
            monkeypatch.setenv(name, value)
        office.post(completed(START, 77))
        seen = b'{"EventType": "LOGIN", "MessageBody": {"UserId": 5, "LoginTime": "2026-11-16"}}'
        office.app.letters.keep([Arrival("community-training", START, {}, seen)])
        seats_only = body(seats(START, 9), account=77021)
        office.app.letters.keep([Arrival("adobe", START, {}, seats_only)])
        office.tick(START)
        Path("f.csv").write_text("id\n77\n")
        yield office


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_each_command_with_a_source_is_asked() -> None:
    found = {
        f"{name} {inner}".strip()
        for name, command in main.commands.items()
        for inner, each in (getattr(command, "commands", None) or {"": command}).items()
        if any("--source" in option.opts for option in each.params)
    }
    assert found == set(ASKED)


@pytest.mark.parametrize("words", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("Adobe", "did you mean 'adobe'?"),
        ("adobee", "did you mean 'adobe'?"),
        ("comunity-training", "did you mean 'community-training'?"),
        ("moodle", "expected adobe, community-training or sunbird"),
        ("", "expected adobe, community-training or sunbird"),
    ],
)
def test_a_source_that_there_is_not_is_refused(
    office: Installation, words: list[str], source: str, told: str
) -> None:
    result = run(*words, "--source", source)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    "name", ["explain", "people merge", "watch add", "watch list", "watch link"]
)
def test_an_account_that_nothing_has_named_is_refused(office: Installation, name: str) -> None:
    result = run(*ASKED[name], "--account", "1243")
    assert result.exit_code == 2
    assert result.stderr == (
        "coursebell: --account: expected an account that a letter or an import has named, "
        "got another; did you mean '1234'?\n"
    )
    result = run(*ASKED[name], "--source", "community-training", "--account", "1234")
    assert result.exit_code == 2 and "there are no accounts" in result.stderr


@pytest.mark.parametrize("what", ["people", "courses"])
def test_an_account_that_is_new_is_told_of_once_and_goes_in(
    office: Installation, what: str
) -> None:
    Path("f.csv").write_text("id\n77\n78\n")
    result = run(what, "import", "f.csv", "--source", "adobe", "--account", "1243")
    assert result.exit_code == 0
    assert result.stderr == (
        "f.csv:2: account: warning: expected an account that a letter or an import has named, "
        "got another; did you mean '1234'?\n"
    )
    assert run(what, "import", "f.csv", "--source", "adobe", "--account", "1243").stderr == ""
    for known in ("1234", "77021"):
        assert run(what, "import", "f.csv", "--source", "adobe", "--account", known).stderr == ""


def test_where_nothing_is_known_of_accounts_none_is_new(office: Installation) -> None:
    assert run("people", "import", "f.csv", "--source", "sunbird", "--account", "1").stderr == ""
    result = run("people", "import", "f.csv", "--source", "community-training", "--account", "1")
    assert result.exit_code == 0 and "there are no accounts" in result.stderr
    assert run("people", "import", "f.csv", "--source", "adobe").stderr == ""


@pytest.mark.parametrize("what", ["people", "courses"])
def test_a_row_of_a_source_that_there_is_not_is_left_out(office: Installation, what: str) -> None:
    Path("f.csv").write_text("id,source\n77,Adobe\n78,adobe\n79,moodle\n80,\n")
    result = run(what, "import", "f.csv", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["added"], told["unusable"]) == (2, 2)
    assert [(each["line"], each["column"]) for each in told["problems"]] == [
        (2, "source"), (4, "source"),
    ]  # fmt: skip
    assert "did you mean 'adobe'?" in told["problems"][0]["expected"]
