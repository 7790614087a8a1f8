"""What is from the future is set aside until its time has come, and then taken by itself."""

from pathlib import Path

import pytest

from tests.installation import (
    ADA,
    DAY,
    DONE,
    GRACE,
    HOUR,
    MINUTE,
    START,
    Installation,
    completed,
    event,
)


def states(room: Installation, letter: int = 1) -> list[str]:
    found = room.app.letters.show(letter)
    assert found is not None
    return [found["state"], *(each["state"] for each in found["events"])]


@pytest.fixture
def room(tmp_path: Path):
    with Installation(tmp_path, DONE) as room:
        room.import_people([ADA, GRACE])
        yield room


def test_an_event_from_the_future_is_taken_when_its_time_has_come(room: Installation) -> None:
    room.post(completed(START, 77), completed(START + 3 * DAY, 78), event("BOGUS", START), at=START)
    room.tick(START)
    assert states(room) == ["set_aside", "recorded", "set_aside", "set_aside"]
    room.tick(START + 2 * DAY - 1)
    assert states(room) == ["set_aside", "recorded", "set_aside", "set_aside"]
    room.tick(START + 2 * DAY)

    assert states(room) == ["set_aside", "recorded", "recorded", "set_aside"]
    assert len(room.drawer()) == 2
    room.tick(START + 30 * DAY)
    assert len(room.notifications()) == 2


def test_each_of_several_is_taken_at_its_own_time(room: Installation) -> None:
    room.post(completed(START + 9 * DAY, 78), completed(START + 3 * DAY, 77), at=START)
    room.tick(START)
    room.tick(START + 2 * DAY)
    assert states(room) == ["set_aside", "set_aside", "recorded"]
    room.reopen(START + 3 * DAY)
    room.tick(START + 8 * DAY)
    assert states(room) == ["taken", "recorded", "recorded"]


def test_a_letter_that_came_by_a_clock_behind_is_read_when_it_is_right(room: Installation) -> None:
    room.post(completed(START, 77), at=START - 2 * DAY)
    room.tick(START)
    assert states(room) == ["taken", "recorded"]


def test_a_person_may_try_it_sooner(room: Installation) -> None:
    room.post(completed(START + 3 * DAY, 77), at=START)
    room.tick(START)
    assert room.app.letters.retry([1]) == 1
    room.tick(START + HOUR)
    assert states(room) == ["set_aside", "set_aside"]
    room.tick(START + 2 * DAY + MINUTE)
    assert states(room) == ["taken", "recorded"]


def test_what_has_no_body_any_more_waits_for_nothing(room: Installation) -> None:
    room.post(completed(START + 3 * DAY, 77), at=START)
    room.tick(START)
    with room.app.ledger.transaction() as cursor:
        cursor.execute("UPDATE letters SET body = NULL")
    room.tick(START + 3 * DAY)
    assert states(room) == ["set_aside", "set_aside"]
    assert room.app.ledger.reader().execute("SELECT COUNT(*) FROM premature").fetchone() == (0,)
