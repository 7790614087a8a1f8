"""Nobody is reminded of a course that was completed in another instance, or of what is gone."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from service.learners.directory.people import PersonRow
from tests.installation import (
    ADA,
    DAY,
    HOUR,
    MINUTE,
    SESSION,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    event,
    progressed,
    unenrolled,
)
from tests.installation import about as about_user
from tests.rules.explain.explained import asked

DUE = START + 7 * DAY + 15 * MINUTE
OTHER = {"session": "course:7_2"}
LOGIC = {"course": "course:8", "session": "course:8_1"}
BOSS = PersonRow("9", name="Boss", email="boss@example.org")
STEPS = """
    escalation:
      - {after: 7d, to: manager, via: email, template: stalled_manager}
"""


def deleted(at: int, instance: str | None = SESSION) -> dict[str, Any]:
    """The end of a session, or of the course."""
    sort = "INSTANCE_DELETION" if instance else "DELETION"
    data = {"loId": "course:7", "loInstanceId": instance, "loType": "course"}
    return event(f"LEARNING_OBJECT_{sort}", at, **data)


def changed(at: int, instance: str | None = SESSION) -> dict[str, Any]:
    """A change of a session, or of the course."""
    return {
        **deleted(at, instance),
        "eventName": f"LEARNING_OBJECT_{'INSTANCE_' if instance else ''}MODIFICATION",
        "eventId": f"changed-{at}-{instance}",
    }


def revoked(at: int) -> dict[str, Any]:
    """The completion in the other session, taken back."""
    return event("LEARNING_PATH_COMPLETION_ROLLBACK", at, **about_user(77, **OTHER))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA, BOSS])
        yield office


def silences(office: Installation) -> list[tuple[str, str]]:
    """Who was told of which silence: the session, and what became of it."""
    return [(row["instance"], row["state"]) for row in office.notifications()]


ELSEWHERE = [
    pytest.param([completed(START + 2 * DAY, 77, **OTHER)], id="completed since"),
    pytest.param([completed(START + 2 * DAY, 77, None, **OTHER)], id="nobody says how"),
    pytest.param(
        [completed(START + DAY, 77, **OTHER), unenrolled(START + 2 * DAY, 77, **OTHER)],
        id="completed and taken out since",
    ),
    pytest.param(
        [completed(START + DAY, 77, **OTHER), enrolled(START + 2 * DAY, 77, **OTHER)],
        id="completed, and enrolled for the next time since",
    ),
    pytest.param([deleted(START + DAY)], id="the session was deleted"),
    pytest.param([deleted(START + DAY, None)], id="the course was deleted"),
    pytest.param(
        [deleted(START - HOUR, None), deleted(START + DAY)], id="only the course came back"
    ),
    pytest.param([changed(START + HOUR), deleted(START + DAY)], id="changed before the deletion"),
    pytest.param(
        [deleted(START + 2 * DAY), changed(START + DAY), deleted(START + HOUR)],
        id="deleted twice, changed between",
    ),
]
NOWHERE = [
    pytest.param([enrolled(START, 77, **OTHER)], 2, id="enrolled elsewhere too"),
    pytest.param([completed(START - DAY, 77, **OTHER)], 1, id="completed before the enrolment"),
    pytest.param([completed(START, 77, **OTHER)], 1, id="completed as they were enrolled here"),
    pytest.param([completed(START + DAY, 77, False, **OTHER)], 1, id="failed elsewhere"),
    pytest.param([completed(START + DAY, 78, **OTHER)], 1, id="somebody else completed it"),
    pytest.param([completed(START + DAY, 77, **LOGIC)], 1, id="another course"),
    pytest.param([deleted(START + DAY, "course:7_2")], 1, id="another session was deleted"),
    pytest.param([changed(START + DAY), changed(START + DAY, None)], 1, id="retired only"),
    pytest.param([deleted(START + HOUR), changed(START + DAY)], 1, id="the session lives again"),
    pytest.param(
        [deleted(START + HOUR, None), changed(START + DAY, None)], 1, id="the course lives again"
    ),
    pytest.param([deleted(START - HOUR)], 1, id="enrolled after the deletion"),
    pytest.param(
        [completed(START + DAY, 77, **OTHER), revoked(START + 2 * DAY)], 1,
        id="the completion was taken back",
    ),
    pytest.param(
        [completed(START + HOUR, 77, **OTHER), enrolled(START + DAY, 77, **OTHER),
         revoked(START + 2 * DAY)], 1,
        id="the completion was taken back after the next enrolment",
    ),
]  # fmt: skip


def reminders(folder: Path, happened: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The states of the reminders, for each order in which it may be told."""
    found = []
    for number, order in enumerate(permutations([enrolled(START, 77), *happened])):
        place = folder / str(number)
        place.mkdir()
        with Installation(place, STILL) as office:
            office.import_people([ADA])
            for told in order:
                office.post(told, at=START + 3 * DAY)
                office.app.take(START + 3 * DAY)
            office.tick(START + 3 * DAY)
            office.tick(DUE)
            found.append(office.states())
    return found


