"""Intake: a letter is taken exactly once, whole, and what cannot be used harms nothing else."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.incoming import intake
from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.incoming.sources.adobe import MEANS, Adobe
from service.incoming.sources.source import Item
from service.learners.facts import Started
from service.ledger.sql import Statement
from tests.installation import (
    DAY,
    DONE,
    MINUTE,
    START,
    Installation,
    about,
    body,
    completed,
    enrolled,
    event,
    progressed,
    seats,
)
from tests.learners.writer_with_rules import FAILS

ADA, GRACE = 77, 78
MYSTERY = event("COURSE_STARTED", START, **about(ADA))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE) as opened:
        yield opened


def became(room: Installation, receipt: int) -> list[str]:
    """The states of a letter's events."""
    shown = room.app.letters.show(receipt)
    assert shown is not None
    return [each["state"] for each in shown["events"]]


def facts(room: Installation) -> list[tuple[str, str, int]]:
    """Topic, stream and version of every fact in the log."""
    log = room.app.ledger.log(0, 9_999)
    wings = ("enrollment.", "instance.", "course.")
    return [(topic, stream, v) for _, stream, v, topic, _ in log if topic.startswith(wings)]


def owed(room: Installation) -> int:
    return sum(topic == "notification.owed" for _, _, _, topic, _ in room.app.ledger.log(0, 9_999))


def people(room: Installation) -> int:
    found: int = room.app.ledger.reader().execute("SELECT COUNT(*) FROM people").fetchone()[0]
    return found


def test_a_letter_is_taken_exactly_once(room: Installation) -> None:
    receipt = room.post(enrolled(START, ADA), completed(START + MINUTE, ADA))
    assert [room.app.intake.take(START + DAY) for _ in range(3)] == [1, 0, 0]
    assert became(room, receipt) == ["recorded", "recorded"]
    assert [(topic, version) for topic, _, version in facts(room)] == [
        ("enrollment.enrolled", 1), ("enrollment.completed", 2),
    ]  # fmt: skip
    room.reopen(START + DAY)
    assert room.app.take(START + DAY) == 0
    assert (len(facts(room)), owed(room)) == (2, 1)


class Stumbling(Letters):
    """Letters whose marks are written and then lost with the transaction."""

    def marks(self, *args: Any) -> Iterator[Statement]:
        yield from super().marks(*args)
        yield FAILS


def test_marks_events_people_and_decisions_are_one_transaction(room: Installation) -> None:
    receipt = room.post(enrolled(START, ADA), completed(START + MINUTE, ADA), MYSTERY)
    stumbling = intake.Intake(Stumbling(room.app.ledger), room.app.sources, room.app.writer)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            stumbling.take(START + DAY)
        assert (facts(room), owed(room), people(room)) == ([], 0, 0)
        assert [letter.n for letter in room.app.letters.waiting(9)] == [receipt]
        assert room.app.letters.counts()["set_aside"] == 0
    assert room.app.intake.take(START + DAY) == 1
    assert (len(facts(room)), owed(room), people(room)) == (2, 1, 1)
    assert became(room, receipt) == ["recorded", "recorded", "set_aside"]


@pytest.mark.parametrize("together", [True, False])
def test_the_same_letter_again_holds_only_duplicates(room: Installation, together: bool) -> None:
    receipts, events = [], [enrolled(START, ADA), seats(START, 3), completed(START, ADA)]
    for _ in range(3):
        receipts.append(room.post(*events))
        if not together:
            room.app.take(START + DAY)
    room.app.take(START + DAY)
    states = [became(room, receipt) for receipt in receipts]
    assert states == [["recorded"] * 3, ["duplicate"] * 3, ["duplicate"] * 3]
    assert (len(facts(room)), owed(room)) == (3, 1)


def test_the_same_event_twice_in_one_letter_is_recorded_once(room: Installation) -> None:
    receipt = room.post(enrolled(START, ADA), enrolled(START, ADA))
    room.app.take(START + DAY)
    assert became(room, receipt) == ["recorded", "duplicate"]


def test_one_id_with_two_stories_is_two_facts_and_a_conflict(room: Installation) -> None:
    one = event("LEARNER_PROGRESS", START, "7", progressPercent=5, **about(ADA))
    two = event("LEARNER_PROGRESS", START + 1, "7", progressPercent=6, **about(ADA))
    receipt = room.post(one, two, one)
    room.app.take(START + DAY)
    assert became(room, receipt) == ["recorded", "recorded", "duplicate"]
    bodies = [
        room.app.store.mapper.decode(t, state)
        for _, _, _, t, state in room.app.ledger.log(0, 99)
        if t.startswith("enrollment.")
    ]
    assert [each.conflict for each in bodies] == [False, True]


