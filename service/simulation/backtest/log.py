"""The log as history: its rows in order, read in pages, and the moments that lie between them."""

from collections.abc import Iterator

from service.ledger.events import EventStore
from service.rules import scheduler

ROWS_PER_PAGE = 10_000
LogRow = tuple[int, str, int, str, bytes]
"""Position, stream, version, topic and state."""


class History:
    """The rows of one log up to its end as it was at the beginning; nothing is written."""

    def __init__(self, store: EventStore) -> None:
        self.ledger = store.ledger
        self.mapper = store.mapper
        self.end = self.ledger.max_notification_id()

    def pages(self) -> Iterator[list[LogRow]]:
        """Every row in order of position, a page at a time."""
        position = 0
        while position < self.end and (page := self.ledger.log(position, ROWS_PER_PAGE)):
            position = page[-1][0]
            yield page if position <= self.end else [row for row in page if row[0] <= self.end]

    def stream(self, stream: str, until: int) -> list[LogRow]:
        """The rows of one stream up to a position."""
        rows = self.ledger.reader().execute(
            "SELECT notification_id, originator_id, originator_version, topic, state "
            "FROM stored_events WHERE originator_id = ? AND notification_id <= ? "
            "ORDER BY originator_version",
            (stream, until),
        )
        return rows.fetchall()

    def has_asks(self) -> bool:
        """Whether the clock was ever asked: the log then tells when the service ran."""
        return bool(self.ledger.select_events(scheduler.CLOCK_STREAM, limit=1))