@pytest.mark.parametrize("happened", ELSEWHERE)
def test_nobody_is_reminded_in_any_order(happened: list[dict[str, Any]], tmp_path: Path) -> None:
    assert not any(reminders(tmp_path, happened))


@pytest.mark.parametrize(("happened", "count"), NOWHERE)
def test_who_has_it_still_to_do_is_reminded_in_any_order(
    happened: list[dict[str, Any]], count: int, tmp_path: Path
) -> None:
    assert all(states == ["sent"] * count for states in reminders(tmp_path, happened))


def test_last_years_completion_does_not_cover_this_year(office: Installation) -> None:
    office.post(enrolled(START - 365 * DAY, 77, **OTHER), completed(START - 300 * DAY, 77, **OTHER))
    office.post(enrolled(START, 77))
    office.tick(START)
    office.tick(DUE)
    assert silences(office) == [(SESSION, "sent")]


def test_a_look_into_the_old_session_reminds_nobody_of_it(office: Installation) -> None:
    """The course is done since the enrolment began, whatever was opened after it."""
    office.post(enrolled(START, 77), completed(START + DAY, 77, **OTHER))
    office.post(progressed(START + 2 * DAY, 77, 10))
    office.tick(START + 2 * DAY)
    office.tick(START + 10 * DAY)
    assert silences(office) == []


@pytest.mark.parametrize(
    "since", [completed(DUE + HOUR, 77, **OTHER), deleted(DUE + HOUR), deleted(DUE + HOUR, None)]
)
def test_a_reminder_that_waits_is_taken_back(since: dict[str, Any], tmp_path: Path) -> None:
    rules = STILL + "    send_window: nights\n" + STEPS
    nights = "time_intervals: {nights: [{from: '22:00', until: '24:00'}]}"
    with Installation(tmp_path, rules, head=nights) as office:
        office.import_people([ADA, BOSS])
        office.post(enrolled(START, 77))
        office.tick(START)
        office.tick(DUE)
        assert silences(office) == [(SESSION, "scheduled")]
        office.post(since)
        for hours in range(1, 24 * 15):
            office.tick(DUE + hours * HOUR)
        (row,) = office.notifications()
        assert (row["state"], row["reason"]) == ("cancelled", "no_longer_true")


def test_a_step_does_not_follow_once_the_course_is_done_elsewhere(tmp_path: Path) -> None:
    with Installation(tmp_path, STILL + STEPS) as office:
        office.import_people([ADA, BOSS])
        office.post(enrolled(START, 77))
        office.tick(START)
        office.tick(DUE)
        office.post(completed(DUE + DAY, 77, **OTHER))
        for days in range(1, 20):
            office.tick(DUE + days * DAY)
        assert silences(office) == [(SESSION, "sent")]


def test_what_was_nobodys_when_it_was_asked_is_not_asked_again(office: Installation) -> None:
    """The revoked completion begins a silence of its own, and that one is told."""
    office.post(enrolled(START, 77), completed(START + DAY, 77, **OTHER))
    office.tick(START + DAY)
    office.tick(DUE)
    office.post(revoked(DUE + DAY))
    for days in range(1, 12):
        office.tick(DUE + days * DAY)
    assert silences(office) == [("course:7_2", "sent")]


def test_explain_says_where_it_was_completed(office: Installation) -> None:
    office.post(enrolled(START, 77), completed(START + DAY, 77, **OTHER))
    office.tick(START + DAY)
    office.tick(DUE)
    answer = asked(office, "still", DUE + DAY, learner="77", instance=SESSION)
    why = (
        "nobody is reminded: the learner completed the course in instance course:7_2 "
        "at 2026-11-17 09:00:00Z"
    )
    (occasion,) = answer.matters[0].occasions
    assert (answer.answer, occasion.verdict) == (f"not told: {why}", why)
    assert answer.matters[0].standing.endswith(f"; {why}")


def test_explain_says_what_was_deleted_also_of_a_silence_not_yet_due(office: Installation) -> None:
    office.post(enrolled(START, 77), deleted(START + DAY))
    office.tick(START + DAY)
    answer = asked(office, "still", START + 2 * DAY, learner="77")
    assert answer.matters[0].standing.endswith(
        "; nobody is reminded: the instance was deleted at 2026-11-17 09:00:00Z"
    )
    before = asked(office, "still", START + HOUR, learner="77")
    assert "nobody is reminded" not in before.matters[0].standing
