"""Rule tests are played by the real service, to the millisecond, with a clock of their own."""

from pathlib import Path
from time import monotonic

import pytest

from tests.installation import DONE, FREE, STILL
from tests.simulation.rule_test_files import (
    CAST,
    COMPLETED,
    ENROLLED,
    command,
    complaints,
    played,
    scenario,
)

SEATS = (
    "- {at: %s, event: instance.seats_changed, instance: safety_1, enrollment_count: %d, "
    "seat_limit: 20}"
)


def test_a_silence_is_due_to_the_second_whatever_the_source_allows(tmp_path: Path) -> None:
    for source in ("adobe", "sunbird", "community-training"):
        given = ENROLLED.replace("}", f", source: {source}}}")
        assert complaints(
            tmp_path, STILL, scenario(given, expect="[{rule: still, to: ada, at: 7d}]")
        ) == []  # fmt: skip


def test_the_clock_stops_at_until(tmp_path: Path) -> None:
    silent = scenario(ENROLLED, until="6d23h59m59s", expect="[]")
    told = scenario(ENROLLED, until="7d", expect="[{rule: still}]", name="two")
    assert complaints(tmp_path, STILL, silent, told) == []


def test_days_are_counted_by_the_wall_where_the_rules_live(tmp_path: Path) -> None:
    """The clocks go forward between: 9 o'clock is 7 UTC, so `event.at` says so."""
    rules = DONE + "    conditions: [enrollment.completed_at: {gte: 2026-03-30 09:00}]\n"
    late = scenario(COMPLETED, start="2026-03-29 09:00", expect="[{rule: done}]")
    early = scenario(COMPLETED, start="2026-03-29 08:59", expect="[]", name="two")
    assert complaints(tmp_path, rules, late, early) == []


def test_what_is_given_out_of_order_happens_in_the_order_of_time(tmp_path: Path) -> None:
    given = [SEATS % ("2h", 19), SEATS % ("1h", 20)]
    assert complaints(tmp_path, FREE, scenario(*given, expect="[{rule: free, at: 2h}]")) == []


def test_names_and_ids_are_the_same_in_every_spelling(tmp_path: Path) -> None:
    rules = DONE.replace("to: learner", "to: group:Sales Team") + (
        "    conditions: [course.id: 'learningProgram:7', instance.id: 'learning_program:7_1']\n"
    )
    cast = (
        "people: {ada: {groups: ['Sales\u00a0Team']}}\n"
        "    courses: {'learning_program:7': {title: 'Cafe\u0301 42\u00a0%'}}"
    )
    given = COMPLETED.replace("ada", "ada\u200b").replace(
        "safety", "'Learning_Path:7', instance: 'LEARNING_PROGRAM:7_1'"
    )
    expect = "[{rule: done, to: \"a\u00adda\", subject: 'Café 42 %'}]"
    test = scenario(given, expect=expect).replace("    given:", f"    {cast}\n    given:")
    assert complaints(tmp_path, rules, test) == []


def test_a_name_that_only_looks_right_is_no_rule_and_nobody(tmp_path: Path) -> None:
    test = scenario(COMPLETED.replace("ada", "аda"), expect="[{rule: done\u200b, to: ada}]")
    told = command(tmp_path, DONE, CAST + test).output
    assert "did you mean 'ada'? There is a CYRILLIC SMALL LETTER A at column" in told
    assert "did you mean 'done'? There is a ZERO WIDTH SPACE at column" in told


def test_an_instance_said_once_is_meant_again(tmp_path: Path) -> None:
    rules = DONE + "    conditions: [instance.id: safety_1]\n"
    first = ENROLLED.replace("}", ", instance: safety_1}")
    assert complaints(tmp_path, rules, scenario(first, COMPLETED, expect="[{rule: done}]")) == []


def test_everyone_of_a_group_is_told_by_name(tmp_path: Path) -> None:
    rules = DONE.replace("to: learner", 'to: "group:staff"')
    expect = "[{rule: done, to: ada}, {rule: done, to: grace}]"
    assert complaints(tmp_path, rules, scenario(COMPLETED, expect=expect)) == []


