"""Lists: notifications as rows and counts, for people and machines that look on."""

from typing import Any

from service.learners.views import Views
from service.rules.notifications import STATES


def latest(views: Views, state: str | None, rule: str | None, limit: int) -> list[dict[str, Any]]:
    """Notifications as rows, the latest decided first; a negative limit means all."""
    return list(
        views.reader()["notifications"].rows_where(
            "(:state IS NULL OR state = :state) AND (:rule IS NULL OR rule = :rule)",
            {"state": state, "rule": rule},
            order_by="decided_at DESC, id",
            limit=limit,
        )
    )


def held(views: Views, reason: str, rule: str | None) -> list[str]:
    """Ids of what is held for a reason, of one rule or all."""
    rows = views.reader().execute(
        "SELECT id FROM notifications WHERE state = 'held' AND reason = :reason "
        "AND (:rule IS NULL OR rule = :rule) ORDER BY id",
        {"reason": reason, "rule": rule},
    )
    return [row[0] for row in rows]


def page(
    views: Views, state: str | None, rule: str | None, limit: int, before: str | None
) -> list[dict[str, Any]]:
    """Notifications as rows, by what happened last; `before` is the id that ended the last page."""
    filters = {"state": state, "rule": rule, "id": before}
    tests = {"state": "state = :state", "rule": "rule = :rule", "id": "id < :id"}
    where = " AND ".join(tests[name] for name, value in filters.items() if value is not None)
    rows = views.reader()["notifications"].rows_where(
        where or None, filters, order_by="id DESC", limit=limit
    )
    return list(rows)


def census(views: Views) -> tuple[int, dict[str, int]]:
    """How far the views have followed the log, and the counts of each state, of one moment."""
    rows = views.reader().execute(
        "SELECT NULL, position FROM following UNION ALL "
        "SELECT state, COUNT(*) FROM notifications GROUP BY state"
    )
    found = dict(rows.fetchall())
    position: int = found.pop(None)
    return position, dict.fromkeys(STATES, 0) | found
