"""A rule test that fails names the line, the rule, the term that failed and the nearest miss."""

from pathlib import Path

from tests.installation import DONE, FREE, STILL
from tests.simulation.rule_test_files import (
    CAST,
    COMPLETED,
    ENROLLED,
    command,
    complaints,
    scenario,
)

SEATS = (
    "- {at: %s, event: instance.seats_changed, instance: safety_1, enrollment_count: %d, "
    "seat_limit: 20}"
)
TO_ADA = "[{rule: done, to: ada}]"


def test_it_was_sent_at_another_time(tmp_path: Path) -> None:
    rules = DONE + "    collapse: 10m\n"
    found = complaints(tmp_path, rules, scenario(COMPLETED, expect="[{rule: done, at: 1d}]"))
    assert found[:2] == ["expected done at 1d", "it was sent at 1d10m"]
    assert found[2].endswith("rules.yaml:8 done: triggered by enrollment.completed")


def test_it_was_to_leave_after_the_end(tmp_path: Path) -> None:
    rules = DONE + "    collapse: 10m\n"
    found = complaints(tmp_path, rules, scenario(COMPLETED, until="1d5m", expect=TO_ADA))
    assert found[1:3] == [
        "it is not sent: scheduled, collapse",
        "it may leave at 1d10m, after 'until'",
    ]


def test_it_went_to_somebody_else(tmp_path: Path) -> None:
    found = complaints(tmp_path, DONE, scenario(COMPLETED, expect="[{rule: done, to: grace}]"))
    assert found[:2] == ["expected done to grace", "it is to ada"] and len(found) == 3


def test_who_is_told_as_another_line_expects_stands_instead(tmp_path: Path) -> None:
    expect = "[{rule: done, to: grace}, {rule: done, to: ada}]"
    found = complaints(tmp_path, DONE, scenario(COMPLETED, expect=expect))
    assert found[1] == "instead: done to ada at 1d, “Safe driving is done”"


def test_there_is_one_message_for_two_lines(tmp_path: Path) -> None:
    found = complaints(tmp_path, DONE, scenario(COMPLETED, expect="[{rule: done}, {rule: done}]"))
    assert found[1] == (
        "there is only one: done to ada at 1d, “Safe driving is done”; another line expects that"
    )


def test_its_words_are_others(tmp_path: Path) -> None:
    expect = "[{rule: done, subject: No, text: nowhere}]"
    found = complaints(tmp_path, DONE, scenario(COMPLETED, expect=expect))
    assert found[0] == "expected done, subject “No”, text “nowhere”"
    assert found[1] == "its subject is “Safe driving is done”"
    assert found[2] == "its text is “Hello Ada Lovelace, well done!”"


def test_the_term_that_failed_is_named_with_its_value_and_line(tmp_path: Path) -> None:
    rules = DONE + (
        "    conditions:\n"
        "      - course.tags: {contains: optional}\n"
        "      - enrollment.passed: {ne: false}\n"
        "      - any:\n"
        "          - learner.groups: {contains: board}\n"
    )
    found = complaints(tmp_path, rules, scenario(COMPLETED, expect=TO_ADA))
    place = f"{tmp_path}/rules.yaml"
    assert found[1] == "triggered at 1d, but its conditions do not hold:"
    assert found[2] == f"  {place}:13 course.tags contains optional: got [mandatory] -> no"
    assert found[3].strip().startswith(f"{place}:15 any of these")
    assert found[4].strip() == f"{place}:16 learner.groups contains board: got [staff] -> no"
    assert "passed" not in "".join(found)


def test_nothing_triggered_it_and_the_nearest_event_is_told(tmp_path: Path) -> None:
    progressed = (
        "- {at: 2d, event: enrollment.progressed, learner: ada, course: safety, progress: 80}"
    )
    found = complaints(tmp_path, DONE, scenario(ENROLLED, progressed, expect=TO_ADA))
    assert found[1] == (
        "not triggered: nothing was enrollment.completed; "
        "nearest: enrollment.progressed of ada in safety at 2d (80 %)"
    )


