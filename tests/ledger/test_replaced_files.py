"""A file that is put in the place of another one is whole, or not there at all."""

import os
from pathlib import Path

import pytest

from service.ledger.private_files import replace_private_file


def test_what_cannot_be_written_leaves_the_file_before_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "clock.json"
    replace_private_file(place, b"before")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        replace_private_file(place, b"after")

    assert [each.name for each in tmp_path.iterdir()] == ["clock.json"]
    assert place.read_bytes() == b"before"
