"""The lock: one service for one data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.learners.ledger import LedgerError


@contextmanager
def sole(data: Path) -> Iterator[None]:
    """Holds the data folder for one service; raises LedgerError when another one has it."""
    path = data / "coursebell.lock"
    try:
        data.mkdir(parents=True, exist_ok=True)
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
