"""Every recorded decision is made again, byte for byte, or is named."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from service.learners.directory.people import PersonRow
from service.rules.notification import Owed
from tests.installation import (
    ADA,
    DAY,
    DONE,
    FREE,
    HOUR,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    seats,
)
from tests.merged_people import merge
from tests.simulation.recorded_history import EVERY_KIND, live_through, verified

FOR_LEADERS = DONE.replace(
    "    notify:", "    conditions:\n      - learner.groups: {contains: leaders}\n    notify:"
)
FOR_A_GROUP = DONE.replace("to: learner", "to: group:leaders")


BUNDLED = "defaults: {bundle: 30m, at_most: {messages: 2, per: day}}"


@pytest.mark.parametrize("head", ["", BUNDLED], ids=["", "in bundles"])
def test_what_was_lived_through_is_decided_again(tmp_path: Path, head: str) -> None:
    with Installation(tmp_path, EVERY_KIND, head=head) as here:
        live_through(here, 5)
        found = verified(here)
        triggers = {row["trigger"] for row in here.notifications()}
        assert {"stalled_for", "enrollment.completed", "instance.seats_available"} <= triggers
        assert found.reproduced == found.decisions == len(here.notifications())
        assert not found.differ and not found.changed


def test_whose_manager_changed_is_bundled_otherwise_now(tmp_path: Path) -> None:
    rules = DONE.replace("to: learner", "to: manager")
    with Installation(tmp_path, rules, head=BUNDLED) as here:
        here.import_people([ADA])
        here.post(completed(START, 77))
        here.tick(START)
        here.import_people([msgspec.structs.replace(ADA, manager="other@example.org")])
        found = verified(here)
        assert (found.decisions, found.changed, found.differ) == (1, 1, 0)


def test_each_decision_is_made_by_the_rules_of_its_time(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        here.post(completed(START, 77))
        here.tick(START)
        here.write_rules(FREE + STILL.replace("7d", "1d"))
        here.app.reload(START + HOUR)
        here.post(seats(START + HOUR, 10), seats(START + 2 * HOUR, 9), enrolled(START, 78))
        here.tick(START + 2 * HOUR)
        here.write_rules(DONE.replace("id: done", "id: finished"))
        here.tick(START + 2 * DAY)
        here.app.reload(START + 2 * DAY)
        here.post(completed(START + 2 * DAY, 78))
        here.tick(START + 2 * DAY)
        rules = {row["rule"] for row in here.notifications()}
        found = verified(here)
        assert rules == {"done", "free", "still", "finished"}
        assert (found.reproduced, found.differ) == (4, 0)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE) as installation:
        installation.import_people([ADA])
        installation.post(completed(START, 77))
        installation.tick(START)
        yield installation


def test_a_decision_that_was_altered_is_named(here: Installation) -> None:
    id = here.notifications()[0]["id"]
    owed = next(body for body in bodies(here, id) if isinstance(body, Owed))
    _, altered = here.app.store.mapper.encode(msgspec.structs.replace(owed, channel="room"))
    where = "WHERE originator_id = ? AND originator_version = 1"
    write(here, f"UPDATE stored_events SET state = ? {where}", altered, id)
    found = verified(here)
    assert (found.differ, found.reproduced) == (1, 0)
    assert found.examples[0].fields == ("channel",)


def test_a_decision_that_was_made_up_is_named(here: Installation) -> None:
    id = here.notifications()[0]["id"]
    owed = next(body for body in bodies(here, id) if isinstance(body, Owed))
    assert here.app.store.append_unless_moved([("n00000000", 1, owed)])
    found = verified(here)
    assert (found.differ, found.reproduced) == (1, 1)
    assert found.examples[0].notification == "n00000000"


def test_a_decision_that_is_missing_is_named(here: Installation) -> None:
    here.app.writer.decide = lambda *_: None
    here.post(completed(START + HOUR, 78))
    here.tick(START + HOUR)
    found = verified(here)
    assert (found.differ, found.reproduced) == (1, 1)
    assert "missing" in found.examples[0].what


@pytest.mark.parametrize("rules", [FOR_LEADERS, FOR_A_GROUP])
def test_people_who_changed_since_are_counted_and_no_mistake(tmp_path: Path, rules: str) -> None:
    leader = PersonRow("77", name="Ada", email="ada@example.org", groups=("leaders",))
    with Installation(tmp_path, rules) as here:
        here.import_people([leader])
        here.post(completed(START, 77))
        here.tick(START)
        assert verified(here).reproduced == 1
        here.import_people([PersonRow("77", groups=())])
        found = verified(here)
        assert (found.changed, found.differ, found.reproduced) == (1, 0, 0)


def test_rules_whose_channels_have_no_secret_here_are_read_all_the_same(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        here.rules.write_text(
            here.rules.read_text().replace("COURSEBELL_EMAIL_URL", "OTHER_URL:-drawer://")
        )
        here.app.reload(START)
        here.post(completed(START, 77))
        here.tick(START)
        found = verified(here)
        assert (found.reproduced, found.unread) == (1, 0)


def bodies(here: Installation, id: str) -> list[object]:
    return here.app.store.stream(id)


def write(here: Installation, statement: str, *values: object) -> None:
    with here.app.ledger.transaction() as cursor:
        cursor.execute(statement, values)


def test_who_was_one_person_is_read_as_of_then(tmp_path: Path) -> None:
    """Reminded before a merge though the other had completed it, and not after."""
    with Installation(tmp_path, STILL) as here:
        here.import_people([ADA])
        here.post(enrolled(START, 77), completed(START + DAY, 78, session="course:7_2"))
        here.tick(START + 8 * DAY)
        merge(here, 77, 78, START + 9 * DAY)
        here.post(enrolled(START + 10 * DAY, 77, session="course:7_3"))
        here.post(completed(START + 11 * DAY, 78, session="course:7_3"))
        here.tick(START + 11 * DAY)
        here.tick(START + 20 * DAY)
        found = verified(here)
        assert here.states() == ["sent"]
        assert (found.reproduced, found.differ, found.changed) == (1, 0, 0)
