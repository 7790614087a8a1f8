"""Puts messages on disk as letters; a batch that could not be kept is what the store is tried with.

Nothing smaller would tell: on a full disk SQLite still takes an empty commit and a small one, into
the write-ahead log that it has (measured), and a message that is received and abandoned again and
again is a dead letter after ten times.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from service.incoming.letter import Arrival
from service.incoming.queues.service_bus_message import body_of, headers_of
from service.incoming.transport import Keep


class Batch(NamedTuple):
    """Letters to be kept, how many messages were not wanted, and what marks all of them."""

    arrivals: Sequence[Arrival]
    skipped: int
    marks: frozenset[object]


class Keeper:
    """Keeps one batch after the other; to be used by one thread at a time."""

    def __init__(
        self, source: str, wants: Callable[[bytes], bool], keep: Keep, clock: Callable[[], int]
    ) -> None:
        self._source = source
        self._wants, self._keep, self._clock = wants, keep, clock
        self._failed: Batch | None = None
        self._on_disk: frozenset[object] = frozenset()

    def keep(self, messages: Sequence[Any]) -> None:
        """Returns once they are on disk; raises what the store raises, and remembers them then."""
        batch = self._batch([m for m in messages if _mark(m) not in self._on_disk])
        try:
            self._keep(batch.arrivals, batch.skipped)
        except BaseException:
            self._failed = batch
            raise
        self._on_disk -= {_mark(m) for m in messages}

    def recover(self) -> None:
        """Keeps what failed; the messages come again, and need not be kept twice.

        Raises what the store raises; does nothing when nothing failed.
        """
        if self._failed is not None:
            self._keep(self._failed.arrivals, self._failed.skipped)
            self._on_disk |= self._failed.marks
            self._failed = None

    def _batch(self, messages: Sequence[Any]) -> Batch:
        now = self._clock()
        arrivals = [
            Arrival(self._source, now, headers_of(message), body)
            for message, body in ((message, body_of(message)) for message in messages)
            if self._wants(body)
        ]
        marks = frozenset(_mark(message) for message in messages)
        return Batch(arrivals, len(messages) - len(arrivals), marks)


def _mark(message: Any) -> object:
    """What only this message has, also when the subscription was deleted and made anew."""
    return message.sequence_number, message.enqueued_time_utc
