"""Hold the data folder: one service at a time runs on it.

Commands that only add a little, or only look, need no lock: SQLite has its own.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from service.ledger.private_files import private_file, private_folder
from service.ledger.store import Append, LedgerError, Reached


def is_in_use(data: Path) -> bool:
    """Tell whether a service, this process's too, holds the data folder."""
    try:
        with (data / "coursebell.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def lock_data_folder(data: Path) -> Iterator[None]:
    """Hold the data folder for one service; raises LedgerError when another one has it.

    The system lets go of the lock when the process ends, however it ends (flock(2)).
    """
    path = data / "coursebell.lock"
    try:
        private_folder(data)
        private_file(path)
        file = path.open("a+")
    except OSError as error:
        raise LedgerError(
            f"{path}: expected a data folder that can be written, got {error.strerror}; "
            "set COURSEBELL_DATA to another folder"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise LedgerError(
                f"{data}: expected to be the only service on this ledger, but process "
                f"{file.read().strip() or 'unknown'} runs on it; stop that one first"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


class FolderLease:
    """Be the one process that decides: whoever holds the data folder is. There is one shard."""

    renew_every: float | None = None
    shards = 1
    changes = 0
    held: Mapping[int, Reached] = {0: Reached()}
    """A letter is taken by all shards at once, so what waits was passed by none."""

    def __init__(self, folder: Path, append: Callable[[Append], int]) -> None:
        """Take the folder, and how its holder, like everybody, writes."""
        self._folder = folder
        self.append = append

    def acquire(self, *, first: bool = False) -> bool:
        """Take it: the lock of the folder has seen to it that nobody else does."""
        return True

    def is_held(self) -> bool:
        """Tell whether a process holds the folder."""
        return is_in_use(self._folder)

    def release(self) -> None:
        """Leave it: nobody can have it while this process has the lock of the folder."""

    def lowest(self) -> Reached:
        """Say that nothing was passed which waits."""
        return Reached()

    def renew(self) -> None:
        """Hold on to it."""
