"""Count the notifications there are, by what became of them and whom they are for."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from service.ledger.events import EVENTS_PER_PAGE, EventStore
from service.ledger.store import Store
from service.ledger.views import Views
from service.rules.notification import NOT_TRIED, OPEN_STATES, STATES, AttemptEnded, Owed
from service.sending.queue import BY_ITSELF, MAY_LEAVE


class WaitingForAddresses(NamedTuple):
    """Count what waits for an address, and say since when the oldest is owed (ms UTC)."""

    messages: int
    since: int


def waiting_by_account(views: Views) -> dict[tuple[str, str], WaitingForAddresses]:
    """Count what waits for an address, by source and account."""
    rows = views.reader().execute(
        "SELECT source, account, COUNT(*), MIN(decided_at) FROM notifications "
        "WHERE state = 'waiting_address' GROUP BY source, account"
    )
    return {(row[0], row[1]): WaitingForAddresses(row[2], row[3]) for row in rows}


def count_open_for(views: Views, persons: Sequence[str]) -> int:
    """Count the open notifications about somebody, or to them, by whichever person id."""
    names = ",".join("?" * len(persons))
    query = (
        f"SELECT COUNT(*) FROM notifications WHERE state IN ({','.join('?' * len(OPEN_STATES))}) "
        f"AND (person IN ({names}) OR recipient IN ({names}))"
    )
    rows = views.reader().execute(query, (*OPEN_STATES, *persons, *persons))
    return int(rows.fetchone()[0])


def census(views: Views) -> tuple[int, dict[str, int]]:
    """Count each state, and tell how far the views have followed the log, of one moment."""
    rows = views.reader().execute(
        "SELECT NULL, position FROM following UNION ALL "
        "SELECT state, COUNT(*) FROM notifications GROUP BY state"
    )
    found = dict(rows.fetchall())
    position: int = found.pop(None)
    return position, dict.fromkeys(STATES, 0) | found


def count_by_state(views: Views) -> dict[str, int]:
    """Count notifications by state and reason, as `sent` or `expired (…)`, the most first."""
    query = (
        "SELECT state || ifnull(' (' || reason || ')', ''), COUNT(*) FROM notifications "
        "GROUP BY state, reason ORDER BY 2 DESC, 1"
    )
    return dict(views.reader().execute(query).fetchall())


def count_put_off(views: Views, now: int) -> Counter[str]:
    """Count by channel what waits for a moment of its own and was not tried yet."""
    rows = views.reader().execute(
        f"SELECT channel, COUNT(*) FROM notifications WHERE {MAY_LEAVE} AND {BY_ITSELF} "
        "AND due_at > ? AND first_due_at IS NULL GROUP BY channel",
        (now,),
    )
    return Counter(dict(rows.fetchall()))


NAMED_AT_ONCE = 500


class OutcomeCounter:
    """Count what tries came to, by channel, in the log from where it ended when this was made."""

    def __init__(self, store: EventStore, views: Views) -> None:
        self._store = store
        self._views = views
        self._position = store.ledger.end()

    def fresh(self) -> defaultdict[str, Counter[str]]:
        """Count those that came since the last time; a page of the log at a time."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        end = self._store.ledger.end()
        news = self._store.follow(self._position, [AttemptEnded.TOPIC])
        while page := list(islice(news, NAMED_AT_ONCE)):
            names = self._channels([event.stream for event in page])
            for event in page:
                if event.body.outcome != NOT_TRIED and event.stream in names:
                    found[names[event.stream]][event.body.outcome] += 1
            end = max(end, page[-1].position)
        self._position = end
        return found

    def _channels(self, ids: Sequence[str]) -> dict[str, str]:
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, channel FROM notifications WHERE id IN ({marks})"
        return dict(self._views.reader().execute(query, ids).fetchall())


class MatchCounter:
    """Count how often each rule matched, by the log, on from the last position."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        self._position = 0
        self._count = 0

    def up_to(self, position: int) -> int:
        """Count the matches up to a position, which never goes back."""
        while self._position < position:
            page = self._ledger.log(self._position, EVENTS_PER_PAGE, [Owed.TOPIC], until=position)
            self._count += len(page)
            self._position = page[-1][0] if len(page) == EVENTS_PER_PAGE else position
        return self._count
