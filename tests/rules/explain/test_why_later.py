"""Why a later message was sent or was not: escalations, digests, windows and throttles."""

from pathlib import Path

import pytest

from service.rules import digests, plan, rule, storm
from service.rules.explain.question import Unanswerable
from service.rules.explain.steps_in_words import reason_in_words
from service.rules.readers import watchers
from tests.installation import (
    ADA,
    DAY,
    FREE,
    HOUR,
    SESSION,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    seats,
)
from tests.letters_set_aside import ASIDE, unread
from tests.rules.explain.explained import asked, why

STEPS = f"""{STILL}    escalation:
      - {{after: 7d, to: manager, via: email, template: stalled}}
"""
TEAM = """
  - id: team
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: team_completions, digest: {every: day, at: "08:30"}}
"""


def test_a_step_goes_on_from_what_was_told_first(tmp_path: Path) -> None:
    with Installation(tmp_path, STEPS) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        for days in range(17):
            office.tick(START + days * DAY + HOUR)
        first, step = office.notifications()
        found = why(office, 1)
        assert step["recipient"] == found.to == "manager"
        assert [each.id for each in found.first] == [first["id"]]
        assert found.cause is not None and found.cause.fact == "enrollment.enrolled"
        (occasion,) = asked(office, "still", START + 20 * DAY, learner="77").matters[0].occasions
        assert [each.to for each in occasion.notifications] == ["learner", "manager"]


def test_a_step_that_owed_nothing_is_named(tmp_path: Path) -> None:
    with Installation(tmp_path, STEPS) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        for days in range(9):
            office.tick(START + days * DAY)
        office.post(completed(START + 9 * DAY, 77))
        for days in range(9, 17):
            office.tick(START + days * DAY)
        (occasion,) = asked(office, "still", START + 20 * DAY, learner="77").matters[0].occasions
        assert occasion.told
        assert occasion.steps == [
            "the step after 7d to manager owed nothing; it is asked at 2026-12-01 09:00:00Z, "
            "if all still holds then"
        ]


def test_a_digest_is_explained_by_its_items_and_each_by_the_digest(tmp_path: Path) -> None:
    with Installation(tmp_path, TEAM) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick(START)
        assert why(office).ended == "scheduled; leaves at 2026-11-17 08:30:00Z: " + (
            "it is told of in a digest"
        )
        office.tick(START + DAY)
        item, digest = why(office), why(office, 1)
        assert digest.because == "the digest of 2026-11-17T08 was made up of 1 notification"
        assert [each.id for each in digest.items] == [item.id]
        assert item.into == digest.id
        found = asked(office, "team", START + 2 * DAY, learner="77")
        (occasion,) = found.matters[0].occasions
        assert occasion.told
        assert occasion.verdict == (f"manager: told by {digest.id}, as it is told of in a digest")


def test_what_a_throttle_dropped_says_so(tmp_path: Path) -> None:
    rules = FREE.replace("seat_free}", "seat_free, throttle: {max: 1, per: 12h}}")
    with Installation(tmp_path, rules) as office:
        for hours, taken in enumerate((10, 9, 10, 9)):
            office.post(seats(START + hours * HOUR, taken))
            office.tick(START + hours * HOUR)
        first, second = asked(office, "free", START + DAY, instance=SESSION).matters[0].occasions
    assert first.told and not second.told
    assert second.verdict == "room:room: dropped, as too many had gone to the same recipient"


def test_what_waits_for_a_window_says_until_when(tmp_path: Path) -> None:
    rules = FREE.replace("seat_free}", "seat_free, send_window: nights}")
    with Installation(tmp_path, FREE) as office:
        text = office.rules.read_text().replace(FREE, rules)
        nights = 'time_intervals:\n  nights:\n    - {from: "20:00", until: "23:00"}\n'
        office.rules.write_text(text.replace("rules:\n", f"{nights}rules:\n", 1))
        office.app.reload(START)
        office.post(seats(START, 10), seats(START + HOUR, 9))
        office.tick(START + HOUR)
        found = why(office)
        assert (
            found.history[-1].words
            == "not before 2026-11-16 20:00:00Z: nights is closed (send_window)"
        )
        assert found.ended.startswith("scheduled; leaves at 2026-11-16 20:00:00Z")


def test_every_reason_that_is_a_word_of_ours_is_told_as_a_person_reads_it() -> None:
    ours = (
        watchers.OVER,
        plan.REASON,
        plan.AT_MOST,
        plan.BUNDLE,
        digests.REASON,
        storm.HELD,
        rule.MUTED,
    )
    recorded = (*ours, "collapsed", "rule_removed", "no_longer_true", "conditions_changed")
    for reason in recorded:
        assert reason_in_words(reason) != reason
    assert reason_in_words("send_window nights") == "nights is closed (send_window)"


def test_a_letter_that_could_not_be_used_is_told_with_its_number(tmp_path: Path) -> None:
    with Installation(tmp_path, ASIDE) as office:
        letter = unread(office)
        office.tick(START)
        found = why(office)
        assert found.because == f"not all of letter {letter} could be used"
        assert found.letter is not None and found.letter.number == letter
        with pytest.raises(Unanswerable, match="tells of letters; explain one of its notif"):
            asked(office, "aside", START, source="adobe")


def test_two_steps_to_one_reader_are_told_apart_by_their_templates(tmp_path: Path) -> None:
    rules = STILL + "    escalation:\n      - {after: 2d, to: learner, via: email, template: "
    with Installation(tmp_path, rules + "stalled_again}\n") as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        for days in (0, 8, 11):
            office.tick(START + days * DAY)
        (occasion,) = asked(office, "still", START + 12 * DAY, learner="77").matters[0].occasions
        assert [each.template for each in occasion.notifications] == ["stalled", "stalled_again"]
