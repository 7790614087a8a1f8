"""Named histories and how each must end, written by hand from design §4; L is 15 minutes."""

from typing import NamedTuple

from service.learners.enrollment_state import Snapshot
from service.learners.facts import Fact
from tests.learners.cast import (
    completed,
    day,
    enrolled,
    graded,
    module,
    progress,
    revoked,
    started,
    unenrolled,
)


class History(NamedTuple):
    """What happened, in the order it happened, and what it amounts to in any other."""

    name: str
    facts: list[Fact]
    end: Snapshot
    modules: tuple[str, ...] = ()


def just_enrolled(at: int, done_at: int | None = None) -> Snapshot:
    return Snapshot("enrolled", 0.0, enrolled_at=at, silent_since=at, done_at=done_at)


D1, D2, D3, D4, D5 = (day(n) for n in range(1, 6))
D10, D20, D21, D30, D40, D41, D50 = (day(n) for n in (10, 20, 21, 30, 40, 41, 50))
A_DAY_ON, MORE_THAN_A_DAY_ON = day(11), day(11, ms=1)
WITHIN_L, AT_L, BEYOND_L = day(10, 5), day(10, 15), day(10, 15, 1)

HISTORIES = [
    History("enrolled, and nothing since", [enrolled(D1)], just_enrolled(D1)),
    History(
        "under way",
        [enrolled(D1), progress(D2, 40.0)],
        Snapshot("in_progress", 40.0, enrolled_at=D1, started_at=D2, active_at=D2, silent_since=D2),
    ),
    History(
        "progress before the enrolment",
        [progress(D2, 40.0), enrolled(D3)],
        Snapshot("in_progress", 40.0, enrolled_at=D3, started_at=D2, active_at=D2, silent_since=D3),
    ),
    History(
        "progress without any percent leaves the percent",
        [enrolled(D1), progress(D2, 30.0), progress(D3, None)],
        Snapshot("in_progress", 30.0, enrolled_at=D1, started_at=D2, active_at=D3, silent_since=D3),
    ),
    History(
        "the percent falls",
        [enrolled(D1), progress(D2, 60.0), progress(D3, 20.0)],
        Snapshot("in_progress", 20.0, enrolled_at=D1, started_at=D2, active_at=D3, silent_since=D3),
    ),
    History(
        "started without enrolment: the percent is unknown",
        [started(D2)],
        Snapshot("in_progress", started_at=D2, active_at=D2, silent_since=D2),
    ),
    History(
        "modules, one of them twice",
        [enrolled(D1), module(D2, "intro", 50.0), module(D3, "quiz"), module(D4, "intro")],
        Snapshot("in_progress", 50.0, enrolled_at=D1, started_at=D2, active_at=D4, silent_since=D4),
        ("intro", "quiz"),
    ),
    History(
        "an exam's score stays when the course is finished at the same instant",
        [enrolled(D1), module(D10, "exam", score=50.0), completed(D10)],
        Snapshot("completed", 100.0, score=50.0, enrolled_at=D1, started_at=D10, completed_at=D10),
        ("exam",),
    ),
    History(
        "the last exam counts, and what says no score leaves it",
        [enrolled(D1), module(D2, "a", score=80.0), module(D3, "b", score=40.0), module(D4, "c")],
        Snapshot(
            "in_progress",
            0.0,
            score=40.0,
            enrolled_at=D1,
            started_at=D2,
            active_at=D4,
            silent_since=D4,
        ),
        ("a", "b", "c"),
    ),
    History(
        "an exam behind the completion changes nothing",
        [enrolled(D1), graded(D10, 70.0), module(WITHIN_L, "exam", score=20.0)],
        Snapshot("completed", 100.0, score=70.0, enrolled_at=D1, completed_at=D10),
    ),
    History(
        "the score belongs to its episode",
        [module(D2, "exam", score=50.0), completed(D10), enrolled(D40)],
        just_enrolled(D40, done_at=D10),
    ),
    History(
        "a revocation takes the score, and the next exam gives another",
        [graded(D10, 70.0), revoked(D20), module(D21, "exam", score=90.0)],
        Snapshot("in_progress", score=90.0, started_at=D21, active_at=D21, silent_since=D21),
        ("exam",),
    ),
    History(
        "enrolled twice: the first tells when and how",
        [enrolled(D1, "SELF_ENROLL"), enrolled(D3, "ADMIN_ENROLL")],
        Snapshot("enrolled", 0.0, source="SELF_ENROLL", enrolled_at=D1, silent_since=D1),
    ),
    History(
        "finished and passed",
        [enrolled(D1), progress(D2, 40.0), completed(D10, True)],
        Snapshot("completed", 100.0, True, enrolled_at=D1, started_at=D2, completed_at=D10),
    ),
    History(
        "completion without enrolment, passed unknown",
        [completed(D10, how="AUTO_ENROLL")],
        Snapshot("completed", 100.0, source="AUTO_ENROLL", completed_at=D10),
    ),
    History(
        "completed twice at one instant, passed said once",
        [enrolled(D1), completed(D10, True, "one"), completed(D10, None, "two")],
        Snapshot("completed", 100.0, True, enrolled_at=D1, completed_at=D10),
    ),
    History(
        "completed again within a day, passed said no more",
        [enrolled(D1), completed(D10, False), completed(A_DAY_ON)],
        Snapshot("completed", 100.0, False, enrolled_at=D1, completed_at=A_DAY_ON),
    ),
    History(
        "completed again more than a day later: a completion of its own",
        [enrolled(D1, "SELF_ENROLL"), graded(D10, 40.0, False), completed(MORE_THAN_A_DAY_ON)],
        Snapshot("completed", 100.0, completed_at=MORE_THAN_A_DAY_ON),
    ),
    History(
        "each completion within a day of the one before, and all of them one",
        [enrolled(D1), completed(D10), completed(day(10, 1000)), completed(day(10, 2000), True)],
        Snapshot("completed", 100.0, True, enrolled_at=D1, completed_at=day(10, 2000)),
    ),
    History(
        "a quarterly course without enrolments, and parts of it looked at in between",
        [module(D1, "a"), completed(D2), started(D30), completed(day(92), True)],
        Snapshot("completed", 100.0, True, completed_at=day(92), done_at=D2),
    ),
    History(
        "the second completion revoked: the first was of another episode",
        [enrolled(D1), completed(D2), completed(D10), revoked(D20)],
        Snapshot("in_progress", active_at=D20, silent_since=D20, done_at=D2),
    ),
    History(
        "failed, and passed an hour later",
        [enrolled(D1), graded(D10, 40.0, False), graded(day(10, 60), 80.0, True)],
        Snapshot("completed", 100.0, True, 80.0, enrolled_at=D1, completed_at=day(10, 60)),
    ),
    History(
        "taken out after the completion",
        [enrolled(D1), completed(D10, True), unenrolled(D20)],
        Snapshot("unenrolled", 100.0, True, enrolled_at=D1, completed_at=D10),
    ),
    History(
        "taken out after the completion, and the completion revoked",
        [enrolled(D1), completed(D10, True), unenrolled(D20), revoked(D21)],
        Snapshot("unenrolled", enrolled_at=D1),
    ),
    History(
        "enrolment within L of the completion is a straggler",
        [completed(D10, True), enrolled(WITHIN_L, "SELF_ENROLL")],
        Snapshot(
            "completed", 100.0, True, source="SELF_ENROLL", enrolled_at=WITHIN_L, completed_at=D10
        ),
    ),
    History(
        "enrolment exactly L after the completion is not newer",
        [enrolled(D1), completed(D10, True), enrolled(AT_L)],
        Snapshot("completed", 100.0, True, enrolled_at=D1, completed_at=D10),
    ),
    History(
        "enrolment a millisecond beyond L begins anew",
        [enrolled(D1), progress(D2, 60.0), completed(D10, True), enrolled(BEYOND_L)],
        just_enrolled(BEYOND_L, done_at=D10),
    ),
    History(
        "progress behind the completion",
        [enrolled(D1), completed(D10, True), progress(WITHIN_L, 85.0), started(D20)],
        Snapshot("completed", 100.0, True, enrolled_at=D1, completed_at=D10),
    ),
    History(
        "the straggler is not the new episode's progress",
        [enrolled(D1), completed(D10, True), progress(WITHIN_L, 85.0), enrolled(D40)],
        just_enrolled(D40, done_at=D10),
    ),
    History(
        "enrolled anew, and failed this time",
        [completed(D10, True), enrolled(D40), progress(D41, 30.0), completed(D50, False)],
        Snapshot(
            "completed",
            100.0,
            False,
            enrolled_at=D40,
            started_at=D41,
            completed_at=D50,
            done_at=D10,
        ),
    ),
    History(
        "completed, enrolled anew, and the completion revoked after that",
        [completed(D10, True), enrolled(D40), revoked(D41)],
        just_enrolled(D40),
    ),
    History(
        "failed, and enrolled anew: the course was never done",
        [completed(D10, False), enrolled(D40)],
        just_enrolled(D40),
    ),
    History(
        "modules belong to their episode",
        [module(D2, "intro"), completed(D10), enrolled(D40), module(D41, "quiz")],
        Snapshot(
            "in_progress",
            0.0,
            enrolled_at=D40,
            started_at=D41,
            active_at=D41,
            silent_since=D41,
            done_at=D10,
        ),
        ("quiz",),
    ),
    History(
        "left",
        [enrolled(D1), progress(D2, 40.0), unenrolled(D10)],
        Snapshot("unenrolled", 40.0, enrolled_at=D1, started_at=D2),
    ),
    History("left, and nothing before", [unenrolled(D10)], Snapshot("unenrolled")),
    History(
        "progress exactly L after leaving",
        [enrolled(D1), unenrolled(D10), progress(AT_L, 50.0)],
        Snapshot("unenrolled", 0.0, enrolled_at=D1),
    ),
    History(
        "progress beyond L after leaving opens an episode",
        [enrolled(D1), unenrolled(D10), progress(BEYOND_L, 50.0)],
        Snapshot(
            "in_progress", 50.0, started_at=BEYOND_L, active_at=BEYOND_L, silent_since=BEYOND_L
        ),
    ),
    History(
        "left and enrolled again minutes later, with a straggler after it",
        [
            enrolled(D1),
            progress(D2, 80.0),
            unenrolled(D10),
            enrolled(WITHIN_L),
            progress(day(10, 10), 85.0),
        ],
        just_enrolled(WITHIN_L),
    ),
    History(
        "left and enrolled at one instant: leaving has the last word",
        [enrolled(D1), unenrolled(D10), enrolled(D10)],
        Snapshot("unenrolled", 0.0, enrolled_at=D1),
    ),
    History(
        "completion after leaving is an episode of its own",
        [enrolled(D1), completed(D10, True), unenrolled(D20), completed(D21)],
        Snapshot("completed", 100.0, completed_at=D21, done_at=D10),
    ),
    History(
        "revoked",
        [enrolled(D1), progress(D2, 60.0), completed(D10, True), revoked(D20)],
        Snapshot("in_progress", enrolled_at=D1, started_at=D2, active_at=D20, silent_since=D20),
    ),
    History(
        "revoked, then enrolled: still the same episode",
        [enrolled(D1), completed(D10, True), revoked(D20), enrolled(D40)],
        Snapshot("in_progress", enrolled_at=D1, active_at=D20, silent_since=D20),
    ),
    History(
        "revoked minutes after, with a straggler behind the completion",
        [enrolled(D1), completed(D10, True), revoked(WITHIN_L), progress(day(10, 10), 100.0)],
        Snapshot("in_progress", enrolled_at=D1, active_at=WITHIN_L, silent_since=WITHIN_L),
    ),
    History(
        "revoked, gone on, completed again",
        [completed(D10, True), revoked(D20), progress(D21, 70.0), completed(D30)],
        Snapshot("completed", 100.0, started_at=D21, completed_at=D30),
    ),
    History(
        "revoked first: the completion was before our time",
        [revoked(D20), progress(D21, 30.0)],
        Snapshot("in_progress", 30.0, started_at=D21, active_at=D21, silent_since=D21),
    ),
    History(
        "a revocation of what is not completed changes nothing",
        [enrolled(D1), progress(D2, 40.0), revoked(D5)],
        Snapshot("in_progress", 40.0, enrolled_at=D1, started_at=D2, active_at=D2, silent_since=D2),
    ),
    History(
        "everything at one instant is read by rank",
        [enrolled(D10), progress(D10, 40.0), completed(D10, True), revoked(D10), unenrolled(D10)],
        Snapshot("unenrolled", enrolled_at=D10, started_at=D10),
    ),
]
