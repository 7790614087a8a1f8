"""Why nobody was reminded of a silence: what it lacked, or what the clock said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import ADA, DAY, DONE, HOUR, START, STILL, Installation, completed, enrolled
from tests.rules.explain.explained import asked

SILENT = """
  - id: silent
    trigger: {source_silent_for: 6h}
    notify:
      - {post: room, template: feed_silent}
"""
LATER = START + 20 * DAY


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, STILL + SILENT) as office:
        office.import_people([ADA])
        yield office


def test_a_silence_that_is_not_long_enough_says_when_it_will_be(office: Installation) -> None:
    office.post(enrolled(START, 77))
    office.tick(START)
    (words,) = asked(office, "still", START + 5 * DAY, learner="77").matters[0].nearest
    assert words == ("silent for 5 d of 7d; the clock would be asked at 2026-11-23 09:15:00Z")


def test_a_silence_that_was_long_enough_says_who_was_told(office: Installation) -> None:
    office.post(enrolled(START, 77))
    for days in range(9):
        office.tick(START + days * DAY)
    (occasion,) = asked(office, "still", LATER, learner="77").matters[0].occasions
    assert occasion.told and occasion.what == "silent for 7d since 2026-11-16 09:00:00Z"
    assert occasion.cause is not None and occasion.cause.fact == "enrollment.enrolled"


def test_a_silence_older_than_the_rule_says_so(office: Installation) -> None:
    office.write_rules(DONE)
    office.app.reload(START)
    office.post(enrolled(START, 77))
    office.tick(START)
    office.write_rules(STILL)
    office.app.reload(START + 7 * DAY + HOUR // 10)
    office.tick(START + 8 * DAY)
    (occasion,) = asked(office, "still", LATER, learner="77").matters[0].occasions
    assert "before the rule went live" in occasion.verdict


def test_while_the_service_stood_still_the_clock_was_not_asked(office: Installation) -> None:
    office.post(enrolled(START, 77))
    office.tick(START)
    (occasion,) = asked(office, "still", LATER, learner="77").matters[0].occasions
    assert occasion.verdict.startswith("the clock was not asked")


def test_a_completed_enrollment_is_never_silent(office: Installation) -> None:
    office.post(enrolled(START, 77))
    office.tick(START)
    office.post(completed(START + 3 * DAY, 77))
    office.tick(START + 3 * DAY)
    nearest = asked(office, "still", LATER, learner="77").matters[0].nearest
    assert nearest[0].startswith("its longest silence until then was 3 d of 7d")
    assert nearest[1].startswith("only an open enrollment can be silent: completed")


def test_a_feed_that_still_talks_says_how_long_it_was_silent(office: Installation) -> None:
    office.post(enrolled(START, 77))
    for hour in range(4):
        office.tick(START + hour * HOUR)
    (words,) = asked(office, "silent", START + 3 * HOUR, source="adobe").matters[0].nearest
    assert words == "the service ran 3 h since letter 1, its last, of 6h"
    for hour in range(4, 8):
        office.tick(START + hour * HOUR)
    (occasion,) = asked(office, "silent", LATER, source="adobe").matters[0].occasions
    assert occasion.told
