"""A backlog of late news that two share: each counts for itself, and they hold what is too much."""

from collections import Counter
from pathlib import Path

import pytest

from service.app.app import App
from service.incoming.intake import LETTERS_PER_ROUND
from service.rules.notification import HELD
from service.rules.storm import LIMIT, StormCounted, storm_stream
from tests.app.two_workers import just_before_it_commits, two_workers
from tests.installation import DAY, DONE, HOUR, START, completed
from tests.simulation.recorded_history import verified

EVENTS = 1_200
MORE = 50
NOW = START + 2 * DAY


@pytest.mark.parametrize("at_once", [1, 4])
def test_two_hold_what_one_would_but_for_a_page_and_neither_decides_twice(
    tmp_path: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Each commits while the other has decided already, and does not know yet."""
    page = LETTERS_PER_ROUND * at_once
    decided: Counter[App] = Counter()
    with two_workers(tmp_path, DONE, postgres_address) as here:
        for app in (here.app, here.other):
            decide = app.writer.decide

            def counting(*asked, app=app, decide=decide):
                decided[app] += 1
                return decide(*asked)

            monkeypatch.setattr(app.writer, "decide", counting)
        for n in range(0, EVENTS, at_once):
            here.post(*(completed(START, n + more) for more in range(at_once)))
        for _ in range(0, EVENTS, page):
            with just_before_it_commits(here.app, lambda: here.other.intake.take(NOW + 1)):
                here.app.intake.take(NOW)
        here.take(NOW)
        assert decided.total() == EVENTS and min(decided.values()) > EVENTS // 3
        held = here.states().count(HELD)
        assert LIMIT <= EVENTS - held <= LIMIT + page
        streams = here.app.ledger.ids(storm_stream("done"), 9)
        last = [here.app.store.stream(stream)[-1] for stream in streams]
        assert sum(one.count for one in last if isinstance(one, StormCounted)) == EVENTS
        assert [len(streams), streams[0]] == [2, storm_stream("done")]
        found = verified(here)
        assert (found.reproduced, found.differ) == (EVENTS, 0)

        here.other.ledger.lease.release()
        here.app.ledger.lease.acquire()
        for hour, told in ((0, False), (2, True)):
            for n in range(MORE):
                here.post(completed(START + 1, EVENTS + 100 * hour + n))
            here.app.take(NOW + hour * HOUR + 1)
            assert here.states().count(HELD) == (held := held + MORE * (not told))
        assert verified(here).differ == 0
