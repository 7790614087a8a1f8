"""Let the library's tools work on any store: its recorder, in the store's words."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    StoredEvent,
    Subscription,
)

from service.ledger.store import END, Append, Store


class LibraryRecorder(ApplicationRecorder):
    """Read and append as the library does, one transaction each time.

    Its own recorders are not used: on SQLite the pool leaks its writer lock and begins deferred
    transactions, on PostgreSQL every append locks the table (measured).
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Append events; return the positions given."""
        rows = [
            (str(e.originator_id), e.originator_version, e.topic, e.state) for e in stored_events
        ]
        last = self._store.append(Append(rows=rows))
        return range(last + 1 - len(rows), last + 1)

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Read one stream, in order of version."""
        rows = self._store.stream(
            str(originator_id),
            after=gt or 0,
            until=END if lte is None else lte,
            newest_first=desc,
            limit=END if limit is None else limit,
        )
        return [StoredEvent(*row[1:]) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Read a page of the whole log, in order of position."""
        after = (start or 0) - (inclusive_of_start and start is not None)
        rows = self._store.log(after, limit, topics, until=END if stop is None else stop)
        return [
            Notification(stream, version, topic=topic, state=state, id=position)
            for position, stream, version, topic, state in rows
        ]

    def max_notification_id(self) -> int:
        """Read the position of the newest event; 0 for an empty log."""
        return self._store.end()

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Refuse: followers page through `log` and wait on `committed`."""
        raise NotImplementedError("the ledger has no subscriptions; follow it with log()")
