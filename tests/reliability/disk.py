"""A disk whose power can be cut: ext4 in a file, shut down without a flush (needs root)."""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Self

SHUTDOWN = 0x8004587D
NO_FLUSH = 2
BYTES = 256 * 1024 * 1024
"""Two write-ahead logs of 63 MiB, and room for what a long round brings."""


class Disk:
    """Mounted at `folder` while in use; what was not synced when the power goes is lost."""

    def __init__(self, place: Path) -> None:
        self._image = place / "disk.img"
        self.folder = place / "disk"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        with self._image.open("wb") as file:
            file.truncate(BYTES)
        run("mkfs.ext4", "-q", "-F", str(self._image))
        self.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it, also while somebody who is just dying has a file open."""
        run("umount", "--lazy", str(self.folder))

    def power_on(self) -> None:
        run("mount", "-o", "loop", str(self._image), str(self.folder))

    def cut_the_power(self) -> None:
        """Nothing reaches the disk from here on, not even what waits in memory."""
        folder = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", NO_FLUSH))
        os.close(folder)

    def fill(self, filler: Path) -> None:
        """Leave not a byte, until `filler` is deleted."""
        size = BYTES
        with filler.open("wb") as file:
            while size >= 512:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                except OSError:
                    size //= 2

    def eject(self) -> None:
        """Once nobody has a file open on it."""
        run("umount", str(self.folder))


@cache
def why_no_disk() -> str | None:
    """Why there can be no such disk here; None when there can."""
    if os.geteuid() != 0:
        return "cutting the power of a disk needs root, to mount one"
    if not shutil.which("mkfs.ext4"):
        return "cutting the power of a disk needs mkfs.ext4"
    try:
        with tempfile.TemporaryDirectory() as place, Disk(Path(place)) as disk:
            disk.cut_the_power()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no disk can be mounted and shut down here: {error}"
    return None


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
