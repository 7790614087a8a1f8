"""Of two who share a ledger each asks it a few times a page, and knows what the other wrote."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from service.learners.directory.people import PersonRow
from tests.app.two_workers import two_workers
from tests.installation import START, completed, enrolled, event, progressed

LEARNERS = 250
SESSIONS = 40
WHERE_THERE_IS_ROOM = """
  - id: staff
    trigger: {event: enrollment.completed}
    conditions: [learner.groups: {contains: staff}, instance.seats_available: {gte: 1}]
    notify: [{to: learner, via: email, template: completed}]
"""
AT_MOST = 40
"""For a page of 1,000 events, of which half are another's, with nothing remembered."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """What is asked of PostgreSQL."""
    seen: Counter[str] = Counter()

    def noted(name: str) -> Any:
        ask = getattr(psycopg.Cursor, name)

        def told(self: Any, query: Any, *more: Any, **named: Any) -> Any:
            seen[str(query)] += 1
            return ask(self, query, *more, **named)

        return told

    for name in ("execute", "executemany", "copy"):
        monkeypatch.setattr(psycopg.Cursor, name, noted(name))
    yield seen


def room(n: int, at: int, free: int) -> dict[str, Any]:
    seats = {"enrollmentCount": 10 - free, "waitlistCount": 0, "seatLimit": 10}
    return event("CI_STATS", at, loInstanceId=f"course:7_{n}", **seats)


@pytest.mark.parametrize("placed", [True, False], ids=["", "no instance is named"])
def test_each_asks_a_few_times_and_again_what_may_be_another_since(
    tmp_path: Path, postgres_address: str, asked: Counter[str], placed: bool
) -> None:
    with two_workers(tmp_path, WHERE_THERE_IS_ROOM, postgres_address) as here:
        here.import_people(
            PersonRow(str(n), "adobe", "1234", email=f"l{n}@example.org", groups=("staff",))
            for n in range(LEARNERS)
        )
        places = [f"course:7_{n % SESSIONS}" for n in range(LEARNERS)]
        here.post(*(room(n, START, 0) for n in range(SESSIONS)))
        here.post(*(enrolled(START, n, session=where) for n, where in enumerate(places)))
        here.take(START)
        for n, where in enumerate(places):
            at, session = START + n, {"session": where if placed else None}
            here.post(
                progressed(at, n, 10.0, **session),
                progressed(at + 1, n, 50.0, **session),
                progressed(at + 2, n, 60.0, **session),
                completed(at + 3, n, **session),
            )
        now = START + LEARNERS
        for app in (here.app, here.other):
            app.writer.forget()
            asked.clear()
            app.take(now)
            assert asked.total() <= AT_MOST, asked.most_common(5)
        assert here.notifications() == []
        here.post(*(room(n, now, 1) for n in range(SESSIONS)))
        here.take(now)
        here.post(*(completed(now + DAYS, n, session=w) for n, w in enumerate(places)))
        here.take(now + DAYS)
        assert len(here.notifications()) == LEARNERS


DAYS = 3 * 86_400_000
"""A completion so much later is another one."""
