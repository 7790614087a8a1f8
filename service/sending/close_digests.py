"""Closing: what was collected becomes one message for each reader, when its hour has come."""

import sqlite3
from collections.abc import Callable, Sequence

from eventsourcing.persistence import IntegrityError, PersistenceError

from service.learners.lookup import Lookup
from service.ledger.events import EventMapper
from service.ledger.ledger import Ledger
from service.ledger.views import Views
from service.rules.decider import Decider
from service.rules.digest_closing import ItemVerdict, MadeUp, Reader, make_up, reader_of
from service.rules.muting import STREAM as MUTING
from service.rules.muting import MutingChanged, muting_of
from service.rules.notification import HELD, Held, Notification
from service.rules.verdict import standing
from service.sending import queue
from service.sending.loader import Docket
from service.sending.planner import broken

READERS_AT_A_TIME = 100
ABOUT = ("rule", "entry", "recipient", "person")


class Closer:
    """Closes the digests whose hour has come."""

    def __init__(
        self, ledger: Ledger, mapper: EventMapper, views: Views, docket: Docket,
        lookup: Lookup, decider: Callable[[], Decider],
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._mapper = mapper
        self._views = views
        self._docket = docket
        self._lookup = lookup
        self._decider = decider

    def close(self, now: int) -> int:
        """Makes up what is due, by the views; returns how many digests were closed.

        What somebody else moved meanwhile is left for the next time.
        """
        rows = queue.items_due(self._views, now)
        if not rows:
            return 0
        self._lookup.forget()
        readers: dict[Reader, list[str]] = {}
        for row in rows:
            rule, entry, recipient, learner = (row[name] for name in ABOUT)
            reader = reader_of(rule, entry, recipient, learner, self._lookup)
            readers.setdefault(reader, []).append(row["id"])
        waiting = list(readers.items())
        starts = range(0, len(waiting), READERS_AT_A_TIME)
        return sum(self._close(waiting[s : s + READERS_AT_A_TIME], now) for s in starts)

    def _close(self, readers: Sequence[tuple[Reader, list[str]]], now: int) -> int:
        """The digests of some readers, in one transaction if nobody interferes."""
        ids = [id for _, items in readers for id in items]
        found = {n.id: n for n in self._docket.notifications(ids) if is_collected(n, now)}
        muting = muting_of(self._lookup)
        judged = self._judged(list(found.values()), muting[1], now)
        defaults, made = self._decider().rules.defaults, []
        for reader, items in readers:
            mine = [(found[id], judged[id]) for id in items if id in found]
            made.append(make_up(mine, reader, defaults, self._lookup, now))
            if any(isinstance(verdict, Held) for _, verdict in mine):
                made[-1].rests_on[MUTING] = muting[0]  # else what is unmuted now would stay held
        return self._write(made)

    def _judged(
        self, items: Sequence[Notification], muted: MutingChanged, now: int
    ) -> dict[str, ItemVerdict]:
        subjects, decider = self._docket.subjects(items), self._decider()
        judged: dict[str, ItemVerdict] = {}
        for item in items:
            try:
                judged[item.id] = standing(
                    item, subjects[item.id], decider, self._lookup, now, muted
                )
            except (sqlite3.Error, PersistenceError):
                raise
            except Exception as error:  # what breaks the program must not hold up the others
                judged[item.id] = broken(item, error, now)
        return judged

    def _write(self, made: Sequence[MadeUp]) -> int:
        encode = self._mapper.encode
        rows = [(stream, v, *encode(body)) for each in made for stream, v, body in each.rows]
        rests_on = {stream: v for each in made for stream, v in each.rests_on.items()}
        try:
            with self._ledger.transaction() as cursor:
                self._docket.insist(rests_on)
                self._ledger.append(cursor, rows)
        except IntegrityError:
            return sum(self._write([each]) for each in made) if len(made) > 1 else 0
        return sum(each.digests for each in made)


def is_collected(item: Notification, now: int) -> bool:
    """Whether the log itself says that it waits for a digest that may close now."""
    return item.owed.digest and item.is_open and item.state != HELD and item.due_at <= now
