"""Count the notifications there are, by what became of them and whom they are for."""

from collections.abc import Sequence
from typing import NamedTuple

from service.ledger.views import Views
from service.rules.notification import OPEN_STATES, STATES


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
