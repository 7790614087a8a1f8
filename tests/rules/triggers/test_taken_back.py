"""What happened is told until it is taken back: the table of decision 22, row by row."""

from typing import NamedTuple

import pytest
from hypothesis import given

from service.incoming.letter import Arrival
from service.learners.enrollment import Enrollment
from service.learners.facts import Fact
from service.rules.triggers.event import NOT_TAKEN_BACK
from tests.campaigns import fuzz
from tests.installation import (
    ADA,
    DAY,
    DONE,
    HOUR,
    MINUTE,
    START,
    Installation,
    body,
)
from tests.installation import (
    completed as completed_by_adobe,
)
from tests.installation import (
    enrolled as enrolled_by_adobe,
)
from tests.installation import (
    revoked as revoked_by_adobe,
)
from tests.installation import (
    unenrolled as unenrolled_by_adobe,
)
from tests.learners.cast import (
    completed,
    day,
    enroll,
    enrolled,
    graded,
    module,
    progress,
    revoked,
    started,
    unenrolled,
)
from tests.learners.test_order_freedom import FACTS
from tests.simulation.recorded_history import verified


class Row(NamedTuple):
    """What happened, what was to be told of the first of it, what came after, and what holds."""

    before: list[Fact]
    told: Fact
    after: list[Fact]
    stands: bool
    status: str = ""


D1, D2, D3, D4 = (day(n) for n in range(1, 5))
TABLE = {
    "enrolled, and started": Row([], enrolled(D1), [progress(D2, 5.0)], True),
    "enrolled, and completed": Row([], enrolled(D1), [completed(D2)], True),
    "enrolled, and taken out": Row([], enrolled(D1), [unenrolled(D2)], False),
    "enrolled, taken out and enrolled again": Row(
        [], enrolled(D1), [unenrolled(D2), enrolled(D3)], False
    ),
    "enrolled, completed and enrolled again": Row(
        [], enrolled(D1), [completed(D2), enrolled(D3)], True, "completed"
    ),
    "started, and taken out": Row(
        [enrolled(D1)], started(D2), [unenrolled(D3)], True, "in_progress"
    ),
    "started, taken out and enrolled again": Row(
        [enrolled(D1)], started(D2), [unenrolled(D3), enrolled(D4)], True, "in_progress"
    ),
    "started, and a completion of before that came late": Row(
        [enrolled(D1)], started(day(2, 5)), [completed(D2)], False
    ),
    "progressed, and taken out": Row(
        [enrolled(D1)], progress(D2, 5.0), [unenrolled(D3)], True, "in_progress"
    ),
    "progressed, completed and revoked": Row(
        [enrolled(D1)], progress(D2, 5.0), [completed(D3), revoked(D4)], True
    ),
    "a module, and taken out": Row(
        [enrolled(D1)], module(D2, "a"), [unenrolled(D3)], True, "in_progress"
    ),
    "a module, and enrolled for the next cycle": Row(
        [enrolled(D1)], module(D2, "a"), [completed(D3), enrolled(D4)], True, "completed"
    ),
    "completed, and taken out": Row([], completed(D2), [unenrolled(D3)], True, "completed"),
    "completed, and enrolled again": Row([], completed(D2), [enrolled(D3)], True, "completed"),
    "completed, and again the next year": Row(
        [], completed(D2), [completed(day(367))], True, "completed"
    ),
    "completed, and revoked": Row([], completed(D2), [revoked(D3)], False),
    "completed, taken out and revoked": Row(
        [], completed(D2), [unenrolled(D3), revoked(D4)], False
    ),
    "completed, enrolled again and revoked: there is no other completion": Row(
        [], completed(D2), [enrolled(D3), revoked(D4)], False
    ),
    "completed, taken out, enrolled again and revoked": Row(
        [], completed(D2), [unenrolled(D3), enrolled(day(3, 60)), revoked(D4)], False
    ),
    "completed, enrolled again, completed again, and that one revoked": Row(
        [], completed(D2), [enrolled(D3), completed(D4), revoked(day(4, 60))], True, "completed"
    ),
    "completed, revoked, and completed anew, which tells of itself": Row(
        [], completed(D2), [revoked(D3), completed(D4)], False
    ),
    "completed twice within a day, and what was between revoked: nobody else tells": Row(
        [], completed(D2), [completed(day(2, 60)), revoked(day(2, 30))], True
    ),
    "completed, and a completion of before that came late": Row(
        [], completed(D2), [completed(day(1, 1000))], True, "completed"
    ),
    "revoked, and gone on": Row([completed(D1)], revoked(D2), [progress(D3, 5.0)], True),
    "revoked, and taken out": Row([completed(D1)], revoked(D2), [unenrolled(D3)], True),
    "revoked, and completed anew": Row([completed(D1)], revoked(D2), [completed(D3)], False),
    "taken out": Row([enrolled(D1)], unenrolled(D2), [unenrolled(D3)], True, "unenrolled"),
    "taken out, and enrolled again": Row([enrolled(D1)], unenrolled(D2), [enrolled(D3)], False),
    "taken out, and gone on": Row([enrolled(D1)], unenrolled(D2), [progress(D3, 5.0)], False),
    "another score, and taken out": Row(
        [graded(D1, 40.0)], graded(day(1, 60), 60.0), [unenrolled(D3)], True, "completed"
    ),
    "another score, and revoked": Row(
        [graded(D1, 40.0)], graded(day(1, 60), 60.0), [revoked(D3)], False
    ),
}


