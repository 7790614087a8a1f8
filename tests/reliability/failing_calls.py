"""System calls of a real service that fail, or end it: each write, each sync, each send."""

import errno
import mmap
import struct
from pathlib import Path

from tests.shims import compiled

SHIM = Path(__file__).with_name("failing_calls.c")
PLAN = struct.Struct("=6q")
WRITE, SYNC, SEND = 1, 2, 4
ANY = WRITE | SYNC | SEND
ACTIONS = {
    "EIO": errno.EIO,
    "ENOSPC": errno.ENOSPC,
    "EROFS": errno.EROFS,
    "kill before": -1,
    "kill after": -2,
}
FOR_EVER = 2**62


class Calls:
    """The calls of a process that has `environ`, on its sockets and on the files in `data`."""

    def __init__(self, folder: Path, data: Path) -> None:
        file = folder / "calls"
        file.write_bytes(PLAN.pack(*[0] * 6))
        with file.open("r+b") as opened:
            self._plan = mmap.mmap(opened.fileno(), PLAN.size)
        self.environ = {"CALLS_FILE": str(file), "CALLS_FOLDER": str(data)}
        self.shim = compiled(SHIM)

    def fail(self, action: str, kinds: int = ANY, at: int = 1, until: int = FOR_EVER) -> None:
        """From now on the calls of these kinds with the numbers `at` to `until` fail so."""
        self.let()
        self._plan[:] = PLAN.pack(kinds, ACTIONS[action], at, until, 0, 0)

    def let(self) -> None:
        """All goes well again; what was counted can still be asked for."""
        self._plan[8:16] = bytes(8)

    @property
    def seen(self) -> int:
        """How many calls there were since `fail`."""
        return int(PLAN.unpack(self._plan[:])[4])

    @property
    def fired(self) -> int:
        """How many of them failed."""
        return int(PLAN.unpack(self._plan[:])[5])
