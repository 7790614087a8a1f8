"""While its clock is in doubt the service keeps letters and does nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.rules.verdict import muting_of
from service.running import Service, keep_in_memory, wall_clock
from tests.installation import ADA, DAY, DONE, FREE, MINUTE, Installation, completed
from tests.waiting import until

RESTED_SECONDS = 2.5
"""Longer than every thread takes to look again."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE) as desk:
        desk.import_people([ADA])
        yield desk


@pytest.mark.parametrize("ahead", [31 * DAY, 11 * MINUTE, -2 * DAY])
def test_nothing_is_taken_sent_or_activated_and_then_all_of_it(
    desk: Installation, ahead: int
) -> None:
    """As after a restart: the memory of the data folder says what the time is."""
    folder = desk.folder / "data"
    decided_at = min(wall_clock(), wall_clock() - ahead)
    desk.post(completed(decided_at, 77))
    desk.app.take(decided_at)
    keep_in_memory(folder, wall_clock() - ahead)
    service = Service(desk.app, memory=folder)
    service.start()
    until(lambda: "clock" in service.troubles, "the clock is doubted")
    desk.write_rules(DONE + FREE)
    service.reload()
    desk.post(completed(decided_at, 78), at=service.clock())
    begun = time.monotonic()
    until(lambda: time.monotonic() - begun > RESTED_SECONDS, "every thread has looked again")

    assert (desk.states(), desk.drawer()) == (["owed"], [])
    assert desk.app.letters.counts()["waiting"] == 1
    assert set(desk.app.active.decider.by_id) == {"done"}
    assert set(service.troubles) == {"clock"}

    keep_in_memory(folder, wall_clock())
    until(lambda: not service.troubles, "a person said that the clock is right")
    until(lambda: desk.app.letters.counts()["waiting"] == 0, "what waited is taken")
    until(lambda: set(desk.app.active.decider.by_id) == {"done", "free"}, "the file is read")
    until(lambda: len(desk.drawer()) == (ahead < DAY), "what is not too late is sent")
    assert service.stop() == []


WAITS = """
  - id: done
    trigger: {event: enrollment.completed}
    collapse: 1m
    notify:
      - {to: learner, via: email, template: completed}
"""


def test_what_was_decided_by_a_clock_ahead_is_sent_when_it_is_put_right(
    desk: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine that began a month ahead, which nobody could know then."""
    ahead, right = [31 * DAY], 2 * MINUTE
    desk.write_rules(WAITS)
    desk.app.reload(wall_clock())
    service = Service(desk.app, lambda: wall_clock() + ahead[0])
    service.start()
    desk.post(completed(wall_clock(), 77), at=service.clock())
    until(lambda: desk.states() == ["scheduled"], "it waits for company, until a month later")
    ahead[0] = right
    until(lambda: "clock" in service.troubles, "the clock is doubted")
    monkeypatch.setattr("service.running.clocks.SETTLED_MS", 0)

    until(lambda: len(desk.drawer()) == 1, "it is sent")
    assert service.stop() == []
    assert desk.states() == ["sent"]


def test_what_a_person_does_meanwhile_is_done_at_the_right_time(desk: Installation) -> None:
    folder = desk.folder / "data"
    keep_in_memory(folder, wall_clock() - 31 * DAY)
    done = CliRunner().invoke(main, ["mute", "--all", "--data", str(folder)])

    assert done.exit_code == 0, done.output
    _, muting = muting_of(desk.app.store.latest)
    assert muting.everything
    assert abs(muting.at - (wall_clock() - 31 * DAY)) < MINUTE
