"""What stands beside a learner may be another worker's: the log says what was known of it."""

from pathlib import Path

import pytest

from service.app.app import App
from service.learners.directory.people import PersonRow
from service.rules.scheduler import TimeAsked
from tests.app.two_workers import TwoWorkers, just_before_it_commits, two_workers
from tests.installation import (
    DAY,
    HOUR,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    event,
    seats,
)
from tests.rules.explain.explained import asked
from tests.simulation.recorded_history import rehearsed, verified

WELCOME = """
  - id: welcome
    trigger: {event: enrollment.enrolled}
    conditions: [instance.seats_available: {%s}]
    notify: [{to: learner, via: email, template: completed}]
"""
LATER = STILL.replace("id: still", "id: later").replace("7d", "14d")


def learner_of(here: TwoWorkers, app: App) -> int:
    """Somebody whose events this one takes, and who has an address."""
    found = next(n for n in range(70, 200) if here.who_takes(enrolled(START, n)) is app)
    here.import_people([PersonRow(str(found), "adobe", "1234", email=f"{found}@example.org")])
    return found


def other_than(here: TwoWorkers, app: App) -> App:
    return here.other if app is here.app else here.app


@pytest.mark.parametrize("condition", ["gte: 1", "lt: 1"])
@pytest.mark.parametrize("order", ["before", "meanwhile", "after", "first of all"])
def test_a_rule_reads_the_instance_of_another_as_it_is_known_then(
    tmp_path: Path, postgres_address: str, order: str, condition: str
) -> None:
    """All of ten seats are taken; then one is free, as somebody is enrolled."""
    with two_workers(tmp_path, WELCOME % condition, postgres_address) as here:
        theirs = here.who_takes(seats(START, 10))
        ours = other_than(here, theirs)
        learner = learner_of(here, ours)
        known = order != "first of all"
        if known:
            here.post(seats(START, 10))
            here.take(START)
        here.post(seats(START + 1, 9), enrolled(START + HOUR, learner))
        if order == "before":
            theirs.take(START + HOUR)
        if order == "after":
            ours.take(START + HOUR)
        with just_before_it_commits(
            theirs if order == "after" else ours,
            lambda: theirs.take(START + HOUR) if order in ("meanwhile", "first of all") else None,
        ):
            here.take(START + HOUR)
        free = 1 if order == "before" else 0
        told = (free >= 1) == condition.startswith("gte") and known
        assert len(here.notifications()) == told
        found = verified(here)
        assert (found.decisions, found.reproduced, found.differ) == (told, told, 0)
        assert rehearsed(here, WELCOME % condition).tally.matched.total() == told
        asked_of = {"source": "adobe", "account": "1234", "learner": str(learner)}
        (matter,) = asked(here, "welcome", START + DAY, **asked_of).matters
        (term,) = matter.occasions[0].terms
        assert (term.got, term.holds) == (str(free) if known else "nothing known", told)


def test_one_who_is_alone_notes_nothing_that_the_log_says_anyway(
    tmp_path: Path, postgres_address: str
) -> None:
    rules = WELCOME % "gte: 1" + STILL
    with Installation(tmp_path, rules, COURSEBELL_DATABASE_URL=postgres_address) as here:
        here.post(seats(START, 9), enrolled(START, 77))
        here.tick(START)
        here.tick(START + 8 * DAY)
        states = [state for *_, state in here.app.ledger.log(0, 1_000)]
        assert len(here.notifications()) == 2
        assert not [state for state in states if b'"saw"' in state]


@pytest.mark.parametrize("order", ["before", "meanwhile", "after"])
def test_a_silence_is_told_as_the_rest_of_the_course_was_known(
    tmp_path: Path, postgres_address: str, order: str
) -> None:
    """Whoever has the office asks; the learner completes the course elsewhere, with another."""
    with two_workers(tmp_path, STILL, postgres_address) as here:
        learner = learner_of(here, here.other)
        here.post(enrolled(START, learner))
        here.take(START)
        now = START + 8 * DAY

        def complete() -> None:
            here.post(completed(now - HOUR, learner, session="course:7_2"), at=now)
            here.other.take(now)

        if order == "before":
            complete()
        with just_before_it_commits(here.app, lambda: complete() if order == "meanwhile" else None):
            here.app.take(now)
            here.app.ask(now)
        if order == "after":
            complete()
        found, told = verified(here), order != "before"
        assert [row["rule"] for row in here.notifications()] == ["still"] * told
        assert (found.decisions, found.reproduced, found.differ) == (told, told, 0)


def test_a_deletion_that_came_between_is_not_taken_for_known(
    tmp_path: Path, postgres_address: str
) -> None:
    now = START + 8 * DAY
    with two_workers(tmp_path, STILL, postgres_address) as here:
        learner = learner_of(here, here.other)
        gone = (event("LEARNING_OBJECT_DELETION", now, loId=f"course:{n}") for n in range(99))
        deleted = next(each for each in gone if here.who_takes(each) is here.other)
        course = deleted["data"]["loId"]
        here.post(enrolled(START, learner, course=course, session=f"{course}_1"))
        here.take(START)
        here.app.take(now)

        def delete() -> None:
            here.post(deleted)
            here.other.take(now)

        with just_before_it_commits(here.app, delete):
            here.app.ask(now)
        assert [row["rule"] for row in here.notifications()] == ["still"]
        found = verified(here)
        assert (found.reproduced, found.differ) == (1, 0)


def test_nothing_of_others_is_remembered_from_one_ask_to_the_next(
    tmp_path: Path, postgres_address: str
) -> None:
    """An enrolment that another began and ended since is known: nobody is reminded twice."""
    with two_workers(tmp_path, STILL + LATER, postgres_address) as here:
        learner = learner_of(here, here.other)
        here.post(enrolled(START, learner))
        here.take(START)
        here.app.take(START)
        here.app.ask(START + 8 * DAY)
        here.post(completed(START + 9 * DAY, learner, session="course:7_2"))
        here.take(START + 9 * DAY)
        here.app.take(START + 9 * DAY)
        here.app.ask(START + 15 * DAY)
        assert [row["rule"] for row in here.notifications()] == ["still"]
        asks = [e for e in here.app.store.stream("clock") if isinstance(e, TimeAsked)]
        assert [ask.saw for ask in asks if ask.saw]
