"""Define what a stored event is, and how its bytes are written and read."""

import os
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, ClassVar, NamedTuple, NewType

import msgspec
from eventsourcing.persistence import (
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
)

StreamId = NewType("StreamId", str)
"""The id of a stream as `stream_id` makes it, or as the ledger gives it back."""

Upcast = Callable[[dict[str, Any]], dict[str, Any]]


def stream_id(prefix: str, *names: str, size: int = 16) -> StreamId:
    """Make a stream's id: a prefix that tells its kind, then a hash of its names.

    Ids are stored and never change; a hash, because a log that goes to others must not tell
    a course's id, and because a stream must be found without asking anybody for its number.
    """
    return StreamId(prefix + blake2b("\x1f".join(names).encode(), digest_size=size).hexdigest())


def random_id(now: int) -> str:
    """Make a random id, 32 hex digits, in the order of `now` (milliseconds since 1970 UTC).

    Random, because nothing in the log may lead back to a person who was forgotten.
    """
    return f"{now // 1000 & 0xFFFFFFFF:08x}{os.urandom(12).hex()}"


class EventBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Say what happened; `TOPIC` is its name in the ledger for ever."""

    TOPIC: ClassVar[str] = ""

    @property
    def topic(self) -> str:
        """Give the name this event is stored under."""
        return self.TOPIC


NewEvent = tuple[str, int, EventBody]
"""One event to be appended: its stream, its version there, and what it says."""
Latest = Callable[[str], tuple[int, EventBody] | None]
"""Gives the newest event of a stream, with its version."""


class LogEvent(NamedTuple):
    """Hold one event as it stands in the log."""

    position: int
    stream: str
    version: int
    body: Any


class StreamEvent(msgspec.Struct, frozen=True):
    """Hold one event in its stream, as the library's mapper hands it out."""

    originator_id: str
    originator_version: int
    body: EventBody


class EventMapper(Mapper[str]):
    """Turn bodies to JSON and back by topic; ids stay out of the JSON.

    `upcasters` reads retired topics: old topic -> (topic of today, change of the raw object).
    A topic that is not listed is refused; nothing is ever imported by name.
    """

    def __init__(
        self,
        shapes: Iterable[Mapping[str, Any]],
        upcasters: Mapping[str, tuple[str, Upcast]] | None = None,
    ) -> None:
        super().__init__(transcoder=JSONTranscoder())
        self._encode = msgspec.json.Encoder().encode
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        for topic, shape in (pair for wing in shapes for pair in wing.items()):
            if topic in self._decoders:
                raise ValueError(f"topic {topic}: expected one shape, got two; rename one of them")
            self._decoders[topic] = msgspec.json.Decoder(shape)
        self._upcasters = dict(upcasters or {})

    @property
    def topics(self) -> frozenset[str]:
        """List every topic that can be read today."""
        return frozenset(self._decoders) | frozenset(self._upcasters)

    def encode(self, body: EventBody) -> tuple[str, bytes]:
        """Give the topic and the stored bytes."""
        return body.topic, self._encode(body)

    def decode(self, topic: str, state: bytes) -> Any:
        """Give the body; raises MapperDeserialisationError naming the topic."""
        try:
            decoder = self._decoders.get(topic)
            if decoder is not None:
                return decoder.decode(state)
            if topic in self._upcasters:
                current, upcast = self._upcasters[topic]
                raw = upcast(msgspec.json.decode(state))
                return self._decoders[current].decode(msgspec.json.encode(raw))
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
            raise MapperDeserialisationError(
                f"topic {topic!r}: expected the event's JSON, got other bytes "
                f"({type(error).__name__}: {error})"
            ) from error
        raise MapperDeserialisationError(
            f"topic {topic!r}: expected one of the {len(self.topics)} known topics; "
            "run the Coursebell version that wrote it, or a newer one"
        )

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """Encode for the library."""
        topic, state = self.encode(domain_event.body)
        return StoredEvent(
            domain_event.originator_id, domain_event.originator_version, topic, state
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Decode for the library."""
        return StreamEvent(
            str(stored_event.originator_id),
            stored_event.originator_version,
            self.decode(stored_event.topic, stored_event.state),
        )
