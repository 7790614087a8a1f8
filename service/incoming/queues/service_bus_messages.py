"""Put messages on disk as letters; a batch that failed is what the store is tried with.

Nothing smaller would tell: on a full disk SQLite still takes an empty commit and a small one, into
the write-ahead log that it has (measured), and a message that is received and abandoned again and
again is a dead letter after ten times.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from service.incoming.letter import Arrival
from service.incoming.queues.consumer import Keep

LONGEST_HEADER = 200
RENEW_SECONDS = (0.5, 10.0)


def body_of(message: Any) -> bytes:
    """Join DATA sections; take a text or binary VALUE as it is, all else as JSON.

    `message` is the SDK's; it gives AMQP's strings as UTF-8 bytes, wherever they stand.
    """
    if message.body_type.name == "DATA":
        return b"".join(filter(None, message.body))
    if message.body_type.name == "SEQUENCE":
        return as_json([item for section in message.body for item in section])
    if message.body is None:
        return b""
    return bytes(message.body) if isinstance(message.body, bytes) else as_json(message.body)


def headers_of(message: Any) -> dict[str, str]:
    """Give the message's own id, its place in the subscription, and when the service took it in."""
    enqueued = message.enqueued_time_utc
    found = {
        "message-id": message.message_id,
        "sequence-number": message.sequence_number,
        "enqueued-at": None if enqueued is None else enqueued.isoformat(),
    }
    return {name: _header(value) for name, value in found.items() if value is not None}


def _header(value: object) -> str:
    return str(value)[:LONGEST_HEADER].encode("utf-8", "replace").decode()


def until_renewal(message: Any, now: int) -> float:
    """Give half of what is left of a lock at `now` (ms UTC), in seconds.

    With limits, for the service's clock may disagree with ours.
    """
    soonest, latest = RENEW_SECONDS
    if message.locked_until_utc is None:
        return latest
    left: float = message.locked_until_utc.timestamp() - now / 1000
    return min(max(left / 2, soonest), latest)


def as_json(value: object) -> bytes:
    """Write any value that AMQP has as JSON; what cannot be is kept as Python writes it."""
    try:
        return msgspec.json.encode(_plain(value))
    except (RecursionError, UnicodeEncodeError, msgspec.MsgspecError):
        return repr(value).encode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    """Turn AMQP's types into JSON's; those that JSON has no word for (ids, decimals) into text."""
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, bool | int | float | None) else str(value)


class MessageBatch(NamedTuple):
    """Hold letters to be kept, how many messages were not wanted, and what marks all."""

    arrivals: Sequence[Arrival]
    skipped: int
    marks: frozenset[object]


class MessageKeeper:
    """Keep one batch after the other; to be used by one thread at a time."""

    def __init__(
        self, source: str, wants: Callable[[bytes], bool], keep: Keep, clock: Callable[[], int]
    ) -> None:
        self._source = source
        self._wants, self._keep, self._clock = wants, keep, clock
        self._failed: MessageBatch | None = None
        self._on_disk: frozenset[object] = frozenset()

    def keep(self, messages: Sequence[Any]) -> None:
        """Return once they are on disk; raises what the store raises, and remembers them then."""
        batch = self._batch([m for m in messages if _mark(m) not in self._on_disk])
        try:
            self._keep(batch.arrivals, batch.skipped)
        except BaseException:
            self._failed = batch
            raise
        self._on_disk -= {_mark(m) for m in messages}

    def recover(self) -> None:
        """Keep what failed; the messages come again, and need not be kept twice.

        Raises what the store raises; does nothing when nothing failed.
        """
        if self._failed is not None:
            self._keep(self._failed.arrivals, self._failed.skipped)
            self._on_disk |= self._failed.marks
            self._failed = None

    def _batch(self, messages: Sequence[Any]) -> MessageBatch:
        now = self._clock()
        arrivals = [
            Arrival(self._source, now, headers_of(message), body)
            for message, body in ((message, body_of(message)) for message in messages)
            if self._wants(body)
        ]
        marks = frozenset(_mark(message) for message in messages)
        return MessageBatch(arrivals, len(messages) - len(arrivals), marks)


def _mark(message: Any) -> object:
    """Tell a message from all others, also when the subscription was deleted and made anew."""
    return message.sequence_number, message.enqueued_time_utc