def test_people_and_courses_of_a_test_stand_beside_those_of_the_file(tmp_path: Path) -> None:
    rules = DONE + "    conditions: [learner.fields.team: red, course.tags: {contains: new}]\n"
    told = scenario(
        COMPLETED,
        people="{ada: {fields: {team: red}}}",
        courses="{safety: {tags: [new]}}",
        expect="[{rule: done, to: ada}]",
    )
    assert complaints(tmp_path, rules, told, scenario(COMPLETED, name="two", expect="[]")) == []


def test_a_rule_in_shadow_tells_nobody_and_is_expected_as_skipped(tmp_path: Path) -> None:
    rules = DONE + "    mode: shadow\n"
    skipped = "[{rule: done, to: ada, state: shadow}]"
    assert complaints(tmp_path, rules, scenario(COMPLETED, expect_skipped=skipped)) == []
    found = complaints(tmp_path, rules, scenario(COMPLETED, expect="[{rule: done, to: ada}]"))
    assert found[:2] == ["expected done to ada", "it is not sent: shadow"]


def test_two_messages_are_expected_twice(tmp_path: Path) -> None:
    again = COMPLETED.replace("1d", "3d").replace("safety", "other")
    tests = [
        scenario(COMPLETED, again, name=str(n), courses="{other: {}}",
                 expect=f"[{', '.join(['{rule: done, to: ada}'] * n)}]")
        for n in (1, 2, 3)
    ]  # fmt: skip
    assert [test["passed"] for test in played(tmp_path, DONE, *tests)] == [False, True, False]


def test_the_exact_expectation_chooses_first(tmp_path: Path) -> None:
    again = COMPLETED.replace("1d", "3d").replace("safety", "other")
    expect = "[{rule: done}, {rule: done, at: 1d}]"
    test = scenario(COMPLETED, again, courses="{other: {}}", expect=expect)
    assert complaints(tmp_path, DONE, test) == []


def test_surprises_may_be_allowed(tmp_path: Path) -> None:
    expect = "[{rule: still}]"
    strict = scenario(ENROLLED, COMPLETED.replace("1d", "8d"), expect=expect)
    lax = strict.replace("one", "two") + "    expect_nothing_else: false\n"
    assert [t["passed"] for t in played(tmp_path, STILL + DONE, strict, lax)] == [False, True]


def test_a_source_falls_silent_only_where_the_test_says_so(tmp_path: Path) -> None:
    rules = """
  - id: quiet
    trigger: {source_silent_for: 3d}
    notify:
      - {post: room, template: feed_silent}
"""
    goes_on = scenario(ENROLLED, expect="[]", until="9d")
    quiet = scenario(
        ENROLLED, feeds_fall_silent="true", until="9d", name="two",
        expect="[{rule: quiet, post: room, at: 3d}]",
    )  # fmt: skip
    assert complaints(tmp_path, rules, goes_on, quiet) == []


@pytest.mark.parametrize("days", [60, 700])
def test_a_long_silence_costs_no_more_than_a_short_one(tmp_path: Path, days: int) -> None:
    test = scenario(ENROLLED, until=f"{days}d", expect="[{rule: still, at: 7d}]")
    begun = monotonic()
    assert played(tmp_path, STILL, test)[0]["seconds"] < 1
    assert monotonic() - begun < 5


def test_nothing_is_left_behind_and_no_setting_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("COURSEBELL_ADOBE_LATENESS", "5d")
    rules = STILL.replace("email", "mail")
    text = CAST + scenario(ENROLLED, expect="[{rule: still, at: 7d}]")
    head = "channels: {mail: 'mailtos://u:${PASSWORD}@smtp.invalid?from=a@example.org'}\n"
    path = tmp_path / "own.yaml"
    path.write_text("version: 1\n" + head + "rules:\n" + rules)
    result = command(tmp_path, STILL, text, "--rules", str(path), str(tmp_path / "rules.test.yaml"))
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_person_turns_out_to_be_another(tmp_path: Path) -> None:
    merged = "- {at: 1h, event: learner.merged, learner: ada, into: grace}"
    both = [COMPLETED.replace("ada", name) for name in ("ada", "grace")]
    once = scenario(merged, *both, expect="[{rule: done, to: grace}]")
    each = scenario(*both, expect="[{rule: done, to: ada}, {rule: done, to: grace}]", name="two")
    assert complaints(tmp_path, DONE, once, each) == []
