"""Positions: both parsers give the same places, so messages do not depend on the machine."""

from pathlib import Path

import pytest
import yaml

from service.rules.language import yaml_reader

RULES = Path(__file__).parents[3] / "rules.yaml"


@pytest.mark.parametrize(
    "text", [RULES.read_text(), "a:\n  - é𝄞: {b: , c: ''}\n  -\n  - |\n    x\n"]
)
def test_the_quick_parser_agrees_with_the_plain_one(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = yaml_reader.read_document(text)
    monkeypatch.setattr(yaml_reader, "_QUICK", yaml.SafeLoader)
    assert yaml_reader.read_document(text) == quick
    assert quick.data is not None