def as_told(before: list[Fact], told: Fact, after: list[Fact]) -> tuple[Enrollment, str]:
    """The enrolment as a message about one fact reads it later, and the last transition of it."""
    folded, events = enroll(*before, told, *after)
    event = events[len(before)]
    return folded.told_by(len(before) + 1, event), event.transitions[-1]


@pytest.mark.parametrize("name", TABLE)
def test_a_message_is_taken_back_as_the_table_says(name: str) -> None:
    row = TABLE[name]
    read, transition = as_told(row.before, row.told, row.after)
    assert read.episode is not None
    assert NOT_TAKEN_BACK[transition](read.episode) is row.stands
    if row.status:
        assert read.state.status == row.status


def test_every_transition_has_rows_that_stand_and_rows_that_do_not() -> None:
    met = {(as_told(r.before, r.told, r.after)[1], r.stands) for r in TABLE.values()}
    always = {"enrollment.progressed", "enrollment.module_completed"}
    assert met == {(name, stands) for name in NOT_TAKEN_BACK for stands in (True, False)} - {
        (name, False) for name in always
    }


@fuzz(400)
@given(FACTS)
def test_a_completion_is_taken_back_by_nothing_but_a_revocation(facts: list[Fact]) -> None:
    folded, events = enroll(*facts)
    for version, event in enumerate(events, 1):
        if "enrollment.completed" in event.transitions and folded.version > version:
            episode = folded.told_by(version, event).episode
            revocations = [f for f in facts if f.said.TOPIC == "enrollment.completion_revoked"]
            assert episode is None or revocations or NOT_TAKEN_BACK["enrollment.completed"](episode)
            if episode and not episode.revoked:
                assert folded.told_by(version, event).state.completed_at is not None


SATURDAY = START + 5 * DAY
WINDOW = """time_intervals:
  office: [{weekdays: [mon, tue, wed, thu, fri], from: "08:00", until: "18:00"}]
"""
MONDAY = SATURDAY + 2 * DAY + 5 * HOUR
WAITS = {
    "collapse": DONE.replace("    notify", "    collapse: 10m\n    notify"),
    "window": DONE.replace("template: completed}", "template: completed, send_window: office}")
    + WINDOW,
    "digest": DONE.replace(
        "template: completed}", 'template: team_completions, digest: {every: day, at: "08:30"}}'
    ),
}
NEXT = {
    "taken out": [unenrolled_by_adobe(SATURDAY + HOUR, 77)],
    "enrolled again": [enrolled_by_adobe(SATURDAY + HOUR, 77)],
    "taken out and enrolled again": [
        unenrolled_by_adobe(SATURDAY + HOUR, 77), enrolled_by_adobe(SATURDAY + 2 * HOUR, 77),
    ],
}  # fmt: skip
STATUS = "    conditions:\n      - enrollment.status: completed\n    notify"


