"""Define what a stored event is, how its bytes are made, and the store that speaks in bodies."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, ClassVar, NamedTuple, NewType

import msgspec
from eventsourcing.persistence import (
    IntegrityError,
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
)

from service.ledger.store import END, Append, Row, Store

EVENTS_PER_PAGE = 10_000

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


def id_beside(other: str) -> str:
    """Make a random id of the second in which another was made."""
    return other[:8] + os.urandom(12).hex()


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


class EventStore:
    """Speak in bodies: how they are written stays between the ledger and the mapper.

    The library's own store reads one stream at a time and knows nothing of a transaction that
    others share.
    """

    def __init__(self, ledger: Store, mapper: EventMapper) -> None:
        self.ledger = ledger
        self.mapper = mapper
        self.one_moment = ledger.one_moment

    def stream(self, stream: str) -> list[EventBody]:
        """Read one stream, first to last; empty when it is not there."""
        return self.streams([stream]).get(stream, [])

    def streams(self, ids: Sequence[str]) -> dict[str, list[EventBody]]:
        """Read many streams in one query, each first to last; those not there are left out."""
        decode, found = self.mapper.decode, dict[str, list[EventBody]]()
        for stream, _, topic, state in self.ledger.streams(ids):
            found.setdefault(stream, []).append(decode(topic, state))
        return found

    def first(self, stream: str) -> EventBody | None:
        """Read the first event of a stream, if it is there."""
        found = (
            self.mapper.decode(topic, state)
            for *_, topic, state in self.ledger.stream(stream, limit=1)
        )
        return next(found, None)

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        """Read the newest event of a stream, with its version."""
        for *_, version, topic, state in self.ledger.stream(stream, newest_first=True, limit=1):
            return version, self.mapper.decode(topic, state)
        return None

    def newest_first(self, stream: str) -> Iterator[Any]:
        """Read one stream, last to first, each event when it is asked for."""
        until = END
        while rows := self.ledger.stream(stream, until=until, newest_first=True, limit=1):
            ((*_, version, topic, state),) = rows
            yield self.mapper.decode(topic, state)
            until = version - 1

    def newest(self, ids: Sequence[str]) -> dict[str, int]:
        """Read the newest version of many streams, 0 for one that is not there."""
        return self.ledger.newest(ids)

    def follow(self, after: int, topics: Collection[str] = ()) -> Iterator[LogEvent]:
        """Read the log from behind a position to its end, or only what has these topics."""
        decode = self.mapper.decode
        while page := self.ledger.log(after, EVENTS_PER_PAGE, topics):
            after = page[-1][0]
            for position, stream, version, topic, state in page:
                yield LogEvent(position, stream, version, decode(topic, state))

    def append_unless_moved(
        self,
        events: Iterable[NewEvent],
        rests_on: Mapping[str, int] = {},
        erasable: Sequence[tuple[str, str, str]] = (),
        waking: bool = True,
    ) -> bool:
        """Append all of it; false, and nothing is changed, when somebody else was quicker."""
        rows = self.rows(events)
        what = Append(rows=rows, rests_on=rests_on, erasable=erasable, waking=waking)
        try:
            self.ledger.append(what)
        except IntegrityError:
            return False
        return True

    def append_each(self, events: Sequence[NewEvent]) -> set[str]:
        """Append all at once, or one by one if somebody moved some; return their streams."""
        if not events:
            return set()
        if self.append_unless_moved(events):
            return {stream for stream, *_ in events}
        return {event[0] for event in events if self.append_unless_moved([event])}

    def rows(self, events: Iterable[NewEvent]) -> list[Row]:
        """Encode events as they are stored."""
        encode = self.mapper.encode
        return [(stream, version, *encode(body)) for stream, version, body in events]
