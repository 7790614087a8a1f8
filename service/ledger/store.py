"""Read and append event bodies: the event store, a ledger with the mapper of its events."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from service.ledger.events import EventBody, EventMapper, LogEvent, NewEvent
from service.ledger.ledger import Ledger, Row

EVENTS_PER_PAGE = 10_000


class EventStore:
    """Speak in bodies: how they are written stays between the ledger and the mapper.

    The library's own store reads one stream at a time and knows nothing of a transaction that
    others share.
    """

    def __init__(self, ledger: Ledger, mapper: EventMapper) -> None:
        self.ledger = ledger
        self.mapper = mapper

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
        stored = self.ledger.select_events(stream, limit=1)
        return self.mapper.decode(stored[0].topic, stored[0].state) if stored else None

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        """Read the newest event of a stream, with its version."""
        stored = self.ledger.select_events(stream, desc=True, limit=1)
        if not stored:
            return None
        (event,) = stored
        return event.originator_version, self.mapper.decode(event.topic, event.state)

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

    def append(self, cursor: sqlite3.Cursor, events: Iterable[NewEvent]) -> None:
        """Add events inside a transaction; raises IntegrityError if a version is taken."""
        self.ledger.append(cursor, self._rows(events))

    def append_once(self, cursor: sqlite3.Cursor, events: Iterable[NewEvent]) -> None:
        """Add events whose ids are derived from what they say: a second time changes nothing."""
        self.ledger.append_once(cursor, self._rows(events))

    def append_unless_moved(
        self,
        events: Iterable[NewEvent],
        rests_on: Mapping[str, int] = {},
        erasable: Iterable[tuple[str, str, str]] = (),
    ) -> bool:
        """Append in a transaction of its own; false, and nothing is changed, on a conflict."""
        return self.ledger.append_unless_moved(self._rows(events), rests_on, erasable)

    def append_each(self, events: Sequence[NewEvent]) -> set[str]:
        """Append all at once, or one by one if somebody moved some; return their streams."""
        if not events:
            return set()
        if self.append_unless_moved(events):
            return {stream for stream, *_ in events}
        return {event[0] for event in events if self.append_unless_moved([event])}

    def _rows(self, events: Iterable[NewEvent]) -> list[Row]:
        encode = self.mapper.encode
        return [(stream, version, *encode(body)) for stream, version, body in events]
