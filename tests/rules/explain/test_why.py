"""Why a notification was sent: the chain from the letter to its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import (
    ADA,
    DAY,
    DONE,
    FREE,
    GRACE,
    HOUR,
    SESSION,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    progressed,
    revoked,
    seats,
)
from tests.rules.explain.explained import why

PICKY = """
  - id: picky
    trigger: {event: enrollment.completed}
    conditions:
      - enrollment.passed: {ne: false}
      - any:
          - enrollment.score: {empty: true}
          - learner.groups: {contains: staff}
      - learner.locale: de
    notify:
      - {to: learner, via: email, template: completed}
"""
SILENT = """
  - id: silent
    trigger: {source_silent_for: 6h}
    notify:
      - {post: room, template: feed_silent}
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE) as office:
        office.import_people([ADA, GRACE])
        yield office


def line_of(office: Installation, text: str) -> int:
    """Where the rule file as it is now says so."""
    lines = office.rules.read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


def test_the_chain_goes_from_the_letter_to_the_end(office: Installation) -> None:
    office.post(enrolled(START, 77))
    office.tick(START)
    letter = office.post(completed(START + HOUR, 77))
    office.tick(START + HOUR)
    found = why(office)
    assert found.cause is not None and found.rule is not None
    assert found.because == "enrollment.completed at 2026-11-16 10:00:00Z"
    assert (found.cause.letter.number, found.cause.letter.source) == (letter, "adobe")
    assert found.cause.letter.came_at == found.cause.happened_at
    assert (found.cause.fact, found.cause.name) == ("enrollment.completed", "COURSE_COMPLETED")
    assert (found.cause.version, found.cause.transitions) == (2, ["enrollment.completed"])
    assert found.cause.changed[0] == "status enrolled → completed"
    assert (found.rule.id, found.rule.today) == ("done", "the same")
    assert found.rule.line == line_of(office, "id: done")
    assert found.rule.text.startswith("  - id: done\n")
    assert found.about.learner == "77"
    assert [turn.event for turn in found.history] == ["owed", "attempt_started", "attempt_ended"]
    assert found.ended == "sent at 2026-11-16 10:00:00Z"


def test_every_condition_has_the_value_it_had_then(tmp_path: Path) -> None:
    with Installation(tmp_path, PICKY) as office:
        office.import_people([type(ADA)("77", email="ada@example.org", locale="de")])
        office.post(completed(START, 77, None))
        office.tick(START)
        office.import_people([type(ADA)("77", email="ada@example.org", locale="fr")])
        terms = why(office).terms
    assert [(each.term, each.got, each.holds) for each in terms] == [
        ("enrollment.passed ne false", "nothing known", True),
        ("any of these", None, True),
        ("enrollment.score empty true", "nothing known", True),
        (
            "learner.groups contains staff: was not read, as another condition had settled it, "
            "or is erased since", None, None,
        ),
        ("learner.locale eq de", "de", True),
    ]  # fmt: skip
    first = line_of(office, "enrollment.passed")
    assert [each.line for each in terms] == list(range(first, first + 5))


def test_the_rule_is_shown_as_it_was_then_and_how_it_differs_today(office: Installation) -> None:
    office.post(completed(START, 77))
    office.tick(START)
    office.write_rules(FREE + DONE.replace("    notify", "    collapse: 5m\n    notify"))
    office.app.reload(START + HOUR)
    rule = why(office).rule
    assert rule is not None and rule.line < line_of(office, "id: done")
    assert "collapse" not in rule.text
    assert rule.today == f"it reads otherwise, in line {line_of(office, 'id: done')}"
    office.write_rules(FREE + DONE)
    office.app.reload(START + 2 * HOUR)
    rule = why(office).rule
    assert rule is not None and rule.today == "the same"
    office.write_rules(FREE)
    office.app.reload(START + 3 * HOUR)
    rule = why(office).rule
    assert rule is not None and rule.today == "gone from the file"


