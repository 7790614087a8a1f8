"""Setbacks: a letter that could not be used is told of once, whatever is retried or restarts."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.incoming.letter import Arrival
from service.rules.triggers.letter_set_aside import LETTERS_PER_ASK, STREAM
from tests.installation import DONE, HOUR, MINUTE, START, Installation, completed
from tests.letters_set_aside import ASIDE, UNKNOWN, ends, told, unread

SHADOW = ASIDE.replace("    trigger", "    mode: shadow\n    trigger")
ASLEEP = ASIDE.replace("    trigger", "    mode: disabled\n    trigger")
OTHER = ASIDE.replace("id: aside", "id: other")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, ASIDE) as room:
        yield room


def test_letters_that_were_used_are_not_told_of(room: Installation) -> None:
    room.post(completed(START, 77))
    room.tick()
    assert room.notifications() == []


def test_each_letter_is_told_of(room: Installation) -> None:
    unread(room)
    room.tick()
    room.post(completed(START, 77))
    unread(room)
    unread(room)
    room.tick(START + MINUTE)
    assert told(room) == [("aside", "1"), ("aside", "3"), ("aside", "4")]


def test_many_at_once_are_all_told_of(tmp_path: Path) -> None:
    count = LETTERS_PER_ASK + 1
    with Installation(tmp_path, SHADOW) as room:
        room.app.letters.keep([Arrival("adobe", START, {}, b"{")] * count)
        room.tick()
        assert room.states() == ["shadow"] * count


def test_a_rule_begins_at_the_newest_letter_when_it_goes_live(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as room:
        unread(room)
        room.tick()
        unread(room)
        room.write_rules(ASIDE)
        room.app.reload(START)
        unread(room)
        room.tick(START + MINUTE)
        assert told(room) == [("aside", "3")]


def test_a_second_rule_begins_later_and_the_first_goes_on(room: Installation) -> None:
    unread(room)
    room.app.take(START)
    room.write_rules(ASIDE + OTHER)
    room.app.reload(START)
    unread(room)
    room.tick()
    assert told(room) == [("aside", "1"), ("aside", "2"), ("other", "2")]


@pytest.mark.parametrize("before", [SHADOW, ASLEEP, DONE], ids=["shadow", "disabled", "none"])
def test_a_rule_that_goes_live_again_tells_of_nothing_that_came_before(
    room: Installation, before: str
) -> None:
    room.write_rules(before)
    room.app.reload(START)
    unread(room)
    room.tick()
    unread(room)
    room.write_rules(ASIDE)
    room.app.reload(START)
    room.tick(START + MINUTE)
    assert "sent" not in room.states()


def test_without_such_a_rule_nothing_is_recorded(tmp_path: Path) -> None:
    with Installation(tmp_path, ASLEEP) as room:
        unread(room)
        room.tick()
        assert room.app.writer.lookup.latest(STREAM) is None


def test_an_ask_without_letters_records_nothing(room: Installation) -> None:
    room.tick()
    before = room.app.ledger.end()
    room.tick(START + MINUTE)
    assert room.app.ledger.end() == before


def test_a_restart_neither_repeats_nor_forgets(room: Installation) -> None:
    unread(room)
    room.tick()
    unread(room)
    room.app.take(START)
    unread(room)
    room.reopen(START + HOUR)
    room.tick(START + HOUR)
    room.tick(START + 2 * HOUR)
    assert told(room) == [("aside", "1"), ("aside", "2"), ("aside", "3")]


def test_what_an_ask_could_not_record_is_asked_again(
    room: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(decisions: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    unread(room)
    monkeypatch.setattr(room.app.writer, "commit", refused)
    with pytest.raises(sqlite3.OperationalError):
        room.tick()
    monkeypatch.undo()
    room.tick()
    assert told(room) == [("aside", "1")]


def test_a_letter_that_fails_again_is_not_told_of_again(room: Installation) -> None:
    number = unread(room)
    room.tick()
    assert room.app.letters.retry([number]) == 1
    room.tick(START + HOUR)
    assert ends(room) == [("sent", None)]


def test_a_retry_before_the_ask_hides_nothing(room: Installation) -> None:
    first, _ = unread(room), unread(room)
    room.app.take(START)
    room.app.letters.retry([first])
    room.app.ask_feeds(START)
    room.tick()
    assert told(room) == [("aside", "1"), ("aside", "2")]


def test_of_imported_letters_nobody_is_told(room: Installation) -> None:
    unread(room, imported=True)
    room.tick()
    unread(room)
    room.tick(START + MINUTE)
    assert told(room) == [("aside", "2")]


@pytest.mark.parametrize(
    "condition",
    [
        "event.source: adobe",
        "event.name: COURSE_STARTED",
        "letter.reason: {contains: got another}",
        "event.age: {lt: 1h}",
    ],
)
def test_conditions_can_read_of_the_letter(tmp_path: Path, condition: str) -> None:
    asked = f"    conditions:\n      - {condition}\n    notify"
    with Installation(tmp_path, ASIDE.replace("    notify", asked)) as room:
        unread(room, "sunbird", at=START - 2 * HOUR)
        room.post(UNKNOWN)
        room.tick()
        assert told(room) == [("aside", "2")]
        assert room.states() == ["sent"]
