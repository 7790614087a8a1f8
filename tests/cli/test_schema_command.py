"""`coursebell schema`: made by one command, used by the line at the top of a rule file."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.cli.schema import MODELINE
from tests.installation import ROOT


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSEBELL_TEMPLATES", str(ROOT / "templates"))


def schema(*words: str) -> str:
    result = CliRunner().invoke(main, ["schema", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def offered(text: str, key: str) -> list[str]:
    """What is offered for a key of an entry: of a person `via`, of a room `post`."""
    shapes = json.loads(text)["definitions"]["entry.enrollment"]["anyOf"]
    found = next(shape["properties"][key] for shape in shapes if key in shape["properties"])
    return (found.get("enum") or found["anyOf"][0]["enum"]) if "type" not in found else []


def test_it_knows_templates_sources_and_channels(tmp_path: Path) -> None:
    text = schema("--rules", str(ROOT / "rules.yaml"))
    assert offered(text, "via") == ["email", "training-ops"]
    assert {"completed", "stalled"} <= set(offered(text, "template"))
    sources = json.loads(text)["definitions"]["event.source"]["anyOf"][0]["enum"]
    assert sources == ["adobe", "community-training", "sunbird"]


def test_it_can_be_made_before_there_is_a_rule_file() -> None:
    assert offered(schema("--rules", "none.yaml"), "via") == []


def test_a_broken_rule_file_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_bytes(b"channels: {a: 'drawer://', b c: 'x', \xff")
    assert offered(schema(), "via") == []
    (tmp_path / "rules.yaml").write_bytes(b"channels: {a: 'drawer://', b c: '\xff'}\nrulez: 1\n")
    assert offered(schema(), "via") == ["a"]


def test_written_to_a_file_it_says_the_line_that_uses_it(tmp_path: Path) -> None:
    told = schema("--output", "data/rules.schema.json")
    assert (tmp_path / "data" / "rules.schema.json").read_text() == schema()
    assert told.splitlines() == [
        "data/rules.schema.json is written; begin rules.yaml with this line:",
        "# yaml-language-server: $schema=data/rules.schema.json",
    ]


def test_our_own_rule_file_says_both_the_line_and_the_command(tmp_path: Path) -> None:
    lines = (ROOT / "rules.yaml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines) if text.startswith(MODELINE))
    command = lines[line - 1].removeprefix("# coursebell ").split()
    assert CliRunner().invoke(main, command).exit_code == 0
    assert (tmp_path / lines[line].removeprefix(MODELINE)).is_file()
