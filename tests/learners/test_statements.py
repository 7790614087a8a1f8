"""A batch asks the ledger a few times, however many events it has."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.learners.directory.people import PersonRow
from tests.installation import START, Installation, completed, enrolled, progressed

LEARNERS = 250
OF_STAFF = """
  - id: staff
    trigger: {event: enrollment.completed}
    conditions: [learner.groups: {contains: staff}]
    notify: [{to: learner, via: email, template: completed}]
"""
AT_MOST = 40
"""For 1,000 events, with nothing remembered."""


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[Installation, Counter[str]]]:
    """An installation, and what its ledger is asked."""
    with Installation(tmp_path, OF_STAFF) as here:
        seen: Counter[str] = Counter()

        def told(sql: str) -> None:
            seen[sql] += sql.startswith(("SELECT", "PRAGMA", "WITH"))

        here.app.ledger.reader().set_trace_callback(told)  # type: ignore[attr-defined]
        here.app.ledger._writer.set_trace_callback(told)
        yield here, seen


def test_people_are_looked_up_by_the_page(asked: tuple[Installation, Counter[str]]) -> None:
    here, seen = asked
    here.import_people(
        PersonRow(
            str(n), "adobe", "1234", name=f"L {n}", email=f"l{n}@example.org", groups=("staff",)
        )
        for n in range(LEARNERS)
    )
    here.app.writer.forget()
    for n in range(LEARNERS):
        at = START + n
        here.post(enrolled(at, n), progressed(at + 1, n, 10.0), progressed(at + 2, n, 50.0),
                  completed(at + 3, n))  # fmt: skip
    seen.clear()
    here.app.take(START + LEARNERS + 10)
    assert seen.total() <= AT_MOST, seen.most_common(5)
    assert len(here.notifications()) == LEARNERS