def test_a_change_is_told_with_both_values(tmp_path: Path) -> None:
    with Installation(tmp_path, FREE) as office:
        office.post(seats(START, 10), seats(START + HOUR, 9))
        office.tick(START + HOUR)
        found = why(office)
    assert found.because == "instance.seats_available went from 0 to 1"
    assert found.to == "room:room"
    assert found.cause is not None and found.about.instance == SESSION
    assert found.cause.changed == ["enrollment_count 10 → 9", "seats_available 0 → 1"]


def test_a_silence_is_told_with_the_event_it_began_with(tmp_path: Path) -> None:
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        office.tick(START)
        office.post(progressed(START + HOUR, 77, 40))
        office.tick(START + HOUR)
        office.tick(START + 8 * DAY)
        found = why(office)
    assert found.cause is not None
    assert found.cause.fact == "enrollment.progressed"
    assert found.because == (
        "nothing happened for 7d since 2026-11-16 10:00:00Z; that silence began with "
        "enrollment.progressed"
    )


def test_a_silent_feed_is_told_with_its_last_letter(tmp_path: Path) -> None:
    with Installation(tmp_path, SILENT) as office:
        letter = office.post(enrolled(START, 77))
        for hour in range(8):
            office.tick(START + hour * HOUR)
        found = why(office)
    assert found.letter is not None and found.letter.number == letter
    assert found.because == f"adobe fell silent after letter {letter}"


def test_what_ended_unsent_says_why(office: Installation) -> None:
    office.write_rules(DONE.replace("    notify", "    collapse: 10m\n    notify"))
    office.app.reload(START)
    office.post(completed(START, 77))
    office.tick(START)
    assert why(office).ended == (
        "scheduled; leaves at 2026-11-16 09:10:00Z: it waits for others of the same moment"
    )
    office.post(revoked(START + 60_000, 77))
    office.tick(START + HOUR)
    found = why(office)
    assert (found.state, found.reason) == ("cancelled", "no_longer_true")
    assert found.ended == "cancelled: it was not true any more"


def test_a_forgotten_letter_leaves_its_number(office: Installation) -> None:
    office.post(completed(START, 77))
    office.tick(START)
    with office.app.ledger.transaction() as cursor:
        cursor.execute("DELETE FROM letters")
    found = why(office)
    assert found.cause is not None
    assert (found.cause.letter.number, found.cause.letter.came_at) == (1, None)


def test_a_member_of_a_group_is_named_by_the_id_of_the_lms(tmp_path: Path) -> None:
    rules = DONE.replace("to: learner", 'to: "group:staff"')
    with Installation(tmp_path, rules) as office:
        office.import_people([ADA, type(GRACE)("78", email="g@example.org", groups=("staff",))])
        office.post(completed(START, 77))
        office.tick(START)
        assert why(office).to == "78 of group:staff"


def test_a_bundle_says_what_it_is_made_up_of_and_each_thing_into_which(tmp_path: Path) -> None:
    rules = DONE + "  - id: began\n    trigger: {event: enrollment.enrolled}\n    notify:\n"
    rules += "      - {to: learner, via: email, template: enrolled}\n"
    with Installation(tmp_path, rules, head="defaults: {bundle: 30m}") as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77), completed(START + 1, 77))
        office.tick(START)
        office.tick(START + HOUR)
        rows = [row["rule"] for row in office.notifications()]
        ids = {row["rule"]: row["id"] for row in office.notifications()}
        lead, other = (why(office, rows.index(rule)) for rule in ("done", "began"))

    assert [(item.id, item.state, item.told) for item in lead.items] == [
        (ids["began"], "dropped", True)
    ]
    assert other.into == ids["done"]
    assert other.ended == "dropped: it is told in one message with what else its reader gets"
    assert "leaves at 2026-11-16 09:30:00Z" in other.history[0].words
