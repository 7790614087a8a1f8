"""A backtest finds what a service that lived through it found, and leaves no trace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.incoming.letter import Arrival
from service.simulation.backtest.states import States
from tests.installation import (
    ADA,
    DAY,
    DONE,
    FREE,
    HOUR,
    MINUTE,
    START,
    STILL,
    Installation,
    body,
    completed,
    enrolled,
    progressed,
    seats,
)
from tests.simulation.recorded_history import (
    EVERY_KIND,
    INTERVALS,
    LATENESS,
    WHOLE_LANGUAGE,
    fates_of,
    file_of,
    live_through,
    rehearsed,
    verified,
)

QUIET = STILL.replace("7d", "1d")
SHADOW = DONE.replace("trigger:", "mode: shadow\n    trigger:")


@pytest.fixture(scope="module")
def academy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Six days that the service lived through."""
    with Installation(tmp_path_factory.mktemp("academy"), EVERY_KIND) as here:
        live_through(here, 6)
        yield here


def test_the_same_rules_come_to_what_they_really_came_to(academy: Installation) -> None:
    found = rehearsed(academy, EVERY_KIND)
    assert found.tally.fates == fates_of(academy)
    assert found.tally.matched.total() == len(academy.notifications())
    assert {"sent", "cancelled", "dropped"} <= {state for _, state, _ in found.tally.fates}


def test_windows_digests_throttles_and_escalations_come_to_the_same(tmp_path: Path) -> None:
    with Installation(tmp_path, WHOLE_LANGUAGE, head=INTERVALS) as here:
        live_through(here, 6)
        found, really = rehearsed(here, WHOLE_LANGUAGE), fates_of(here)
        assert found.tally.fates == really
        assert {("done", "dropped", "digest"), ("moving", "dropped", "throttle")} <= really.keys()
        assert verified(here).reproduced == len(here.notifications())
        assert {"digest", "stalled_for"} <= {row["trigger"] for row in here.notifications()}


