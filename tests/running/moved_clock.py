"""The wall clock of one real service, which can be moved while it runs; no other clock moves."""

from pathlib import Path

from tests.real_service import RealService
from tests.shims import compiled

SHIM = Path(__file__).with_name("wall_clock.c")


class MovedService(RealService):
    """A service, and commands beside it, on a machine whose wall clock `move` sets."""

    def __init__(self, folder: Path, rules: str, **environ: str) -> None:
        self._offset = folder / "offset"
        self.move(0)
        moved = {"LD_PRELOAD": str(compiled(SHIM)), "WALL_CLOCK_FILE": str(self._offset)}
        super().__init__(folder, rules, **moved, **environ)

    def move(self, seconds: int) -> None:
        """Put the clock so far ahead of the real one; the file is never seen empty."""
        draft = self._offset.with_suffix(".new")
        draft.write_text(str(seconds))
        draft.replace(self._offset)

    def doubt(self) -> str | None:
        """What it says of its clock."""
        found = self.check("clock")
        return found and found["detail"]

    def is_sure(self) -> bool:
        return self.doubt() is None
