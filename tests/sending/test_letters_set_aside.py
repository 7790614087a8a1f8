"""Setbacks that are told: what of a letter reaches whom, when it still holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.learners.directory.people import PersonRow
from tests.installation import DAY, HOUR, MINUTE, START, Installation, completed, event
from tests.letters_set_aside import ASIDE, UNKNOWN, ends, told, unread

NOBODY = event("COURSE_COMPLETED", START, loId="course:7", loInstanceId="course:7_1")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, ASIDE) as room:
        yield room


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
