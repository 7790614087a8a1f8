"""`GET /api/v1/explain`: the same answers as the command gives."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from tests.api.conftest import Client
from tests.installation import ADA, START, Installation, completed, enrolled

PATH = "/api/v1/explain"


@pytest.fixture(autouse=True)
def learned(office: Installation) -> None:
    office.import_people([ADA])
    office.post(completed(START, 77), enrolled(START, 78))
    office.tick(START)


def test_a_notification_and_a_rule_are_explained_as_by_the_command(
    client: Client, office: Installation, tmp_path: Path
) -> None:
    id = office.notifications()[0]["id"]
    data = ["--json", "--data", str(tmp_path / "data")]
    told = CliRunner().invoke(main, ["explain", id, *data])
    assert client.get(PATH, params={"notification": id}).json() == json.loads(told.stdout)
    about = ["--rule", "done", "--learner", "78", "--at", "2026-11-17T00:00Z"]
    asked = CliRunner().invoke(main, ["explain", *about, *data])
    params = {"rule": "done", "learner": "78", "at": "2026-11-17T00:00:00Z"}
    assert client.get(PATH, params=params).json() == json.loads(asked.stdout)


def test_nobody_is_named(client: Client, office: Installation) -> None:
    for params in ({"notification": office.notifications()[0]["id"]},
                   {"rule": "done", "learner": "77"}):  # fmt: skip
        told = client.get(PATH, params=params)
        assert told.status_code == 200
        assert "Lovelace" not in told.text and "ada@" not in told.text


@pytest.mark.parametrize(("params", "status", "words"), [
    ({}, 409, "expected `notification`, or `rule`"),
    ({"notification": "n1", "rule": "done"}, 409, "and not both"),
    ({"notification": "n1", "learner": "77"}, 409, "and not both"),
    ({"rule": "done", "learner": "77", "at": "noon"}, 400, "at: expected a time like"),
    ({"rule": "done", "learner": "77", "at": "0001-01-01T00:00+14:00"}, 400, "a time like"),
    ({"notification": "n1"}, 404, "no such notification"),
    ({"rule": "dome", "learner": "77"}, 404, "did you mean 'done'?"),
    ({"rule": "done"}, 404, "expected `learner`, got none"),
])  # fmt: skip
def test_what_cannot_be_explained_is_a_problem(
    client: Client, params: dict[str, str], status: int, words: str
) -> None:
    told = client.get(PATH, params=params)
    assert told.status_code == status
    assert words in told.json()["detail"]
