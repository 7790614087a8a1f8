"""On PostgreSQL: who works lets others have their part of it, however much there is to do."""

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from service.incoming import intake
from service.running import Service, worker
from tests.installation import DONE, Installation, completed
from tests.waiting import until

LETTERS = 40


def test_a_flood_of_letters_keeps_nobody_waiting_for_a_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_address: str
) -> None:
    """A round of letters may take as long as the time between two looks."""
    monkeypatch.setattr(intake, "LETTERS_PER_ROUND", 1)
    monkeypatch.setattr(worker, "LOOK_EVERY_SECONDS", 0.0)
    done: list[str] = []

    def noted(owner: Any, name: str) -> None:
        whole = getattr(owner, name)

        def call(*given: Any, **more: Any) -> Any:
            done.append(name)
            return whole(*given, **more)

        monkeypatch.setattr(owner, name, call)

    with Installation(tmp_path, DONE, COURSEBELL_DATABASE_URL=postgres_address) as desk:
        service = Service(desk.app)
        at = service.clock()
        for n in range(LETTERS):
            desk.post(completed(at, 100 + n), at=at)
        noted(desk.app.intake, "take")
        noted(desk.app.ledger.lease, "acquire")
        service.start()
        until(lambda: desk.app.letters.oldest_waiting() is None, "all are taken")
        assert service.stop() == []
    between = [len([*run]) for name, run in groupby(done) if name == "take"]
    assert max(between) == 1