def test_an_event_that_changed_nothing_triggers_nothing(tmp_path: Path) -> None:
    rules = DONE.replace("completed}\n    notify", "started}\n    notify")
    late = "- {at: 2d, event: enrollment.started, learner: ada, course: safety}"
    found = complaints(tmp_path, rules, scenario(COMPLETED, late, expect=TO_ADA))
    assert found[1] == ("not triggered: enrollment.started of ada in safety at 2d changed nothing")


def test_a_change_that_was_another_is_told(tmp_path: Path) -> None:
    given = [SEATS % ("1h", 17), SEATS % ("2h", 19)]
    found = complaints(tmp_path, FREE, scenario(*given, expect="[{rule: free}]"))
    assert found[1] == "not triggered: at 2h instance.seats_available went from 3 to 1"
    found = complaints(tmp_path, FREE, scenario(given[0], expect="[{rule: free}]"))
    assert found[1] == "not triggered: no report of seats differs from the one before it"


def test_the_longest_silence_is_told(tmp_path: Path) -> None:
    at = [
        f"- {{at: {day}d, event: enrollment.progressed, learner: ada, course: safety, "
        f"progress: {day}}}"
        for day in (2, 8)
    ]
    test = scenario(ENROLLED, *at, until="10d", expect="[{rule: still}]")
    found = complaints(tmp_path, STILL, test)
    assert found[1] == (
        "not triggered: the longest silence is 6d of 7d: ada in safety, from 2d to 8d"
    )
    test = scenario(ENROLLED, until="3d", expect="[{rule: still}]")
    assert complaints(tmp_path, STILL, test)[1].endswith("from 0d to the end")


def test_a_disabled_rule_says_so(tmp_path: Path) -> None:
    found = complaints(tmp_path, DONE + "    mode: disabled\n", scenario(COMPLETED, expect=TO_ADA))
    assert found[1] == "the rule is disabled"


def test_a_skip_for_another_reason_is_told(tmp_path: Path) -> None:
    rules = DONE + "    collapse: 10m\n"
    revoked = "- {at: 1d5m, event: enrollment.completion_revoked, learner: ada, course: safety}"
    skipped = "[{rule: done, to: ada, state: dropped, reason: collapsed}]"
    found = complaints(tmp_path, rules, scenario(COMPLETED, revoked, expect_skipped=skipped))
    assert found[:3] == [
        "expected done to ada to be dropped, collapsed",
        "it is cancelled",
        "its reason is no_longer_true",
    ]


def test_a_skip_that_was_sent_is_told_once(tmp_path: Path) -> None:
    found = complaints(tmp_path, DONE, scenario(COMPLETED, expect_skipped=TO_ADA))
    assert found[:2] == ["expected done to ada to be not sent", "it was sent"]
    assert len(found) == 3


def test_a_surprise_is_told_with_its_rule(tmp_path: Path) -> None:
    found = complaints(tmp_path, DONE, scenario(COMPLETED, expect="[]"))
    assert found[0] == "nobody expected done to ada at 1d, “Safe driving is done”"
    assert found[1].endswith("rules.yaml:8 done: triggered by enrollment.completed")


def test_for_people_each_failure_has_its_place_and_the_exit_says_so(tmp_path: Path) -> None:
    text = CAST + scenario(COMPLETED, expect="[{rule: done, at: 2d}]")
    text += scenario(COMPLETED, name="two", expect=TO_ADA)
    result = command(tmp_path, DONE, text)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == f"{tmp_path}/rules.test.yaml"
    assert lines[1] == "  FAIL  one"
    assert lines[2] == f"    {tmp_path}/rules.test.yaml:10: expected done at 2d"
    assert lines[3] == "      it was sent at 1d"
    assert lines[5] == "  ok    two"
    assert lines[6].startswith("2 tests, 1 passed, 1 failed in ")
    assert command(tmp_path, DONE, text, "-k", "TWO").exit_code == 0


def test_a_silence_that_is_nobodys_says_so(tmp_path: Path) -> None:
    elsewhere = [
        f"- {{at: {at}, event: enrollment.{what}, learner: ada, course: safety, instance: other}}"
        for at, what in (("1h", "enrolled"), ("1d", "completed"))
    ]
    test = scenario(ENROLLED, *elsewhere, until="10d", expect="[{rule: still}]")
    assert complaints(tmp_path, STILL, test)[1].startswith(
        "not triggered: at 7d nobody is reminded: the learner completed the course in instance "
        "other at "
    )
