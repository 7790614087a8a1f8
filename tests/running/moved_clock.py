"""The wall clock of one real service, which can be moved while it runs; no other clock moves."""

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests.real_service import FreshService

SHIM = Path(__file__).with_name("wall_clock.c")


@cache
def shim() -> Path:
    """The shim, compiled once per run."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to move a clock with; to have one: apt-get install gcc libc6-dev")
    made = Path(tempfile.mkdtemp(prefix="wall-clock-")) / "wall_clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", made, SHIM], check=True)
    return made


class MovedService(FreshService):
    """A service, and commands beside it, on a machine whose wall clock `move` sets."""

    def __init__(self, folder: Path, rules: str, **environ: str) -> None:
        self._offset = folder / "offset"
        self.move(0)
        moved = {"LD_PRELOAD": str(shim()), "WALL_CLOCK_FILE": str(self._offset)}
        super().__init__(folder, rules, **moved, **environ)

    def move(self, seconds: int) -> None:
        """Put the clock so far ahead of the real one; the file is never seen empty."""
        draft = self._offset.with_suffix(".new")
        draft.write_text(str(seconds))
        draft.replace(self._offset)

    def doubt(self) -> str | None:
        """What it says of its clock."""
        checks = self.get("/readyz")["checks"]
        return next((each["detail"] for each in checks if each["name"] == "clock"), None)

    def is_sure(self) -> bool:
        return self.doubt() is None
