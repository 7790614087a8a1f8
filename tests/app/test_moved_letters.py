"""Letters that wait when the ledger is moved are taken by whoever has the shards there."""

from pathlib import Path

import pytest

from service.ledger.location import LedgerLocation
from service.ledger.migration.copying import migrate
from tests.app.test_shards import Team
from tests.installation import DAY, DONE, START, Installation, completed

LEARNERS = range(100, 130)

pytestmark = pytest.mark.of_files


def moved(here: Installation, to: str | None) -> None:
    """The ledger is moved, and nobody has opened it yet."""
    here.app.close()
    folder = here.folder / "data"
    source = LedgerLocation(folder, here.environ.get("COURSEBELL_DATABASE_URL")).source()
    target = LedgerLocation(folder, to).target()
    migrate(source, target, lambda *_: None)
    source.close()
    target.close()
    here.environ.pop("COURSEBELL_DATABASE_URL", None)
    if to:
        here.environ["COURSEBELL_DATABASE_URL"] = to


def states(here: Installation, letter: int) -> set[str]:
    return {each["state"] for each in (here.app.letters.show(letter) or {})["events"]}


def test_there_by_all_shards_and_what_waits_again_too(
    tmp_path: Path, postgres_address: str
) -> None:
    """One waits again, for an event that was from the future; one waits for the first time."""
    with Installation(tmp_path, DONE) as here:
        ahead = completed(START + 3 * DAY, 77)
        first = here.post(*(completed(START, n) for n in LEARNERS), ahead, at=START)
        here.tick()
        assert here.app.letters.retry([first]) == 1
        fresh = here.post(*(completed(START, n + 100) for n in LEARNERS), at=START)
        moved(here, postgres_address)
        here.open()
        found = Team(here, 1, postgres_address)
        for app in found.apps * 2:
            found.turn(app, "balance", START)
        assert [len(app.ledger.lease.held) for app in found.apps] == [8, 8]
        found.finish(START + 4 * DAY)
        counts = here.app.letters.counts()
        assert counts == {"accepted": 2, "taken": 2, "set_aside": 0, "waiting": 0}
        assert states(here, fresh) == states(here, first) == {"recorded"}
        found.close()


def test_back_though_some_shards_had_passed_them(tmp_path: Path, postgres_address: str) -> None:
    """What one had recorded comes twice, and counts once."""
    with Installation(tmp_path, DONE, COURSEBELL_DATABASE_URL=postgres_address) as here:
        found = Team(here, 1, postgres_address)
        for app in found.apps * 2:
            found.turn(app, "balance", START)
        n = here.post(*(completed(START, n) for n in LEARNERS), at=START)
        found.turn(here.app, "take", START)
        found.close()
        moved(here, None)
        here.open()
        here.tick()
        assert here.app.letters.counts()["taken"] == 1
        assert states(here, n) == {"recorded", "duplicate"}
        assert here.app.ledger.reader().execute("SELECT n FROM parts").fetchall() == []
        assert len(here.notifications()) == len(LEARNERS)
