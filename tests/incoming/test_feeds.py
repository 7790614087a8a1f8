"""Feeds: each source's letters and events are counted once, with how late and in what order."""

import sqlite3
from contextlib import closing
from pathlib import Path

from service.incoming.feeds import BOUNDS_MS, FeedStatistics
from service.incoming.letter import Arrival
from tests.installation import (
    DAY,
    DONE,
    HOUR,
    MINUTE,
    START,
    Installation,
    body,
    completed,
    enrolled,
    event,
    progressed,
)

ADA = 77
OLDER = f"""
CREATE TABLE feeds (
    source TEXT PRIMARY KEY, letters INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0, last_letter INTEGER, last_seen_at INTEGER,
    recorded INTEGER NOT NULL DEFAULT 0, superseded INTEGER NOT NULL DEFAULT 0,
    duplicate INTEGER NOT NULL DEFAULT 0, ignored INTEGER NOT NULL DEFAULT 0,
    set_aside INTEGER NOT NULL DEFAULT 0, out_of_order INTEGER NOT NULL DEFAULT 0,
    newest_at INTEGER NOT NULL DEFAULT 0, lateness TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
INSERT INTO feeds VALUES ('adobe', 7, 2, 0, {START + MINUTE}, 5, 0, 1, 0, 0, 0, {START + MINUTE},
    '[5,0,0,0,0,0,0,0,0,0]');
"""


def feed(room: Installation, name: str = "adobe") -> FeedStatistics:
    return next(each for each in room.app.letters.feeds.all() if each.source == name)


def test_what_became_of_every_event_is_counted_once(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as room:
        room.post(enrolled(START, ADA), completed(START + HOUR, ADA), event("BOGUS", START))
        late = progressed(START + HOUR + MINUTE, ADA, 80)
        room.post(completed(START + HOUR, ADA), late, at=START + HOUR)
        room.tick(START + HOUR)

        found = feed(room)

    assert (found.letters, found.last_letter, found.last_seen_at) == (2, 2, START + HOUR)
    assert (found.recorded, found.duplicate, found.superseded, found.set_aside) == (2, 1, 1, 1)


def test_an_event_is_out_of_order_when_a_later_one_was_taken_before(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as room:
        room.post(progressed(START + HOUR, ADA, 20))
        room.post(enrolled(START, ADA), at=START + HOUR)
        room.post(progressed(START + HOUR, ADA, 30), at=START + HOUR)
        room.tick(START + HOUR)

        assert feed(room).out_of_order == 1


def test_lateness_is_from_what_happened_to_the_letter(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as room:
        room.post(enrolled(START, ADA), at=START + 500)
        room.post(progressed(START, ADA, 10), at=START + 10 * MINUTE)
        room.post(completed(START, ADA), at=START + 30 * DAY)
        room.tick(START + 30 * DAY)
        found = feed(room)

    assert sum(found.lateness) == 3
    assert found.lateness[0] == found.lateness[BOUNDS_MS.index(15 * MINUTE)] == 1
    assert found.late_by(0.3) == 1_000
    assert found.late_by(0.5) == 15 * MINUTE
    assert found.late_by(0.99) is None


def test_a_second_try_counts_only_what_is_tried_again(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as room:
        n = room.post(enrolled(START, ADA), event("BOGUS", START))
        room.tick(START)
        room.app.letters.retry([n])
        room.tick(START)

        assert (feed(room).recorded, feed(room).set_aside, feed(room).letters) == (1, 1, 1)


def test_what_a_queue_skipped_is_counted_with_what_it_kept(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as room:
        room.app.letters.keep([], skipped={"sunbird": 70})
        kept = Arrival("sunbird", START, {}, b"{}")
        room.app.letters.keep([kept, kept], skipped={"sunbird": 3})

        found = feed(room, "sunbird")

    assert (found.skipped, found.letters) == (73, 2)


def test_what_an_older_version_counted_goes_on_with(tmp_path: Path) -> None:
    """It had one row for each source, and goes on with it if it is put back."""
    with Installation(tmp_path, DONE) as room:
        with closing(sqlite3.connect(room.app.ledger.path)) as older:
            older.executescript(OLDER)
        room.reopen()
        room.post(progressed(START, ADA, 10), at=START + HOUR)
        room.tick(START + HOUR)
        found = feed(room)
        heard = room.app.letters.feeds.heard()["adobe"]

    assert (found.letters, found.skipped, found.recorded, found.duplicate) == (8, 2, 6, 1)
    assert (found.lateness[0], sum(found.lateness), found.out_of_order) == (5, 6, 1)
    assert (found.last_letter, found.last_seen_at) == (heard.letter, heard.at) == (1, START + HOUR)


def test_an_import_says_nothing_about_how_its_feed_is(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as room:
        arrival = Arrival("adobe", START, {}, body(enrolled(START - DAY, ADA)))
        room.app.letters.keep([arrival], imported=True)
        room.tick(START)

        assert room.app.letters.feeds.all() == []
        assert room.app.letters.feeds.heard() == {}
        assert room.app.letters.feeds.all(["adobe"]) == [FeedStatistics("adobe")]


def test_one_event_from_the_future_does_not_put_all_others_out_of_order(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as room:
        room.post(progressed(START + 23 * HOUR, ADA, 10), at=START)
        room.post(progressed(START + HOUR, ADA, 20), progressed(START + 2 * HOUR, ADA, 30))
        room.tick(START + 3 * HOUR)

        assert feed(room).out_of_order == 0