def test_what_cannot_be_used_is_set_aside_and_the_rest_goes_on(room: Installation) -> None:
    ahead = enrolled(START + 3 * DAY, ADA)
    nobody = event("COURSE_COMPLETED", START, loId="course:7", loInstanceId="course:7_1")
    ours = event("RESPONSE:ASYNCAPI_JOB", START)
    receipt = room.post(
        enrolled(START, ADA), MYSTERY, ahead, nobody, ours, completed(START, ADA), at=START
    )
    late = room.post(progressed(START - MINUTE, ADA, 5), progressed(START + MINUTE, ADA, 9))
    room.app.take(START + DAY)
    assert became(room, receipt) == [
        "recorded", "set_aside", "set_aside", "set_aside", "ignored", "recorded",
    ]  # fmt: skip
    assert became(room, late) == ["recorded", "superseded"]
    counts = room.app.letters.counts()
    assert counts == {"accepted": 2, "taken": 1, "set_aside": 1, "waiting": 0}
    reasons = {row["name"]: row["reason"] for row in room.app.asides.reasons(9)}
    assert reasons["COURSE_COMPLETED"].startswith("data.userId: expected an id, got nothing")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"accountId":1,"events":[]}'])
def test_a_letter_without_events_is_taken_and_holds_no_facts(
    room: Installation, content: bytes
) -> None:
    (receipt,) = room.app.letters.keep([Arrival("adobe", START, {}, content)])
    room.app.take(START)
    assert (became(room, receipt), facts(room)) == ([], [])
    assert room.app.letters.counts()["taken"] == 1


def test_a_second_try_keeps_what_the_first_recorded(
    room: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = room.post(enrolled(START, ADA), MYSTERY, completed(START + MINUTE, ADA))
    room.app.take(START + DAY)
    first = room.app.letters.show(receipt)
    assert first is not None
    assert became(room, receipt) == ["recorded", "set_aside", "recorded"]
    monkeypatch.setitem(MEANS, "COURSE_STARTED", lambda _: Started())  # type: ignore
    assert room.app.letters.retry([receipt]) == 1
    room.app.take(START + 2 * DAY)
    again = room.app.letters.show(receipt)
    assert again is not None
    assert [again["events"][n] for n in (0, 2)] == [first["events"][n] for n in (0, 2)]
    assert (again["events"][1]["state"], again["state"]) == ("recorded", "taken")
    assert (len(facts(room)), owed(room)) == (3, 1)


class Brittle(Adobe):
    """A source that breaks on whatever names Grace."""

    def read(self, body: bytes, received_at: int) -> list[Item]:
        if b'"userId": 78' in body:
            raise RuntimeError("a secret name must not get into the reason")
        return super().read(body, received_at)


def test_a_letter_that_breaks_the_program_is_set_aside_alone(room: Installation) -> None:
    room.app.sources["adobe"] = Brittle()
    numbers = [room.post(enrolled(START, user)) for user in (ADA, GRACE, 79)]
    room.app.take(START + DAY)
    assert [became(room, n) for n in numbers] == [["recorded"], ["set_aside"], ["recorded"]]
    (reason,) = room.app.asides.reasons(9)
    assert "RuntimeError" in reason["reason"]
    assert "secret" not in reason["reason"]
    room.app.sources["adobe"] = Adobe()
    assert room.app.letters.retry(numbers) == 1
    room.app.take(START + DAY)
    assert became(room, numbers[1]) == ["recorded"]
    assert len(facts(room)) == 3


@pytest.mark.parametrize("trouble", ["breaks", "is gone"])
def test_a_second_try_that_fails_whole_loses_nothing_of_the_first(
    room: Installation, trouble: str
) -> None:
    """It stays set aside, with what is still to be taken: it must not count as taken."""
    receipt = room.post(enrolled(START, GRACE), MYSTERY, enrolled(START, ADA))
    room.app.take(START + DAY)
    room.app.letters.retry([receipt])
    adobe = room.app.sources.pop("adobe")
    if trouble == "breaks":
        room.app.sources["adobe"] = Brittle()
    room.app.take(START + DAY)
    assert became(room, receipt) == ["recorded", "set_aside", "recorded"]
    room.app.sources["adobe"] = adobe
    assert room.app.letters.retry([receipt]) == 1
    assert len(facts(room)) == 2


def test_a_rule_that_breaks_sets_its_letter_aside_and_no_other(room: Installation) -> None:
    decide = room.app.writer.decide

    def brittle(appended: Any, world: Any, now: int) -> Any:
        if appended.event.said.TOPIC == "enrollment.completed":
            raise ZeroDivisionError
        return decide(appended, world, now)

    room.app.writer.decide = brittle
    one = room.post(enrolled(START, ADA), completed(START + MINUTE, ADA))
    two = room.post(enrolled(START, GRACE))
    room.app.take(START + DAY)
    assert (became(room, one), became(room, two)) == (["set_aside"], ["recorded"])
    assert len(facts(room)) == 1
    room.app.writer.decide = decide
    room.app.letters.retry([one])
    room.app.take(START + DAY)
    assert became(room, one) == ["recorded", "recorded"]
    assert owed(room) == 1


def test_a_round_is_bounded_in_letters_and_bytes(
    room: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LETTERS_PER_ROUND", 3)
    monkeypatch.setattr(intake, "BYTES_PER_ROUND", 2 * len(body(enrolled(START, 10))))
    for user in range(10, 17):
        room.post(enrolled(START, user))
    assert [room.app.intake.take(START + DAY) for _ in range(5)] == [2, 2, 2, 1, 0]
    assert len(facts(room)) == 7
