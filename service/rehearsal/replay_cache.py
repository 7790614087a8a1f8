"""A cache that costs next to nothing while it is hit: what was not asked for lately is dropped."""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lately(Generic[K, V]):
    """What was asked for lately: at least the last `size` values, at most twice as many.

    Values stand in two generations; whoever asks for one of the older brings it to the younger.
    """

    def __init__(self, size: int) -> None:
        self.young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._size = size

    def get(self, key: K) -> V | None:
        """The value, now of the younger generation; None if it was dropped."""
        found = self.young.get(key)
        if found is None and self._old:
            found = self._old.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Keeps a value for a while."""
        if len(self.young) >= self._size:
            self._old, self.young = self.young, {}
        self.young[key] = value
