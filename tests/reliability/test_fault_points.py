"""Stopped before and after each write of a letter's life, and started again: the same end."""

from collections.abc import Mapping

import pytest

from service.learners.directory.people import PersonRow
from service.sending.operator import redrive
from tests.campaigns import campaign, length
from tests.installation import (
    ADA,
    DAY,
    DONE,
    HOUR,
    MINUTE,
    START,
    STILL,
    completed,
    enrolled,
    event,
    progressed,
    seats,
    unenrolled,
)
from tests.reliability.fuse import Fuse
from tests.reliability.languages import ALMOST, ASIDE, BUNDLED, RARE, STEPS, TEAM, TOGETHER
from tests.reliability.stage import Stage, Step, Story

BOSS = PersonRow("9", name="Boss", email="boss@example.org")
WEEK = 7 * DAY
LATENESS = 15 * MINUTE


def post(at: int, *events: dict) -> Step:
    return Step(at, lambda stage, now: stage.post(*events, at=now))


def tick(at: int) -> Step:
    return Step(at, lambda stage, now: stage.tick(now))


def imports(at: int = START) -> Step:
    return Step(at, meet_ada)


def meet_ada(stage: Stage, now: int) -> None:
    stage.import_people([ADA, BOSS], now)
    stage.app.deliveries["email"].look_again(now)


def hears(at: int, what: bool) -> Step:
    """The source is configured, or it is not, from here on."""

    def does(stage: Stage, now: int) -> None:
        stage.deaf = not what
        stage.app.intake._sources = stage.app.sources if what else {}

    return Step(at, does)


def retries(at: int) -> Step:
    def does(stage: Stage, now: int) -> None:
        waiting = stage.app.letters.listing("set_aside", 100, None)
        stage.app.letters.retry([letter["n"] for letter in waiting])

    return Step(at, does)


def refuses(at: int, what: bool) -> Step:
    return Step(at, lambda stage, now: setattr(stage.outside, "refuses", what))


def redrives(at: int) -> Step:
    def does(stage: Stage, now: int) -> None:
        stage.app.views.catch_up()
        ids = [row["id"] for row in stage.notifications() if row["state"] == "given_up"]
        redrive(stage.app.notification_streams, ids, now)

    return Step(at, does)


def rules(at: int, text: str) -> Step:
    def does(stage: Stage, now: int) -> None:
        stage.write_rules(text)
        stage.app.reload(now)

    return Step(at, does)


def enough(at: int, messages: int) -> Step:
    """So many messages a day are enough for one person, from here on."""

    def does(stage: Stage, now: int) -> None:
        stage.head = f"defaults: {{at_most: {{messages: {messages}, per: day}}}}"
        stage.write_rules(BUNDLED)
        stage.app.reload(now)

    return Step(at, does)


def posts_once(at: int, n: int, *events: dict) -> Step:
    """The n-th letter, of a sender that sees the answer and does not repeat it."""

    def does(stage: Stage, now: int) -> None:
        if stage.app.asides.newest() < n:
            stage.post(*events, at=now)

    return Step(at, does)


def path_completed(at: int, user: int) -> dict:
    about = {"loId": "learningProgram:5", "loInstanceId": "learningProgram:5_1"}
    kind = {"loType": "learningProgram", "hasPassed": True}
    return event("LEARNING_PATH_COMPLETED", at, userId=user, **about, **kind)


