"""Keep the values that were asked for most recently."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

ENTRIES_KEPT = 50_000


class Remembered(Generic[K, V]):
    """The most recently used values, at most `size` of them."""

    def __init__(self, size: int = ENTRIES_KEPT) -> None:
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._size = size

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def get(self, key: K) -> V | None:
        """The value, now the most recently used; None if it is not remembered."""
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Remembers a value and forgets the least recently used beyond the size."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forgets one value, if it is remembered."""
        self._kept.pop(key, None)

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
