"""Setbacks: a letter that could not be used is told of once, whatever is retried or restarts."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from service.incoming.letter import Arrival
from service.learners.people import PersonRow
from service.rules.setbacks import LETTERS_PER_ASK, STREAM
from tests.installation import DAY, DONE, HOUR, MINUTE, START, Installation, completed, event

ASIDE = """
  - id: aside
    trigger: {event: letter.set_aside}
    notify:
      - {post: room, template: letter_set_aside}
"""
SHADOW = ASIDE.replace("    trigger", "    mode: shadow\n    trigger")
ASLEEP = ASIDE.replace("    trigger", "    mode: disabled\n    trigger")
OTHER = ASIDE.replace("id: aside", "id: other")
UNKNOWN = event("COURSE_STARTED", START)
NOBODY = event("COURSE_COMPLETED", START, loId="course:7", loInstanceId="course:7_1")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, ASIDE) as room:
        yield room


def told(room: Installation) -> list[tuple[str, str]]:
    """Rule and number of the letter of every decision, in order."""
    ids = [row["id"] for row in room.notifications()]
    owed = [found.owed for found in room.app.docket.notifications(ids)]
    return sorted((each.rule, each.occurrence) for each in owed)


def ends(room: Installation) -> list[tuple[str, str | None]]:
    return [(row["state"], row["reason"]) for row in room.notifications()]


def unread(room: Installation, source: str = "adobe", at: int = START, **more: Any) -> int:
    """A letter of which nothing can be used."""
    return room.app.letters.keep([Arrival(source, at, {}, b"{")], **more)[0]


def retried(room: Installation, *numbers: int, sources: Sequence[str]) -> None:
    """Tried again by an installation that has these sources."""
    kept = dict(room.app.sources)
    for name in kept.keys() - set(sources):
        del room.app.sources[name]
    assert room.app.letters.retry(numbers) == len(numbers)
    room.app.take(START + HOUR)
    room.app.sources.update(kept)


def test_a_letter_that_could_not_be_used_is_told_of_once(room: Installation) -> None:
    room.post(completed(START, 77), UNKNOWN, NOBODY)
    for hour in range(3):
        room.tick(START + hour * HOUR)

    assert ends(room) == [("sent", None)]
    (text,) = room.drawer()
    assert "Letter 1 from adobe came on 16 November 2026, 09:00 UTC" in text
    assert "COURSE_STARTED" in text and "did you mean" in text
    assert "`coursebell letters show 1`" in text


def test_a_letter_that_is_no_letter_has_no_name_but_a_reason(room: Installation) -> None:
    unread(room)
    room.tick()

    (text,) = room.drawer()
    assert "could not be used." in text and "not JSON: line 1" in text


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
        assert room.app.writer.knowledge.latest(STREAM) is None


def test_an_ask_without_letters_records_nothing(room: Installation) -> None:
    room.tick()
    before = room.app.ledger.max_notification_id()
    room.tick(START + MINUTE)
    assert room.app.ledger.max_notification_id() == before


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
    retried(room, number, sources=["sunbird"])
    room.tick(START + HOUR)
    assert ends(room) == [("sent", None)]


def test_a_retry_before_the_ask_hides_nothing(room: Installation) -> None:
    first, _ = unread(room), unread(room)
    room.app.take(START)
    room.app.letters.retry([first])
    room.app.ask_feeds(START)
    room.tick()
    assert told(room) == [("aside", "1"), ("aside", "2")]


def test_a_letter_that_can_be_used_after_all_is_not_told_of(room: Installation) -> None:
    adobe = room.app.sources.pop("adobe")
    number = room.post(completed(START, 77))
    room.app.take(START)
    room.app.ask_feeds(START)
    room.app.sources["adobe"] = adobe
    assert room.app.letters.retry([number]) == 1
    room.tick()
    assert ends(room) == [("cancelled", "no_longer_true")]


def test_a_letter_that_waits_to_be_tried_again_is_told_of(room: Installation) -> None:
    number = unread(room)
    room.app.take(START)
    room.app.ask_feeds(START)
    room.app.letters.retry([number])
    room.app.views.catch_up()
    room.app.deliver(START)
    assert ends(room) == [("sent", None)]


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


def test_what_a_sender_calls_its_events_is_not_recorded_when_it_is_no_name(
    room: Installation,
) -> None:
    room.post(event("ada@example.org", START))
    room.tick()
    assert room.states() == ["sent"]
    log = b"".join(state for *_, state in room.app.ledger.log(0, 9_999))
    assert b"setbacks" not in log and b"ada@" not in log


def test_old_letters_count_in_a_storm_and_new_ones_do_not(tmp_path: Path) -> None:
    with Installation(tmp_path, ASIDE, COURSEBELL_STORM_LIMIT="2") as room:
        for _ in range(4):
            unread(room)
        room.tick()
        assert room.states() == ["sent"] * 4
        for _ in range(4):
            unread(room)
        room.tick(START + DAY + HOUR)
        assert sorted(ends(room)[4:], key=str) == [("held", "storm")] * 2 + [("sent", None)] * 2


def test_steps_follow_while_the_letter_is_still_aside(tmp_path: Path) -> None:
    step = "    escalation:\n      - {after: 2d, post: room, template: letter_set_aside}\n"
    with Installation(tmp_path, ASIDE + step) as room:
        adobe = room.app.sources.pop("adobe")
        used, _ = room.post(completed(START, 77)), unread(room)
        room.tick()
        room.app.sources["adobe"] = adobe
        room.app.letters.retry([used])
        room.tick(START + DAY)
        room.tick(START + 2 * DAY + MINUTE)
        assert told(room) == [("aside", "1"), ("aside", "2"), ("aside", "2")]


def test_a_digest_tells_of_many_in_one_message(tmp_path: Path) -> None:
    words = tmp_path / "templates/setbacks/chat"
    words.mkdir(parents=True)
    (words / "subject.txt").write_text("Set aside")
    line = "{{ item.letter.number }} {{ item.event.source }} {{ item.letter.reason }}"
    (words / "body.txt").write_text(f"{{% for item in items %}}{line}\n{{% endfor %}}")
    entry = "template: setbacks, digest: {every: hour, group_by: [event.source]}"
    rules = ASIDE.replace("template: letter_set_aside", entry)
    folder = str(tmp_path / "templates")
    with Installation(tmp_path, rules, COURSEBELL_TEMPLATES=folder) as room:
        unread(room)
        unread(room)
        unread(room, "sunbird")
        room.tick()
        room.tick(START + HOUR)
        one, two = sorted(room.drawer())
        assert "1 adobe not JSON" in one + two and "2 adobe not JSON" in one + two
        assert ("3 sunbird not JSON" in one) != ("3 sunbird not JSON" in two)


def test_by_mail_a_group_is_told(tmp_path: Path) -> None:
    entry = "{to: 'group:staff', via: email, template: letter_set_aside}"
    rules = ASIDE.replace("{post: room, template: letter_set_aside}", entry)
    with Installation(tmp_path, rules) as room:
        room.import_people([PersonRow("9", email="grace@example.org", groups=("staff",))])
        unread(room)
        room.tick()
        assert room.states() == ["sent"]
        assert any("coursebell letters retry 1" in text for text in room.drawer())
