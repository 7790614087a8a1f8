"""Why somebody was not told: each condition, what came nearest, or what stopped it afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.incoming.letter import Arrival
from service.learners.directory.courses import CourseRow
from service.rules.explain.question import Unanswerable
from tests.installation import (
    ADA,
    COURSE,
    DAY,
    DONE,
    FREE,
    GRACE,
    HOUR,
    SESSION,
    START,
    STILL,
    Installation,
    body,
    completed,
    enrolled,
    progressed,
    revoked,
    seats,
    unenrolled,
)
from tests.rules.explain.explained import asked

MANDATORY = """
  - id: mandatory
    trigger: {event: enrollment.completed}
    conditions:
      - enrollment.passed: true
      - course.tags: {contains: mandatory}
    notify:
      - {to: learner, via: email, template: completed}
"""
ALMOST = """
  - id: almost
    trigger: {change: instance.seats_available, to: {lte: 2}, rearm: {gte: 5}}
    notify:
      - {post: room, template: almost_full}
"""
SILENT = """
  - id: silent
    trigger: {source_silent_for: 6h}
    notify:
      - {post: room, template: feed_silent}
"""
LATER = START + 20 * DAY


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE + MANDATORY + STILL + FREE + ALMOST + SILENT) as office:
        office.import_people([ADA, GRACE])
        with office.app.ledger.transaction() as cursor:
            office.app.courses.store(cursor, [CourseRow(COURSE, tags=("optional",))], START)
        yield office


def test_the_condition_that_failed_is_named_with_its_value(office: Installation) -> None:
    office.post(completed(START, 77))
    office.tick(START)
    found = asked(office, "mandatory", LATER, learner="77")
    (occasion,) = found.matters[0].occasions
    terms = [(each.term, each.got, each.holds) for each in occasion.terms]
    assert terms == [
        ("enrollment.passed eq true", "true", True),
        ("course.tags contains mandatory", "[optional]", False),
    ]
    assert occasion.verdict.endswith("course.tags contains mandatory: got [optional]")
    assert not occasion.told
    assert found.notes == ["course.tags as known today, where no decision recorded them"]


def test_the_enrollment_is_as_it_was_at_the_event(office: Installation) -> None:
    office.post(completed(START, 77, False))
    office.tick(START)
    office.post(completed(START + HOUR, 77, True))
    office.tick(START + HOUR)
    occasions = asked(office, "mandatory", LATER, learner="77").matters[0].occasions
    assert [occasion.terms[0].got for occasion in occasions] == ["false", "true"]


def test_who_was_told_is_said_with_the_notification(office: Installation) -> None:
    office.post(completed(START, 77))
    office.tick(START)
    found = asked(office, "done", LATER, learner="77", course=COURSE, source="adobe")
    (occasion,) = found.matters[0].occasions
    assert occasion.told and occasion.notifications[0].id == office.notifications()[0]["id"]
    assert found.answer == "told at 2026-11-16 09:00:00Z: enrollment.completed"


def test_before_it_happened_nothing_is_known_of_it(office: Installation) -> None:
    office.post(enrolled(START, 77))
    office.tick(START)
    office.post(completed(START + DAY, 77))
    office.tick(START + DAY)
    found = asked(office, "done", START + HOUR, learner="77")
    assert found.matters[0].nearest == ["enrolled once, never completed"]
    assert found.matters[0].standing.startswith("enrolled, progress 0")


def test_what_never_happened_says_what_did(office: Installation) -> None:
    office.post(enrolled(START, 77), *(progressed(START + n * HOUR, 77, 20 * n) for n in (1, 2, 3)))
    office.tick(START + DAY)
    (words,) = asked(office, "done", LATER, learner="77").matters[0].nearest
    assert words == "enrolled once, started once, progressed 3 times, never completed"


def test_what_came_too_late_says_so(office: Installation) -> None:
    office.post(enrolled(START + HOUR, 77), unenrolled(START + 12 * HOUR, 77))
    office.post(enrolled(START + DAY, 77))
    office.tick(START + DAY)
    office.post(completed(START + 2 * HOUR, 77), at=START + DAY + HOUR)
    office.tick(START + DAY + HOUR)
    nearest = asked(office, "done", LATER, learner="77").matters[0].nearest
    assert nearest[0].startswith("COURSE_COMPLETED of 2026-11-16 11:00:00Z led to no enrollment")


def test_what_stopped_it_afterwards_is_said(office: Installation) -> None:
    office.write_rules(DONE.replace("    notify", "    collapse: 10m\n    notify"))
    office.app.reload(START)
    office.post(completed(START, 77))
    office.tick(START)
    office.post(revoked(START + 60_000, 77))
    office.tick(START + HOUR)
    (occasion,) = asked(office, "done", LATER, learner="77").matters[0].occasions
    assert occasion.verdict == "learner: cancelled, as it was not true any more"


@pytest.mark.parametrize(("mode", "verdict"), [
    ("disabled", "the rule was disabled then"), ("shadow", "learner: shadow"),
])  # fmt: skip
def test_a_rule_that_was_not_live_says_so(office: Installation, mode: str, verdict: str) -> None:
    office.write_rules(DONE.replace("id: done", f"id: done\n    mode: {mode}"))
    office.app.reload(START)
    office.post(completed(START, 77))
    office.tick(START)
    office.write_rules(DONE)
    office.app.reload(START + HOUR)
    (occasion,) = asked(office, "done", LATER, learner="77").matters[0].occasions
    assert occasion.verdict == verdict
    assert not occasion.told


def test_a_rule_that_came_later_says_when(office: Installation) -> None:
    office.write_rules(STILL)
    office.app.reload(START)
    office.post(completed(START, 77))
    office.tick(START)
    office.write_rules(DONE)
    office.app.reload(START + DAY)
    found = asked(office, "done", START + HOUR, learner="77")
    (occasion,) = found.matters[0].occasions
    assert occasion.verdict == "there was no such rule then; it came at 2026-11-17 09:00:00Z"
    assert found.rule is None


def test_the_rule_counts_as_it_read_then(office: Installation) -> None:
    office.post(completed(START, 77))
    office.tick(START)
    office.write_rules(DONE.replace("enrollment.completed", "enrollment.enrolled"))
    office.app.reload(START + HOUR)
    (occasion,) = asked(office, "done", LATER, learner="77").matters[0].occasions
    assert occasion.told and occasion.rule is not None
    assert occasion.rule.trigger == "enrollment.completed"


def test_nobody_is_told_of_an_import(office: Installation) -> None:
    arrival = Arrival("adobe", START, {}, body(completed(START, 77)))
    office.app.letters.keep([arrival], imported=True)
    office.tick(START)
    (occasion,) = asked(office, "done", LATER, learner="77").matters[0].occasions
    assert occasion.verdict.startswith("it came with an import")


def test_seats_that_went_elsewhere_are_told_with_both_values(office: Installation) -> None:
    office.post(seats(START, 9), seats(START + HOUR, 7))
    office.tick(START + HOUR)
    (words,) = asked(office, "free", LATER, instance=SESSION).matters[0].nearest
    assert words == (
        "2026-11-16 10:00:00Z: instance.seats_available went from 1 to 3, not from lte 0 to gt 0"
    )


def test_a_rule_that_was_not_armed_anew_says_so(office: Installation) -> None:
    reports = [seats(START + n * HOUR, taken) for n, taken in enumerate((3, 8, 7, 9))]
    office.post(*reports)
    office.tick(START + DAY)
    first, second = asked(office, "almost", LATER, instance=SESSION).matters[0].occasions
    assert first.told
    assert second.verdict == (
        "instance.seats_available has not been gte 5 since the rule last fired"
    )


def test_enrollments_are_told_apart_by_what_is_asked(office: Installation) -> None:
    other = {"course": "course:9", "session": "course:9_1"}
    office.post(completed(START, 77), enrolled(START, 77, **other), completed(START, 78))
    office.tick(START)
    assert len(asked(office, "done", LATER, learner="77").matters) == 2
    (matter,) = asked(office, "done", LATER, learner="77", course="course:9").matters
    assert matter.nearest == ["enrolled once, never completed"]
    assert not asked(office, "done", LATER, learner="77", account="9").matters


@pytest.mark.parametrize(("rule", "about", "words"), [
    ("dome", {"learner": "77"}, "did you mean 'done'?"),
    ("done", {}, "expected `learner`, got none"),
    ("free", {}, "expected `instance`, got none"),
    ("silent", {}, "expected `source`, got none"),
    ("done", {"learner": "787"}, "did you mean '78'?"),
    ("free", {"instance": "course:8_1"}, "no instance 'course:8_1' is known"),
])  # fmt: skip
def test_what_is_not_there_is_said_so(
    office: Installation, rule: str, about: dict[str, str], words: str
) -> None:
    office.post(completed(START, 77), completed(START, 78), seats(START, 3))
    office.tick(START)
    with pytest.raises(Unanswerable) as refused:
        asked(office, rule, LATER, **about)
    assert words in str(refused.value)
