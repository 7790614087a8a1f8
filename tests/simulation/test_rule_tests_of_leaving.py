"""A rule test says who has left, and lets a learner leave: the same checks as in the service."""

from pathlib import Path

from tests.installation import DONE, STILL
from tests.simulation.rule_test_files import COMPLETED, ENROLLED, complaints, scenario

BOSS = DONE.replace("to: learner", "to: manager")
SKIPPED = "[{rule: done, to: %s, state: suppressed, reason: %s}]"


def test_who_has_left_is_not_told(tmp_path: Path) -> None:
    test = scenario(
        COMPLETED, people="{ada: {left: true}}", expect_skipped=SKIPPED % ("ada", "left")
    )
    assert complaints(tmp_path, DONE, test) == []


def test_a_manager_who_left_is_passed_over(tmp_path: Path) -> None:
    people = "{ada: {manager: grace}, grace: {manager: emmy, left: true}, emmy: {}}"
    alone = "{ada: {manager: grace}, grace: {left: true}}"
    there = "{ada: {manager: grace}, grace: {manager: emmy, left: false}, emmy: {}}"
    tests = (
        scenario(COMPLETED, people=people, expect="[{rule: done, to: emmy}]"),
        scenario(COMPLETED, people=alone, expect_skipped=SKIPPED % ("grace", "left"), name="two"),
        scenario(COMPLETED, people=there, expect="[{rule: done, to: grace}]", name="three"),
    )
    assert complaints(tmp_path, BOSS, *tests) == []


def test_a_learner_who_leaves_is_not_reminded_and_the_leaving_is_told(tmp_path: Path) -> None:
    left = "- {at: 3d, event: learner.left, learner: ada}"
    told = """
  - id: gone
    trigger: {event: learner.left}
    notify:
      - {to: manager, via: email, template: completed}
"""
    test = scenario(ENROLLED, left, expect="[{rule: gone, to: grace, at: 3d}]")
    assert complaints(tmp_path, STILL + told, test) == []


def test_who_leaves_before_the_hour_is_not_told(tmp_path: Path) -> None:
    left = "- {at: 1d1h, event: learner.left, learner: ada}"
    rules = DONE + "    collapse: 2h\n"
    test = scenario(COMPLETED, left, expect_skipped=SKIPPED % ("ada", "left"))
    assert complaints(tmp_path, rules, test) == []
    group = rules.replace("to: learner", "to: group:staff")
    test = scenario(
        COMPLETED,
        left,
        expect="[{rule: done, to: grace}]",
        expect_skipped="[{rule: done, to: ada, state: suppressed}]",
    )
    assert complaints(tmp_path, group, test) == []
