"""Silences: when an enrolment was silent, from which event until which, read off its history."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.learners.enrollment import EnrollmentRecorded
from service.rules.language import StalledTrigger
from service.rules.why.past import Row

COLUMNS = {"enrolled": "silent_since", "started": "active_at"}


class Quiet(NamedTuple):
    """A silence: since when (ms UTC), the event it began with, and the one that ended it."""

    since: int
    began: Row
    ended: Row | None

    def known_from(self) -> int:
        """When the ledger first knew of it (ms UTC)."""
        recorded_at: int = self.began.body.recorded_at
        return recorded_at

    def lasted_until(self, at: int) -> int:
        """Until when it lasted, as the ledger knew it; `at` (ms UTC) while it lasts."""
        return min(at, self.ended.body.recorded_at) if self.ended else at


def silences(rows: Sequence[Row], trigger: StalledTrigger) -> Iterator[Quiet]:
    """The silences of an enrolment as a rule counts them, first to last."""
    column, began, since = COLUMNS[trigger.count_from], None, None
    for row in rows:
        event = row.body
        if not isinstance(event, EnrollmentRecorded) or event.after is None:
            continue
        now = getattr(event.after, column)
        if now == since:
            continue
        if began is not None and since is not None:
            yield Quiet(since, began, row)
        began, since = (row, now) if now is not None else (None, None)
    if began is not None and since is not None:
        yield Quiet(since, began, None)
