"""The vigil: a feed that stops talking is noticed once, whatever else waits or restarts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.incoming.letter import Arrival
from service.learners.feed_subjects import SilentSource
from service.rules.triggers.source_silent import FeedSilence, watched
from tests.installation import DAY, HOUR, MINUTE, START, Installation, completed

QUIET = """
  - id: quiet
    trigger: {source_silent_for: 6h}
    notify:
      - {post: room, template: feed_silent}
"""
ADOBE_ONLY = QUIET.replace("    notify", "    conditions:\n      - event.source: adobe\n    notify")
ASLEEP = QUIET.replace("    trigger", "    mode: disabled\n    trigger")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, QUIET) as room:
        yield room


def occurrences(room: Installation) -> list[str]:
    ids = [row["id"] for row in room.notifications()]
    return [found.owed.occurrence for found in room.app.notification_streams.notifications(ids)]


def test_a_feed_that_stops_is_told_of_once(room: Installation) -> None:
    room.post(completed(START, 77))
    for hour in range(12):
        room.tick(START + hour * HOUR)

    (told,) = room.notifications()
    assert told["state"] == "sent"
    (text,) = room.drawer()
    assert "Nothing has come from adobe since 16 November 2026" in text


def test_a_letter_begins_a_new_silence(room: Installation) -> None:
    room.post(completed(START, 77))
    for hour in range(20):
        if hour == 8:
            room.post(completed(START + 8 * HOUR, 78))
        room.tick(START + hour * HOUR)

    assert occurrences(room) == ["adobe/1", "adobe/2"]


def test_who_has_never_spoken_has_not_stopped(room: Installation) -> None:
    for hour in range(12):
        room.tick(START + hour * HOUR)
    assert room.notifications() == []


def test_only_time_in_which_the_service_ran_counts(room: Installation) -> None:
    room.post(completed(START, 77))
    room.tick(START)
    room.tick(START + 4 * HOUR)

    room.reopen(START + 5 * DAY)
    room.tick(START + 5 * DAY)
    room.tick(START + 5 * DAY + HOUR)
    assert room.notifications() == [], "four hours and one, the days between were no silence"

    room.tick(START + 5 * DAY + 2 * HOUR)
    assert room.states() == ["sent"]


def test_a_restart_does_not_tell_again(room: Installation) -> None:
    room.post(completed(START, 77))
    room.tick(START)
    room.tick(START + 6 * HOUR)
    room.reopen(START + 7 * HOUR)
    room.tick(START + 7 * HOUR)
    room.tick(START + 8 * HOUR)

    assert room.states() == ["sent"]


def test_a_letter_in_the_last_moment_cancels_it(room: Installation) -> None:
    room.post(completed(START, 77))
    room.tick(START)
    room.app.ask_feeds(START + 6 * HOUR)
    room.post(completed(START + 6 * HOUR, 78))
    room.tick(START + 6 * HOUR + MINUTE)

    (told,) = room.notifications()
    assert (told["state"], told["reason"]) == ("cancelled", "no_longer_true")


def test_a_backlog_nobody_takes_does_not_hide_it(room: Installation) -> None:
    room.post(completed(START, 77))
    room.tick(START)
    room.app.letters.keep([Arrival("sunbird", START, {}, b"{}")])
    room.app.ask(START + 6 * HOUR)

    assert set(occurrences(room)) == {"adobe/1", "sunbird/2"}


def test_a_condition_can_name_the_source(tmp_path: Path) -> None:
    with Installation(tmp_path, ADOBE_ONLY) as room:
        room.app.letters.keep([Arrival("sunbird", START, {}, b"{}")])
        room.post(completed(START, 77))
        room.tick(START)
        room.tick(START + 6 * HOUR)

        assert occurrences(room) == ["adobe/2"]


def test_without_such_a_rule_nothing_is_recorded(tmp_path: Path) -> None:
    with Installation(tmp_path, ASLEEP) as room:
        room.post(completed(START, 77))
        room.tick(START)
        room.tick(START + DAY)
        assert room.app.writer.lookup.latest("feeds") is None


def test_an_import_is_no_sign_of_life(room: Installation) -> None:
    room.post(completed(START, 77))
    room.tick(START)
    room.app.letters.keep([Arrival("adobe", START + 5 * HOUR, {}, b"")], imported=True)
    room.tick(START + 6 * HOUR)

    assert room.states() == ["sent"]


def test_silence_counts_from_the_letter_not_from_the_ask() -> None:
    heard = {"adobe": SilentSource("adobe", 2, 900)}
    assert watched({}, heard, elapsed=500, now=1_000) == {"adobe": FeedSilence(2, 100)}
    before = {"adobe": FeedSilence(2, 100)}
    assert watched(before, heard, elapsed=500, now=1_500) == {"adobe": FeedSilence(2, 600)}
    assert watched(before, heard, elapsed=50, now=5_000) == {"adobe": FeedSilence(2, 150)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (QUIET, QUIET.replace("feed_silent", "seat_free")),
        (QUIET, QUIET.replace("6h", "5h")),
        (QUIET.replace("    trigger", "    mode: shadow\n    trigger"), QUIET),
        (QUIET.replace("6h", "30d"), QUIET),
        (ASLEEP, QUIET),
    ],
    ids=["another template", "a shorter silence", "out of the shadow", "due already", "woken"],
)
def test_editing_a_rule_tells_nothing_of_a_silence_that_was_long_enough(
    tmp_path: Path, before: str, after: str
) -> None:
    with Installation(tmp_path, before) as room:
        room.post(completed(START, 77))
        for hour in (0, 1, 7):
            room.tick(START + hour * HOUR)
        told = len(room.drawer())
        room.write_rules(after)
        room.app.reload(START + 8 * HOUR)
        for hour in (8, 9, 10):
            room.tick(START + hour * HOUR)

        assert len(room.drawer()) == told


def test_a_process_that_was_stopped_did_not_listen(room: Installation) -> None:
    room.post(completed(START, 77))
    for ask in (START, START + 4 * DAY, START + 4 * DAY + 5_000):
        room.app.ask_feeds(ask, at_most=MINUTE)

    assert room.notifications() == []
