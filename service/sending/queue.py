"""Project notifications into the send queue, one row each, and query the queue."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlite_utils import Database

from service.ledger.events import LogEvent
from service.ledger.sql import Cursor
from service.ledger.views import Views
from service.rules import notification
from service.rules.notification import (
    HELD,
    NOT_TRIED,
    OPEN_STATES,
    OWED,
    SCHEDULED,
    AddressFound,
    AttemptEnded,
    AttemptStarted,
    Deferred,
    Ended,
    Held,
    Owed,
    Redriven,
    RuleReturned,
    WaitingForAddress,
    first_reason,
    first_state,
)
from service.rules.readers.choices import ChoicesMade
from service.rules.rule import Rule

COPIED = (
    *("rule", "entry", "mode", "template", "channel", "recipient", "trigger", "subject"),
    *("source", "account", "course", "kind", "instance", "person"),
    *("decided_at", "due_at", "collapse", "bundle", "digest"),
)
COLUMNS = ("id", "state", "reason", *COPIED)
copied = attrgetter(*COPIED)
INSERT = (
    f"INSERT INTO notifications ({', '.join(COLUMNS)}, attempts) "
    f"VALUES ({', '.join('?' * len(COLUMNS))}, 0) ON CONFLICT (id) DO UPDATE SET "
    "state = excluded.state, due_at = excluded.due_at, attempts = 0, claimed_until = NULL, "
    "reason = excluded.reason, ended_at = NULL, first_due_at = NULL"
)
STATE = "UPDATE notifications SET state = ?, due_at = ifnull(?, due_at), ended_at = ?, reason = ?"
BY_ITSELF = "digest = 0"
MAY_LEAVE = "state IN ('owed', 'scheduled', 'waiting_address')"
"""Written the same everywhere: SQLite uses a partial index only for its very own condition."""
FOR_TITLE = "reason = 'title'"
PUT_OFF_BY_WISH = "state = 'scheduled' AND reader IS NOT NULL"
WAITS = "state IN ('owed', 'scheduled')"
COLLECTED = f"digest = 1 AND {MAY_LEAVE}"
SETTLED = f"{STATE}, claimed_until = NULL, first_due_at = NULL WHERE id = ?"
PUT_OFF = (
    f"{STATE}, bundle = ifnull(?, bundle), reader = ?, claimed_until = NULL, "
    "first_due_at = NULL WHERE id = ?"
)
CLAIMED = "UPDATE notifications SET claimed_until = ? WHERE id = ?"
ATTEMPTED = (
    f"{STATE}, claimed_until = NULL, first_due_at = ifnull(first_due_at, due_at), "
    "attempts = attempts + ? WHERE id = ? AND state <> 'sent'"
)
FRESH = f"{STATE}, claimed_until = NULL, attempts = 0, first_due_at = NULL WHERE id = ?"

CHOSE = (
    "INSERT INTO choices (id, position) VALUES (?, ?) "
    "ON CONFLICT (id) DO UPDATE SET position = excluded.position"
)

Write = tuple[str, Callable[[LogEvent], tuple[Any, ...]]]


def _owed(event: LogEvent) -> tuple[Any, ...]:
    body: Owed = event.body
    return event.stream, first_state(body), first_reason(body), *copied(body)


def _attempted(event: LogEvent) -> tuple[Any, ...]:
    body: AttemptEnded = event.body
    ended = None if body.then in OPEN_STATES else body.at
    reason = None if body.then == "sent" else f"{body.outcome} {body.code or ''}".strip()
    tried = body.outcome != NOT_TRIED
    return body.then, body.next_at, ended, reason, tried, event.stream


WRITES: Mapping[type, Write] = {
    Owed: (INSERT, _owed),
    AttemptStarted: (CLAIMED, lambda e: (e.body.until, e.stream)),
    AttemptEnded: (ATTEMPTED, _attempted),
    WaitingForAddress: (
        SETTLED,
        lambda e: ("waiting_address", e.body.until, None, "no address", e.stream),
    ),
    Deferred: (
        PUT_OFF,
        lambda e: (
            *(SCHEDULED, e.body.until, None, e.body.reason),
            *(e.body.bundle, e.body.reader, e.stream),
        ),
    ),
    Held: (SETTLED, lambda e: (HELD, None, None, e.body.reason, e.stream)),
    AddressFound: (SETTLED, lambda e: (OWED, e.body.at, None, None, e.stream)),
    RuleReturned: (SETTLED, lambda e: (OWED, e.body.at, None, None, e.stream)),
    Ended: (SETTLED, lambda e: (e.body.state, None, e.body.at, e.body.reason, e.stream)),
    Redriven: (FRESH, lambda e: (OWED, e.body.at, None, None, e.stream)),
    ChoicesMade: (CHOSE, lambda e: (e.stream, e.position)),
}


class SendQueue:
    """Project the streams of notifications into the table `notifications`, and who chose when.

    `reader`: who was to read what may leave sooner than it was put off to. `first_due_at`: when it
    was due before it was tried again later; NULL while it was not.
    """

    name = "queue"
    version = 6
    topics = frozenset((*notification.SHAPES, ChoicesMade.TOPIC))

    def create(self, database: Database) -> None:
        """Make the table; only what may leave by itself stands in the index of what is due."""
        numbers = {"decided_at": int, "due_at": int, "digest": int}
        text = {name: str for name in COLUMNS if name not in numbers}
        database.create_table(
            "notifications",
            {
                **text,
                **numbers,
                "attempts": int,
                "claimed_until": int,
                "ended_at": int,
                "first_due_at": int,
                "reader": str,
            },
            pk="id",
        )
        table = database.table("notifications")
        table.create_index(["state", "id"])
        database.execute(
            "CREATE INDEX notifications_due ON notifications (channel, due_at) "
            f"WHERE {MAY_LEAVE} AND {BY_ITSELF}"
        )
        database.execute(
            f"CREATE INDEX notifications_items ON notifications (due_at) WHERE {COLLECTED}"
        )
        database.execute(
            f"CREATE INDEX notifications_titles ON notifications (id) WHERE {FOR_TITLE}"
        )
        table.create_index(["rule", "decided_at"])
        database.execute(
            "CREATE INDEX notifications_collapse ON notifications (collapse) "
            "WHERE collapse IS NOT NULL"
        )
        database.execute(
            f"CREATE INDEX notifications_put_off ON notifications (reader) WHERE {PUT_OFF_BY_WISH}"
        )
        positions = {"id": str, "position": int}
        database.create_table("choices", positions, pk="id").create_index(["position"])
        database.execute(
            "CREATE INDEX notifications_bundle ON notifications (bundle) "
            f"WHERE bundle IS NOT NULL AND {WAITS}"
        )

    def project(self, connection: Cursor, events: Sequence[LogEvent]) -> None:
        """Write runs of one kind of event together, in the order of the log."""
        for kind, run in groupby(events, key=lambda event: type(event.body)):
            statement, values = WRITES[kind]
            connection.executemany(statement, [values(event) for event in run])


def _ids(views: Views, where: str, values: Sequence[Any] | dict[str, Any]) -> list[str]:
    query = f"SELECT id FROM notifications WHERE {where}"
    return [row[0] for row in views.reader().execute(query, values)]


def due(views: Views, channel: str, now: int, limit: int) -> list[str]:
    """List the ids of what may leave by a channel now and is not claimed, longest due first."""
    where = (
        f"channel = ? AND due_at <= ? AND {MAY_LEAVE} AND {BY_ITSELF} "
        "AND ifnull(claimed_until, 0) <= ? ORDER BY due_at, rowid LIMIT ?"
    )
    return _ids(views, where, (channel, now, now, limit))


def next_due(views: Views, channel: str) -> int | None:
    """Tell when something by this channel is due next; what is in hand is left out."""
    rows = views.reader().execute(
        f"SELECT due_at FROM notifications WHERE channel = ? AND {MAY_LEAVE} AND {BY_ITSELF} "
        "AND claimed_until IS NULL ORDER BY due_at LIMIT 1",
        (channel,),
    )
    found = rows.fetchone()
    return None if found is None else int(found[0])


def put_off(views: Views, now: int) -> list[str]:
    """List the ids of what may leave after a moment, by itself or in a digest."""
    return _ids(views, f"{MAY_LEAVE} AND due_at > ? AND claimed_until IS NULL", (now,))


def put_off_by_wish(views: Views, now: int, readers: Collection[str] | None = None) -> list[str]:
    """List the ids of what its reader or a rule has put off, of these readers or of all."""
    whose = "" if readers is None else "reader IN (SELECT value FROM json_each(:readers)) AND"
    where = f"{PUT_OFF_BY_WISH} AND {whose} due_at > :now ORDER BY due_at"
    return _ids(views, where, {"now": now, "readers": json.dumps(list(readers or ()))})


def chose_after(views: Views, position: int) -> dict[str, int]:
    """List the streams of who chose anew after a position in the log, with where they did."""
    query = "SELECT id, position FROM choices WHERE position > ?"
    return dict(views.reader().execute(query, (position,)).fetchall())


def overdue(views: Views, now: int) -> dict[str, tuple[int, int]]:
    """Count by channel what is due and has not left, and say since when the oldest is due."""
    rows = views.reader().execute(
        "SELECT channel, COUNT(*), MIN(ifnull(first_due_at, due_at)) FROM notifications "
        f"WHERE state IN (?, ?) AND {BY_ITSELF} AND ifnull(first_due_at, due_at) <= ? "
        "GROUP BY channel",
        (OWED, SCHEDULED, now),
    )
    return {channel: (count, since) for channel, count, since in rows}


def waiting_for_news(views: Views, after: str, limit: int) -> list[str]:
    """List the ids of what waits for an address or a title, a page at a time."""
    each = (
        f"SELECT id FROM (SELECT id FROM notifications WHERE {waits} AND id > :after "
        "ORDER BY id LIMIT :limit)"
        for waits in ("state = 'waiting_address'", FOR_TITLE)
    )
    where = f"id IN ({' UNION ALL '.join(each)}) ORDER BY id LIMIT :limit"
    return _ids(views, where, {"after": after, "limit": limit})


def learners_waited_for(views: Views) -> list[str]:
    """List the learners (person ids) of what waits for an address."""
    query = "SELECT DISTINCT person FROM notifications WHERE state = 'waiting_address'"
    return [person for (person,) in views.reader().execute(query) if person]


def removed(views: Views, channels: Collection[str], rules: Collection[str]) -> Iterator[str]:
    """List the ids of what is open by another channel, or because of another rule, than these."""
    rows = views.reader().execute(
        "SELECT id, channel, rule FROM notifications WHERE state IN (?, ?, ?, ?)", OPEN_STATES
    )
    return (id for id, channel, rule in rows if channel not in channels or rule not in rules)


class CollectedItem(NamedTuple):
    """Hold a notification that waits for a digest: by which rule and entry, and for whom."""

    id: str
    rule: str
    entry: str
    recipient: str
    person: str | None


def items_due(views: Views, now: int) -> list[CollectedItem]:
    """List what is collected for digests of which one may close now."""
    query = f"SELECT {', '.join(CollectedItem._fields)} FROM notifications WHERE {COLLECTED}"
    rows = views.reader().execute(f"{query} AND due_at <= ? ORDER BY due_at, id", (now,))
    return [CollectedItem(*row) for row in rows]


def next_due_after(views: Views, now: int) -> int | None:
    """Tell when something may leave next after a moment, by any channel or in a digest."""
    query = f"SELECT MIN(due_at) FROM notifications WHERE {MAY_LEAVE} AND due_at > ?"
    due: int | None = views.reader().execute(query, (now,)).fetchone()[0]
    return due


def next_decided(views: Views, rule: str, after: int) -> int | None:
    """Tell when a rule decided next after a moment."""
    query = "SELECT MIN(decided_at) FROM notifications WHERE rule = ? AND decided_at > ?"
    at: int | None = views.reader().execute(query, (rule, after)).fetchone()[0]
    return at


def decided(views: Views, rule: Rule, after: int, until: int, limit: int) -> list[str]:
    """List the ids of what a rule owed first of all, by when it was decided.

    Neither digests nor later steps of an escalation are among them; all that were decided
    together with the last are.
    """
    first = (
        "rule = :rule AND mode = :mode AND decided_at > :after AND decided_at <= :until "
        "AND trigger <> 'digest' AND entry NOT LIKE '%,after=%'"
    )
    return _ids(
        views,
        f"{first} AND decided_at <= ifnull((SELECT decided_at FROM notifications WHERE {first} "
        "ORDER BY decided_at LIMIT 1 OFFSET :last), :until) ORDER BY decided_at, id",
        {"rule": rule.id, "mode": rule.mode, "after": after, "until": until, "last": limit - 1},
    )


def claimed(views: Views) -> list[str]:
    """List the ids of what has an open attempt."""
    return _ids(views, "claimed_until IS NOT NULL", ())


def together(views: Views, company: str) -> list[str]:
    """List the ids of what waits and may become one message: of a bundle, or what collapses."""
    bundled = f"(bundle IS NOT NULL AND bundle = ? AND {WAITS})"
    collapsed = f"(collapse = ? AND bundle IS NULL AND {WAITS})"
    return _ids(views, f"{bundled} OR {collapsed} ORDER BY decided_at", (company, company))


def latest(views: Views, state: str | None, rule: str | None, limit: int) -> list[dict[str, Any]]:
    """List notifications as rows, the latest decided first; a negative limit means all."""
    return list(
        views.reader()["notifications"].rows_where(
            "(:state IS NULL OR state = :state) AND (:rule IS NULL OR rule = :rule)",
            {"state": state, "rule": rule},
            order_by="decided_at DESC, id",
            limit=limit,
        )
    )


def because(views: Views, state: str, reason: str, rule: str | None = None) -> list[str]:
    """List the ids of what is in a state for a reason, of one rule or all."""
    where = "state = :state AND reason = :reason AND (:rule IS NULL OR rule = :rule) ORDER BY id"
    return _ids(views, where, {"state": state, "reason": reason, "rule": rule})


def page(
    views: Views, state: str | None, rule: str | None, limit: int, before: str | None
) -> list[dict[str, Any]]:
    """List notifications, what happened last first; `before` is the id that ended the last page."""
    filters = {"state": state, "rule": rule, "id": before}
    tests = {"state": "state = :state", "rule": "rule = :rule", "id": "id < :id"}
    where = " AND ".join(tests[name] for name, value in filters.items() if value is not None)
    rows = views.reader()["notifications"].rows_where(
        where or None, filters, order_by="id DESC", limit=limit
    )
    return list(rows)
