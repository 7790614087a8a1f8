"""2,000 orders and batch splits through the real intake end as the histories say."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from service.incoming.letter import Arrival
from service.incoming.sources import adobe
from service.learners.enrollment import Enrollment
from service.learners.enrollment_state import Snapshot
from service.learners.facts import (
    Completed,
    Enrolled,
    Fact,
    ModuleCompleted,
    ProgressReported,
    Started,
)
from tests.installation import DONE, Installation, about, body, event
from tests.learners.cast import DAY, LOGIC, NOW, SESSION
from tests.learners.histories import HISTORIES

LEARNERS_EACH = 64
TOLD = [h for h in HISTORIES if all(getattr(f.said, "score", None) is None for f in h.facts)]
"""Adobe says no scores."""


OTHER = f"{LOGIC}_3"
PAIRS = 400
SILENT = """
  - id: silent
    trigger: {stalled_for: 1d}
    notify:
      - {to: learner, via: email, template: stalled}
    on_activate: current
"""


def told_by_adobe(
    fact: Fact, learner: int, random: Random, session: str = SESSION
) -> dict[str, Any]:
    """The fact as Adobe would say it, with an event id that orders ties at random."""
    said, data = fact.said, about(learner, LOGIC, session)
    if isinstance(said, Completed) and said.passed is not None:
        data["hasPassed"] = said.passed
    if isinstance(said, ProgressReported | ModuleCompleted) and said.percent is not None:
        data["progressPercent"] = said.percent
    if isinstance(said, ModuleCompleted):
        data["enrollmentSource"] = said.module
    if isinstance(said, Enrolled | Completed) and said.enrollment_source:
        data["enrollmentSource"] = said.enrollment_source
    return event(fact.name, fact.occurred_at, f"{random.random()}", **data)


def as_adobe_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Adobe say what the histories have and its guide has not."""
    means: Any = adobe.MEANS
    how, far = means["COURSE_ENROLLMENT"], means["LEARNER_PROGRESS"]
    monkeypatch.setitem(means, "TEST_STARTED", lambda _: Started())
    monkeypatch.setitem(
        means, "TEST_MODULE", lambda d: ModuleCompleted(how(d).enrollment_source, far(d).percent)
    )


def shuffled(random: Random) -> list[dict[str, Any]]:
    """Every learner's events, each learner in an order of their own, some of them twice."""
    events = []
    for learner in range(LEARNERS_EACH * len(TOLD)):
        history = TOLD[learner % len(TOLD)]
        told = [told_by_adobe(fact, learner, random) for fact in history.facts]
        events += told + random.sample(told, random.randint(0, 1))
    random.shuffle(events)
    return events


def deliver(room: Installation, events: list[dict[str, Any]], random: Random) -> None:
    """In letters of 1 to 12 events, taken in rounds of 1 to 200 letters; restarts in between."""
    letters = []
    while events:
        size = random.randint(1, 12)
        letters.append(Arrival("adobe", NOW, {}, body(*events[:size])))
        events = events[size:]
    while letters:
        size = random.choice([1, 2, 3, 50, 200])
        room.app.letters.keep(letters[:size])
        letters = letters[size:]
        room.app.take(NOW)
        if random.random() < 0.1:
            room.app.writer.forget()


def test_2000_orders_and_splits_through_the_real_intake_end_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each learner lives one history in an order and a split of their own."""
    as_adobe_says(monkeypatch)
    random = Random(2026)
    with Installation(tmp_path, DONE) as room:
        deliver(room, shuffled(random), random)
        assert room.app.letters.counts()["set_aside"] == 0
        wrong = differences(room)
        room.reopen(NOW + DAY)
        assert wrong == differences(room) == []


def differences(room: Installation) -> list[tuple[str, object]]:
    """The learners whose enrolment or view row is not as written by hand."""
    room.app.views.catch_up()
    rows = {row["person"]: row for row in room.app.views.reader()["enrollments"].rows}
    keys = [("adobe", "1234", str(n)) for n in range(LEARNERS_EACH * len(TOLD))]
    persons = room.app.people.known(keys)
    streams = {key: Enrollment.stream(persons[key], LOGIC, SESSION) for key in keys}
    found = {e.id: e for e in room.app.writer.enrollments(list(streams.values()))}
    assert len(found) == len(rows) == len(keys) >= 2000
    wrong: list[tuple[str, object]] = []
    for n, key in enumerate(keys):
        history, folded = TOLD[n % len(TOLD)], found[streams[key]]
        row = rows[persons[key]]
        if (folded.state.snapshot(), folded.state.modules) != (history.end, history.modules):
            wrong.append((history.name, folded))
        if (row["status"], row["progress"]) != (history.end.status, history.end.progress):
            wrong.append((history.name, row))
        if row["silent_since"] != history.end.silent_since:
            wrong.append((history.name, row))
    return wrong


def test_who_lives_two_histories_is_reminded_of_what_neither_has_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each learner lives one history in each of two sessions, in an order of their own."""
    as_adobe_says(monkeypatch)
    random = Random(2026)
    pairs = [(random.choice(TOLD), random.choice(TOLD)) for _ in range(PAIRS)]
    events = [
        told_by_adobe(fact, learner, random, session)
        for learner, pair in enumerate(pairs)
        for session, history in zip((SESSION, OTHER), pair, strict=True)
        for fact in history.facts
    ]
    random.shuffle(events)
    with Installation(tmp_path, SILENT) as room:
        deliver(room, events, random)
        room.tick(NOW)
        people = room.app.people.lms_ids([row["person"] for row in room.notifications()])
        told = {(int(people[row["person"]]), row["instance"]) for row in room.notifications()}
    expected = set()
    for learner, (one, other) in enumerate(pairs):
        if is_reminded(one.end, other.end):
            expected.add((learner, SESSION))
        if is_reminded(other.end, one.end):
            expected.add((learner, OTHER))
    assert told == expected
    silent = [e for pair in pairs for e in (h.end for h in pair) if e.silent_since is not None]
    assert PAIRS / 10 < len(expected) < len(silent)


def is_reminded(mine: Snapshot, other: Snapshot) -> bool:
    """Read off two ends, as written by hand, whether a silence in the first one is told."""
    if mine.silent_since is None:
        return False
    begun = min(filter(None, (mine.enrolled_at, mine.started_at, mine.active_at)))
    failed = other.completed_at is None or other.passed is False
    return ((other.done_at if failed else other.completed_at) or 0) <= begun
