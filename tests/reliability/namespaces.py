"""Machines of their own on one: network namespaces, a cable between each two that can be cut.

A thread that is `inside` of one opens its sockets and begins its processes there (setns(2)).
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Self

CLONE_NEWNET = 0x40000000
OWN = Path("/proc/thread-self/ns/net")
NAMED = Path("/run/netns")


class Namespaces:
    """One for each name; `address(one, other)` is where `one` is seen by `other`."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._cables = {frozenset(pair): n for n, pair in enumerate(combinations(names, 2), 1)}

    def __enter__(self) -> Self:
        try:
            for name in self._names:
                ip("netns", "add", self._full(name))
                ip("-n", self._full(name), "link", "set", "lo", "up")
            for one, other in map(sorted, self._cables):
                self._lay(one, other)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            with suppress(subprocess.CalledProcessError):
                ip("netns", "del", self._full(name))

    def _full(self, name: str) -> str:
        return f"{name}-{os.getpid()}"

    def _lay(self, one: str, other: str) -> None:
        ends = f"to-{other}", f"to-{one}"
        ip("-n", self._full(one), "link", "add", ends[0], "type", "veth",
           "peer", "name", ends[1], "netns", self._full(other))  # fmt: skip
        for name, end, to in ((one, ends[0], other), (other, ends[1], one)):
            place = f"{self.address(name, to)}/30"
            ip("-n", self._full(name), "addr", "add", place, "dev", end)
            ip("-n", self._full(name), "link", "set", end, "up")

    def address(self, one: str, other: str) -> str:
        """Where `one` is seen by `other`."""
        return f"10.77.{self._cables[frozenset((one, other))]}.{1 + (one > other)}"

    @contextmanager
    def cut(self, *pairs: Sequence[str]) -> Iterator[None]:
        """No packet passes between these; nobody is told."""
        self._set(pairs, "down")
        try:
            yield
        finally:
            self._set(pairs, "up")

    def _set(self, pairs: Sequence[Sequence[str]], state: str) -> None:
        for one, other in pairs:
            ip("-n", self._full(one), "link", "set", f"to-{other}", state)

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """What this thread begins is in that namespace."""
        before = os.open(OWN, os.O_RDONLY)
        there = os.open(NAMED / self._full(name), os.O_RDONLY)
        enter(there)
        try:
            yield
        finally:
            enter(before)
            os.close(there)
            os.close(before)


def enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@cache
def why_no_namespaces() -> str | None:
    """Why there can be none here; None when there can."""
    if os.geteuid() != 0:
        return "cutting the network between servers needs root, for namespaces of their own"
    if not shutil.which("ip"):
        return "cutting the network between servers needs `ip`: apt-get install iproute2"
    try:
        with Namespaces("one", "two") as tried, tried.inside("one"):
            pass
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespaces can be made here: {error}"
    return None
