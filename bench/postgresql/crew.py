"""Processes beside this one that do a job each, told and asked by pipes."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

SPAWN = multiprocessing.get_context("spawn")
READY = "ready"
SECONDS = 60.0


class Member:
    """One of them."""

    def __init__(self, job: Callable[..., None], *about: Any) -> None:
        """Start it; a job is given its pipe first, and says READY."""
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=job, args=(theirs, *about), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pipe(self) -> Connection:
        """Where it is told something, and says something."""
        return self._pipe

    @property
    def pid(self) -> str:
        """The number of its process, as digits."""
        return str(self._process.pid)

    def heard(self) -> Any:
        """What it says next; raises TimeoutError when it says nothing."""
        if not self._pipe.poll(SECONDS):
            raise TimeoutError("a process of the bench says nothing")
        return self._pipe.recv()

    def kill(self) -> None:
        """End it by SIGKILL, in whatever it is doing. Twice is harmless."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """End it and let go of its pipe."""
        self.kill()
        self._pipe.close()


@contextmanager
def crew(job: Callable[..., None], each: Sequence[tuple[Any, ...]]) -> Iterator[list[Member]]:
    """As many as there are in `each`, when all of them are ready."""
    members = [Member(job, *about) for about in each]
    try:
        for member in members:
            assert member.heard() == READY
        yield members
    finally:
        for member in members:
            member.close()
