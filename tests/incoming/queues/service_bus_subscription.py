"""A subscription as Service Bus keeps it: locks that run out, deliveries counted, dead letters."""

import heapq
import time
import uuid
from dataclasses import dataclass, field


@dataclass(order=True)
class Entry:
    """A message; `body` are its AMQP body sections, `deliveries` how many of them failed."""

    number: int
    body: bytes = field(compare=False)
    id: object = field(compare=False, default=None)
    deliveries: int = field(compare=False, default=0)
    locked_until: float = field(compare=False, default=0.0)
    enqueued_at: float = field(compare=False, default_factory=time.time)


class Subscription:
    """Messages of one subscription; `history` says in order what became of each, by number.

    Times are seconds since 1970. To be used from one thread.
    """

    def __init__(self, lock_seconds: float = 30.0, max_deliveries: int = 10) -> None:
        self.lock_seconds = lock_seconds
        self.max_deliveries = max_deliveries
        self.ready: list[Entry] = []
        self.locked: dict[uuid.UUID, Entry] = {}
        self.dead: list[Entry] = []
        self.history: list[tuple[str, int]] = []
        self._last = 0

    def put(self, body: bytes, id: object = None) -> int:
        """Takes a message in; returns its sequence number."""
        self._last += 1
        heapq.heappush(self.ready, Entry(self._last, body, id))
        return self._last

    def deliver(self) -> tuple[uuid.UUID, Entry] | None:
        """Locks the first message that is ready for one receiver."""
        if not self.ready:
            return None
        entry, token = heapq.heappop(self.ready), uuid.uuid4()
        entry.locked_until = time.time() + self.lock_seconds
        self.locked[token] = entry
        self.history.append(("delivered", entry.number))
        return token, entry

    def hand_over(self) -> Entry | None:
        """The first message, gone at once: what RECEIVE_AND_DELETE asks for."""
        return heapq.heappop(self.ready) if self.ready else None

    def settle(self, token: uuid.UUID, how: str) -> bool:
        """`completed`, `abandoned`, `released` or `rejected`; false when the lock is lost."""
        entry = self.locked.pop(token, None)
        if entry is None:
            return False
        self.history.append((how, entry.number))
        if how == "rejected":
            self.dead.append(entry)
        elif how != "completed":
            self._back(entry, failed=how == "abandoned")
        return True

    def renew(self, token: uuid.UUID) -> float | None:
        """Until when the message is locked now; None when the lock is lost."""
        entry = self.locked.get(token)
        if entry is None:
            return None
        entry.locked_until = time.time() + self.lock_seconds
        self.history.append(("renewed", entry.number))
        return entry.locked_until

    def expire(self, token: uuid.UUID) -> None:
        """The lock is lost, as when its time is over or the service moved the queue."""
        entry = self.locked.pop(token)
        self.history.append(("expired", entry.number))
        self._back(entry, failed=True)

    def expire_due(self) -> None:
        """Ends the locks whose time is over."""
        now = time.time()
        for token in [t for t, entry in self.locked.items() if entry.locked_until <= now]:
            self.expire(token)

    def browse(self, first: int, count: int) -> list[Entry]:
        """What peeking shows: messages from a number on, ready or locked."""
        found = sorted(e for e in (*self.ready, *self.locked.values()) if e.number >= first)
        return found[:count]

    def times(self, what: str, number: int | None = None) -> int:
        """How often this happened, to one message or to all of them."""
        return sum(w == what and number in (None, n) for w, n in self.history)

    def _back(self, entry: Entry, *, failed: bool) -> None:
        entry.deliveries += failed
        if entry.deliveries >= self.max_deliveries:
            self.dead.append(entry)
        else:
            heapq.heappush(self.ready, entry)
