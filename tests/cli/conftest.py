"""Give a command's test a folder of its own."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.cli.serving import Machines
from tests.installation import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own with the shipped templates, and no settings from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for name in [name for name in os.environ if name.startswith("COURSEBELL_")]:
        monkeypatch.delenv(name)
    for name in ("real", "temporary"):
        Path(name).mkdir()
    shutil.copytree(ROOT / "templates", "templates")
    return tmp_path


@pytest.fixture
def machines(tmp_path: Path, postgres_address: str) -> Machines:
    return Machines(tmp_path, postgres_address)
