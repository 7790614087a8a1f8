"""`check` counts whom a new rule would find silent already."""

import json

import pytest
from click.testing import CliRunner

from service.cli import main
from tests.installation import (
    ADA,
    DAY,
    DONE,
    GRACE,
    START,
    STILL,
    Installation,
    enrolled,
    progressed,
)


def check(desk: Installation, rules: str, *more: str) -> str:
    """What `check` says of other rules than those that are active; they are put back."""
    before = desk.rules.read_text()
    desk.write_rules(rules)
    told = CliRunner().invoke(
        main, ["check", "--data", str(desk.folder / "data"), *more], env=desk.environ
    )
    desk.rules.write_text(before)
    assert told.exit_code == 0, told.output
    return told.output


def silent(desk: Installation) -> None:
    """Three enrolled a month ago, one of them active since; Ada's are known by her name."""
    desk.import_people([ADA, GRACE])
    old = START - 30 * DAY
    desk.post(*(enrolled(old, user) for user in (77, 78, 79)), at=START)
    desk.tick(START)


GRACES = STILL.replace(
    "    notify:", "    conditions:\n      - learner.has_manager: true\n    notify:"
)


def test_a_new_rule_says_whom_it_leaves_alone_and_what_current_would_do(tmp_path):
    with Installation(tmp_path, DONE) as desk:
        silent(desk)
        assert (
            "rule 'still': 3 enrollments are silent for that long already and are left alone; "
            "on_activate: current would write about 3 of them" in check(desk, DONE + STILL)
        )
        current = GRACES.replace("    notify:", "    on_activate: current\n    notify:")
        assert (
            "3 enrollments are silent for that long already; on_activate: current writes about "
            "1 of them as soon as it is live" in check(desk, DONE + current)
        )
        found = json.loads(check(desk, DONE + current, "--json"))
        assert found["already_silent"] == [{"rule": "still", "enrollments": 3, "told": 1}]


@pytest.mark.parametrize(
    ("enrollments", "words"),
    [
        (0, "no enrollment is silent for that long already\n"),
        (1, "1 enrollment is silent for that long already and is left alone; "
            "on_activate: current would write about it\n"),
    ],
)  # fmt: skip
def test_none_and_one_are_counted_as_people_do(tmp_path, enrollments, words):
    with Installation(tmp_path, DONE) as desk:
        desk.import_people([ADA])
        old = START - 30 * DAY
        desk.post(*(enrolled(old, 77 + each) for each in range(enrollments)), at=START)
        desk.tick(START)
        assert f"rule 'still': {words}" in check(desk, DONE + STILL)


def test_a_rule_that_would_tell_nobody_says_none(tmp_path):
    with Installation(tmp_path, DONE) as desk:
        desk.post(enrolled(START - 30 * DAY, 77), enrolled(START - 30 * DAY, 79), at=START)
        desk.tick(START)
        assert "current would write about none\n" in check(desk, DONE + GRACES)


@pytest.mark.of_files
def test_a_rule_that_is_live_already_and_an_empty_folder_have_nothing_to_count(tmp_path):
    with Installation(tmp_path, STILL) as desk:
        silent(desk)
        assert "silent for" not in check(desk, STILL)
        desk.post(progressed(START, 77, 5))
    told = CliRunner().invoke(main, ["check", "--data", str(tmp_path / "none")], env=desk.environ)
    assert told.exit_code == 0 and not (tmp_path / "none").exists()