@pytest.mark.parametrize("then", NEXT)
@pytest.mark.parametrize("wait", WAITS)
def test_a_completion_that_waits_is_told_whatever_came_next(wait, then, tmp_path) -> None:
    rules = WAITS[wait].replace("    notify", STATUS, 1)
    with Installation(tmp_path, rules) as office:
        office.import_people([ADA])
        office.post(enrolled_by_adobe(SATURDAY - DAY, 77), completed_by_adobe(SATURDAY, 77))
        office.tick(SATURDAY)
        office.post(*NEXT[then])
        office.tick(SATURDAY + 3 * MINUTE)
        office.tick(MONDAY)

        assert {n["state"] for n in office.notifications()} <= {"sent", "dropped"}
        assert len(office.drawer()) == 1


@pytest.mark.parametrize("wait", WAITS)
def test_a_completion_that_waits_is_not_told_once_it_was_revoked(wait, tmp_path) -> None:
    with Installation(tmp_path, WAITS[wait]) as office:
        office.import_people([ADA])
        office.post(completed_by_adobe(SATURDAY, 77))
        office.tick(SATURDAY)
        office.post(unenrolled_by_adobe(SATURDAY + HOUR, 77))
        office.post(revoked_by_adobe(SATURDAY + 2 * HOUR, 77))
        office.tick(SATURDAY + 3 * MINUTE)
        office.tick(MONDAY)

        assert {n["state"] for n in office.notifications()} == {"cancelled"}
        assert office.drawer() == []


RESULTS = (
    DONE
    + """
  - id: failed
    trigger: {event: enrollment.completed}
    conditions: [{enrollment.passed: false}]
    notify: [{to: learner, via: email, template: not_passed}]
  - id: passed
    trigger: {event: enrollment.completed}
    conditions: [{enrollment.passed: true}]
    notify: [{to: learner, via: email, template: completed}]
  - id: changed
    trigger: {event: enrollment.result_changed}
    notify: [{to: learner, via: email, template: completed}]
"""
)


def told(tmp_path, *results: bool | None, apart: int = HOUR) -> list[str]:
    """The rules that told of completions with these results, one after the other."""
    with Installation(tmp_path, RESULTS) as office:
        office.import_people([ADA])
        for n, passed in enumerate(results):
            office.post(completed_by_adobe(START + n * apart, 77, passed))
            office.tick(START + n * apart)
        return sorted(n["rule"] for n in office.notifications() if n["state"] == "sent")


def test_failed_and_then_passed_tells_of_both(tmp_path) -> None:
    assert told(tmp_path, False, True) == ["done", "done", "failed", "passed"]


def test_passed_and_then_failed_is_another_result(tmp_path) -> None:
    assert told(tmp_path, True, False) == ["changed", "done", "passed"]


@pytest.mark.parametrize(
    ("results", "rules"),
    [
        ((None, True), ["done", "passed"]),
        ((None, False), ["done", "failed"]),
        ((True, None), ["done", "passed"]),
        ((None, True, True), ["done", "passed"]),
    ],
)
def test_two_deliveries_of_one_completion_are_one(results, rules, tmp_path) -> None:
    """A rule that could not judge the first without a result is asked again; none tells twice."""
    assert told(tmp_path, *results) == rules


def test_of_an_imported_completion_nobody_is_told_when_it_says_more(tmp_path) -> None:
    with Installation(tmp_path, RESULTS) as office:
        office.import_people([ADA])
        letter = Arrival("adobe", START, {}, body(completed_by_adobe(START, 77)))
        office.app.letters.keep([letter], imported=True)
        office.tick(START)
        office.post(completed_by_adobe(START + HOUR, 77, True))
        office.tick(START + HOUR)

        assert office.notifications() == []


def test_what_was_told_of_two_deliveries_is_decided_again_alike(tmp_path) -> None:
    with Installation(tmp_path, RESULTS) as office:
        for n, passed in enumerate((None, True, False, True)):
            office.post(completed_by_adobe(START + n * HOUR, 77, passed))
            office.tick(START + n * HOUR)
        found = verified(office)

        assert (found.decisions, found.reproduced, found.differ) == (5, 5, 0)


def test_a_course_completed_again_a_year_later_is_told_again(tmp_path) -> None:
    assert told(tmp_path, True, True, apart=365 * DAY) == ["done", "done", "passed", "passed"]