LATE = START + 20 * DAY
OTHER = {"course": "course:8", "session": "course:8_1"}
STORIES: Mapping[str, tuple[str, Story]] = {
    "a completion is told": (
        DONE, [imports(), post(START, completed(START, 77)), tick(START), tick(START + DAY)],
    ),
    "seats run out, come back and run out again": (
        ALMOST,
        [
            step
            for minute, taken in enumerate((4, 8, 9, 3, 8))
            for at in [START + minute * MINUTE]
            for step in (post(at, seats(at, taken)), tick(at))
        ],
    ),
    "a silence, then one that was late news": (
        STILL,
        [
            imports(), tick(START), post(START, enrolled(START, 77)), tick(START),
            tick(START + WEEK + LATENESS), tick(LATE),
            post(LATE, progressed(START + 8 * DAY, 77, 20)), tick(LATE), tick(LATE + MINUTE),
        ],
    ),
    "nobody knows the address until an import": (
        DONE,
        [post(START, completed(START, 77)), tick(START), imports(START + DAY), tick(START + DAY)],
    ),
    "a path and its course in one message": (
        TOGETHER,
        [
            imports(), post(START, completed(START, 77), path_completed(START + 1, 77)),
            tick(START), tick(START + 12 * MINUTE), tick(START + DAY),
        ],
    ),
    "what two rules tell one reader, of which one is taken back": (
        BUNDLED,
        [
            imports(), post(START, enrolled(START, 77), enrolled(START + 1, 78)), tick(START),
            post(START + 9 * MINUTE, completed(START, 77, **OTHER), path_completed(START + 1, 77)),
            tick(START + 9 * MINUTE), post(START + 10 * MINUTE, unenrolled(START + 2, 77)),
            tick(START + 10 * MINUTE), tick(START + 30 * MINUTE), tick(START + HOUR),
        ],
    ),
    "what two rules tell one reader, in a mail that was refused": (
        BUNDLED,
        [
            imports(), post(START, enrolled(START, 77), completed(START + 1, 77, **OTHER)),
            tick(START), refuses(START, True), tick(START + 30 * MINUTE), tick(START + HOUR),
            refuses(START + HOUR, False), redrives(START + DAY), tick(START + DAY),
        ],
    ),
    "more than is enough for a day": (
        BUNDLED,
        [
            imports(), enough(START, 1),
            *(
                step
                for hour in (0, 1, 2, 22, 23, 47)
                for at in [START + hour * HOUR]
                for step in (
                    post(at, enrolled(at, 77, course=f"course:{hour}", session=f"course:{hour}_1")),
                    tick(at), tick(at + 30 * MINUTE),
                )
            ),
        ],
    ),
    "a letter set aside and tried again": (
        DONE,
        [
            imports(), hears(START, False), post(START, completed(START, 77)), tick(START),
            hears(START + DAY, True), retries(START + DAY), tick(START + DAY),
        ],
    ),
    "letters that could not be used, of which one can be later": (
        ASIDE,
        [
            posts_once(START, 1, event("COURSE_STARTED", START)), tick(START),
            hears(START + MINUTE, False),
            posts_once(START + MINUTE, 2, completed(START, 77)), tick(START + MINUTE),
            hears(START + DAY, True), retries(START + DAY), tick(START + DAY),
        ],
    ),
    "a refused mail that somebody redrives": (
        DONE,
        [
            imports(), refuses(START, True), post(START, completed(START, 77)), tick(START),
            refuses(START, False), redrives(START + DAY), tick(START + DAY),
        ],
    ),
    "a digest, what came after it, and a mail that was refused": (
        TEAM,
        [
            imports(), post(START, completed(START, 77), completed(START + 1, 77, **OTHER)),
            tick(START), refuses(START + DAY, True), tick(START + DAY),
            post(START + DAY, completed(START + DAY, 78)), tick(START + DAY),
            refuses(START + DAY, False), redrives(START + DAY + 1), tick(START + DAY + 1),
            tick(START + 2 * DAY), tick(START + 2 * DAY + HOUR),
        ],
    ),
    "a reminder and its escalation": (
        STEPS,
        [
            imports(), tick(START), post(START, enrolled(START, 77)), tick(START),
            tick(START + WEEK + LATENESS), tick(START + 2 * WEEK + LATENESS), tick(LATE),
        ],
    ),
    "more than a throttle lets through": (
        RARE,
        [
            step
            for hour in (0, 1, 13)
            for at in [START + hour * HOUR]
            for step in (imports(), post(at, progressed(at, 77, 5.0 + hour)), tick(at))
        ],
    ),
    "a rule that goes while it owes": (
        TOGETHER + STILL,
        [
            imports(), post(START, completed(START, 77)), tick(START), rules(START, STILL),
            tick(START + DAY),
        ],
    ),
}  # fmt: skip


def played(folder, rules: str, story: Story, fuse: Fuse) -> dict:
    stage = Stage(folder, rules, fuse)
    try:
        stage.play(story)
        stage.check()
        return stage.end()
    finally:
        stage.leave()


def points(writes: int) -> list[tuple[int, str]]:
    """Before and after each write; of them, in a sample, every third."""
    every = [(at, moment) for at in range(1, writes + 1) for moment in ("before", "after")]
    return every[:: length(1, sample=3)]


@campaign
@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_the_same_wherever_it_was_stopped(tmp_path, name):
    rules, story = STORIES[name]
    whole = Fuse()
    expected = played(tmp_path / "whole", rules, story, whole)
    assert len(whole.passed) >= 5

    for at, moment in points(len(whole.passed)):
        fuse = Fuse(at, moment)
        place = f"{name}: stopped {moment} write {at} ({whole.passed[at - 1]})"
        try:
            ended = played(tmp_path / f"{at}-{moment}", rules, story, fuse)
        except AssertionError as error:
            raise AssertionError(f"{place}: {error}") from error
        assert fuse.blown, place
        assert ended == expected, place