def test_what_is_forgotten_is_read_again(
    academy: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(States.__init__, "__defaults__", (1,))
    assert rehearsed(academy, EVERY_KIND).tally.fates == fates_of(academy)


def test_other_rules_than_those_that_were_live_are_tried(tmp_path: Path) -> None:
    with Installation(tmp_path, STILL) as here:
        here.import_people([ADA])
        here.post(enrolled(START, 77), completed(START + HOUR, 77))
        here.tick(START + HOUR)
        found = rehearsed(here, DONE)
        assert found.tally.fates == {("done", "sent", ""): 1}
        assert found.tally.days == {"2026-11-16": 1}
        assert found.tally.kinds == {"learner": 1}


def test_shadow_counts_as_live_and_disabled_does_not(tmp_path: Path) -> None:
    with Installation(tmp_path, STILL) as here:
        here.import_people([ADA])
        here.post(completed(START, 77))
        here.tick(START)
        assert rehearsed(here, SHADOW).tally.sent == 1
        assert rehearsed(here, SHADOW.replace("shadow", "disabled")).tally.matched.total() == 0


def test_a_silence_is_told_of_at_its_own_moment(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        here.post(enrolled(START, 77))
        for now in range(START, START + 3 * DAY, 10 * MINUTE):
            here.tick(now)
        found = rehearsed(here, QUIET)
        assert found.tally.days == {"2026-11-17": 1}
        almost = rehearsed(here, QUIET, until=START + DAY + LATENESS - 1)
        just = rehearsed(here, QUIET, until=START + DAY + LATENESS)
        assert (almost.tally.sent, just.tally.sent) == (0, 1)


def test_who_comes_back_before_the_clock_was_asked_is_not_reminded(tmp_path: Path) -> None:
    """The service was down for days, and took the letters before it asked, as it does."""
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        here.post(enrolled(START, 77))
        here.tick(START)
        here.post(progressed(START + 20 * HOUR, 77, 30))
        here.tick(START + 30 * HOUR)
        assert rehearsed(here, QUIET).tally.matched.total() == 0


def test_rules_that_go_live_later_leave_old_silences_alone(tmp_path: Path) -> None:
    current = QUIET.replace("notify:", "on_activate: current\n    notify:")
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        here.post(enrolled(START, 77))
        for now in range(START, START + 3 * DAY, 10 * MINUTE):
            here.tick(now)
        later = START + 2 * DAY
        assert rehearsed(here, QUIET).tally.sent == 1
        assert rehearsed(here, QUIET, since=later).tally.sent == 0
        assert rehearsed(here, current, since=later).tally.sent == 1


def test_events_before_the_rules_went_live_tell_nobody(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        for n in range(3):
            here.post(completed(START + n * DAY, 77, course=f"course:{n}", session=f"course:{n}_1"))
            here.tick(START + n * DAY)
        assert rehearsed(here, DONE, since=START + DAY).tally.sent == 2
        assert rehearsed(here, DONE, until=START + DAY).tally.sent == 2


def test_what_an_import_said_tells_nobody(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        at = START + MINUTE
        said = Arrival("adobe", at, {}, body(completed(START, 77)))
        here.app.letters.keep([said], imported=True)
        here.tick(at)
        assert rehearsed(here, DONE).tally.matched.total() == 0


def test_who_has_no_address_today_waits(tmp_path: Path) -> None:
    with Installation(tmp_path, QUIET) as here:
        here.post(completed(START, 77))
        here.tick(START)
        found = rehearsed(here, DONE)
        assert found.tally.fates == {("done", "waiting_address", "no address"): 1}
        assert found.tally.waiting.total() == 1


def test_a_backtest_writes_nothing(academy: Installation) -> None:
    ledger = academy.app.ledger
    before = ledger.end(), ledger.revision()
    rehearsed(academy, EVERY_KIND, against=file_of(DONE))
    assert (ledger.end(), ledger.revision()) == before


def test_the_difference_names_more_fewer_and_moved(academy: Installation) -> None:
    slower = EVERY_KIND.replace("collapse: 10m", "collapse: 30m").replace("1d", "2d")
    slower = slower.replace("{gte: 80}", "{gte: 60}")
    found = rehearsed(academy, slower, against=file_of(EVERY_KIND)).difference
    assert found is not None
    new, old = (rehearsed(academy, rules).tally for rules in (slower, EVERY_KIND))
    counts = found.counts
    assert new.sent - old.sent == counts["more"] - counts["fewer"]
    assert new.sent == found.same + counts["more"] + counts["moved"]
    assert counts["more"] and counts["moved"] and counts["fewer"] and found.same
    moved = found.examples["moved"][0]
    assert moved.before is not None and moved.at != moved.before


def test_a_file_differs_from_itself_in_nothing(academy: Installation) -> None:
    found = rehearsed(academy, EVERY_KIND, against=file_of(EVERY_KIND)).difference
    assert found is not None and not found.counts
    assert found.same == rehearsed(academy, EVERY_KIND).tally.sent


def test_a_storm_is_named_by_rule_and_hour(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        for n in range(8):
            here.post(enrolled(START + n, 77, course=f"course:{n}", session=f"course:{n}_1"))
        for now in range(START, START + 2 * DAY, 10 * MINUTE):
            here.tick(now)
        found = rehearsed(here, QUIET, storm_limit=5)
        assert found.tally.fates == {("still", "sent", ""): 5, ("still", "held", "storm"): 3}
        assert list(found.tally.storms.values()) == [3]


def test_seats_are_as_they_were_then(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        for n, taken in enumerate((10, 9, 10, 4)):
            here.post(seats(START + n * HOUR, taken))
            here.tick(START + n * HOUR)
        found = rehearsed(here, FREE)
        assert found.tally.fates == {("free", "sent", ""): 2}
        assert found.tally.kinds == {"room": 2}
