"""Agree on how a queue is consumed: receive, keep, and only then settle."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Protocol

from service.incoming.letter import Arrival

Keep = Callable[[Sequence[Arrival], int], object]
"""Puts arrivals on disk in one commit, and counts how many messages were skipped unkept."""


class QueueError(Exception):
    """Say why a queue cannot be read now, and what to do; never a secret."""


class QueueConsumer(Protocol):
    """Consume one queue; to be used from one thread.

    `name` is its name for logs and the list of troubles, e.g. `kafka`; `source` is whose
    letters it brings.
    """

    name: str
    source: str

    def carry(self, stopping: Event) -> int:
        """Receive, keep, settle, once; return how many messages, 0 when none came.

        Waits for messages for about a second, and opens the connection when there is none.
        Raises QueueError when the queue cannot be read, or what the store raises when it
        cannot commit; either way nothing is settled that is not on disk, and the next call
        goes on. Ends early when `stopping` is set.
        """
        ...

    def is_current(self) -> bool:
        """Tell whether everything in the queue had been kept when it was last heard of.

        False as long as it is behind or cannot be reached: silence means nothing then.
        """
        ...

    def close(self) -> None:
        """Leave the queue; what is not settled is delivered again. Twice is harmless."""
        ...
