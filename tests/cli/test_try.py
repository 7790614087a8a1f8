"""Trying it out: a door is open to this machine only while nothing says otherwise."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.forks import Forked
from tests.installation import ROOT

pytestmark = pytest.mark.of_files

NOT_OPEN = "closed: no credentials configured"


@contextmanager
def started(folder: Path, *options: str, lines: int = 10, **environ: str) -> Iterator[list[str]]:
    """The first lines of `coursebell run` in a folder with the default rules."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COURSEBELL_")}
    files = {"COURSEBELL_RULES": ROOT / "rules.yaml", "COURSEBELL_TEMPLATES": ROOT / "templates"}
    env = {**kept, **{k: str(v) for k, v in files.items()}, **environ}
    with Forked(["run", "--port", "0", *options], folder, env) as running:
        assert running.stdout is not None
        try:
            yield [running.stdout.readline().strip() for _ in range(lines)]
        finally:
            running.kill()


def doors(folder: Path, *options: str, **environ: str) -> dict[str, str]:
    """How one gets through each source's door."""
    with started(folder, *options, **environ) as lines:
        addresses = (line.rpartition("/")[2] for line in lines[3:9:2])
        return dict(zip(addresses, lines[4:9:2], strict=True))


def door(folder: Path, *options: str, **environ: str) -> str:
    return doors(folder, *options, **environ)["adobe"]


def test_make_run_tries_and_decides_nothing_itself(tmp_path: Path) -> None:
    outside = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    told = subprocess.run(
        ["make", "-n", "-o", ".venv/installed", "run"], cwd=ROOT, capture_output=True, text=True,
        env={**outside, "COURSEBELL_ADOBE_USERNAME": "ada"},
    )  # fmt: skip
    assert told.stdout == ".venv/bin/coursebell run --try\n"


def test_without_credentials_every_door_is_open_to_this_machine(tmp_path: Path) -> None:
    open_ones = dict.fromkeys(["adobe", "community-training", "sunbird"], "open to this machine")
    assert doors(tmp_path, "--try") == open_ones


def test_credentials_of_one_source_are_the_end_of_the_trial(tmp_path: Path) -> None:
    """With them a proxy may stand in front, and the other doors would be open to its callers."""
    found = doors(tmp_path, "--try", COURSEBELL_SUNBIRD_BEARER_TOKEN="abc")
    assert found == {"adobe": NOT_OPEN, "community-training": NOT_OPEN, "sunbird": "bearer token"}


def test_the_first_lines_count_the_warnings_of_the_rules(tmp_path: Path) -> None:
    rules = f"rules      6 active in {ROOT / 'rules.yaml'}"
    with started(tmp_path, "--try") as lines:
        before = warnings_in(lines[1].removeprefix(rules))
    with started(tmp_path, "--try", COURSEBELL_SUNBIRD_BEARER_TOKEN="abc") as lines:
        assert warnings_in(lines[1].removeprefix(rules)) == before + 4


def warnings_in(told: str) -> int:
    """How many warnings the end of a line tells of; none if there is no such end."""
    found = re.fullmatch(r"; (\d+) warnings, see `coursebell check`", told)
    assert found or not told
    return int(found[1]) if found else 0


def test_without_trying_it_is_closed(tmp_path: Path) -> None:
    assert door(tmp_path) == NOT_OPEN


def test_an_address_others_reach_stays_closed(tmp_path: Path) -> None:
    assert door(tmp_path, "--try", COURSEBELL_HOST="0.0.0.0") == NOT_OPEN


def test_credentials_of_dotenv_close_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "COURSEBELL_ADOBE_USERNAME=ada\nCOURSEBELL_ADOBE_PASSWORD=secret\n"
    )
    assert door(tmp_path, "--try") == "Basic"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HMAC_SECRET_FILE": "secret", "HMAC_HEADER": "X-Signature"}, "HMAC"),
        ({"BEARER_TOKEN_FILE": "secret"}, "bearer token"),
        ({"WEBHOOK_SECRET": "whsec_AAAA"}, "Standard Webhooks"),
        ({"USERNAME": "a", "PASSWORD_FILE": "secret"}, "Basic"),
        ({"HMAC_SECRET": "a", "HMAC_HEADER": "b", "BEARER_TOKEN": "c"}, "HMAC or bearer token"),
    ],
)  # fmt: skip
def test_credentials_in_files_and_of_every_kind_close_it(
    tmp_path: Path, environ: dict[str, str], expected: str
) -> None:
    (tmp_path / "secret").write_text("a-secret")
    named = {f"COURSEBELL_ADOBE_{name}": text for name, text in environ.items()}
    assert door(tmp_path, "--try", **named) == expected


def test_who_opens_it_to_everyone_is_told_so(tmp_path: Path) -> None:
    opened = {"COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "true"}
    told = door(tmp_path, **opened, COURSEBELL_HOST="0.0.0.0")
    assert told == "open to all who reach it"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "open to this machine, through no proxy"),
        (
            {"SUNBIRD_BEARER_TOKEN": "abc"},
            "off, /metrics too; set COURSEBELL_ADMIN_TOKEN to use it",
        ),
        (
            {"SUNBIRD_BEARER_TOKEN": "abc", "ADMIN_TOKEN": "t"},
            "for who shows COURSEBELL_ADMIN_TOKEN",
        ),
    ],
)
def test_the_first_lines_say_whom_the_api_answers(
    tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    named = {f"COURSEBELL_{name}": text for name, text in environ.items()}
    with started(tmp_path, "--try", **named) as lines:
        assert lines[9] == f"API        {said}"


def test_the_first_lines_name_each_channel_and_no_secret(tmp_path: Path) -> None:
    url = "mailtos://ada:s3cret@smtp.example.org?from=learning@example.org"
    with started(tmp_path, lines=13, COURSEBELL_EMAIL_URL=url) as lines:
        assert lines[-2:] == [
            "channel    email: mail, smtp.example.org:587",
            "channel    training-ops: drawer, data/drawer",
        ]
