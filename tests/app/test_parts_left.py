"""Parts of letters that were left behind, as by a move of the ledger, stop nobody."""

from pathlib import Path

import pytest

from tests.app.test_shards import Team
from tests.installation import DONE, START, Installation, completed

LEARNERS = range(100, 130)
LEFT = "INSERT INTO parts (n, shard, events) VALUES (?, 0, '[]')"


def parts(here: Installation) -> int:
    (count,) = here.app.ledger.reader().execute("SELECT COUNT(*) FROM parts").fetchone()
    return int(count)


def leave_part(here: Installation, letter: int) -> None:
    with here.app.ledger.transaction() as cursor:
        cursor.execute(LEFT, (letter,))


@pytest.mark.of_files
def test_where_one_takes_letters_whole_they_are_forgotten(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        leave_part(here, here.post(completed(START, 77)))
        here.reopen()
        assert parts(here) == 0
        here.tick()
        assert here.app.letters.counts()["taken"] == 1


def test_where_several_share_they_are_written_over(tmp_path: Path, postgres_address: str) -> None:
    with Installation(tmp_path, DONE, COURSEBELL_DATABASE_URL=postgres_address) as here:
        found = Team(here, 1, postgres_address)
        for app in found.apps * 2:
            found.turn(app, "balance", START)
        n = here.post(*(completed(START, learner) for learner in LEARNERS), at=START)
        leave_part(here, n)
        for app in found.apps:
            assert len(app.ledger.lease.held) == 8
            found.turn(app, "take", START)
        found.finish(START)
        states = [each["state"] for each in (here.app.letters.show(n) or {})["events"]]
        assert (states, parts(here)) == (["recorded"] * len(LEARNERS), 0)
        found.close()
