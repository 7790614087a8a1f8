"""A rule test lets a reader choose: the same checks as in the service, told at the same times."""

from pathlib import Path

import pytest

from tests.installation import DONE, STILL
from tests.simulation.rule_test_files import CAST, COMPLETED, command, complaints, scenario

SAFETY = DONE.replace("id: done", "id: safety") + "    required: true\n"


def chooses(**said: str) -> str:
    """Ada chooses something a day before she completes."""
    return f"- {{at: 0d, event: choices.made, learner: ada, {listed(said)}}}"


def listed(said: dict[str, str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in said.items())


def skipped(reason: str) -> str:
    return f"[{{rule: done, to: ada, state: suppressed, reason: {reason}}}]"


def test_what_was_stopped_is_not_told_and_what_is_required_is(tmp_path: Path) -> None:
    one = scenario(
        chooses(stopped="[done]"),
        COMPLETED,
        expect="[{rule: safety, to: ada, at: 1d}]",
        expect_skipped=skipped("stopped"),
    )
    two = scenario(
        chooses(stopped_all="true"),
        COMPLETED,
        expect="[{rule: safety, to: ada, at: 1d}]",
        expect_skipped=skipped("stopped_all"),
        name="two",
    )
    assert complaints(tmp_path, DONE + SAFETY, one, two) == []


def test_a_list_of_ones_own_leaves_at_its_hour(tmp_path: Path) -> None:
    daily = scenario(
        chooses(own_list="08:00"), COMPLETED, expect="[{rule: done, to: ada, at: 1d23h}]"
    )
    weekly = scenario(
        chooses(own_list="mon 08:00"),
        COMPLETED,
        expect="[{rule: done, to: ada, at: 6d23h}]",
        name="two",
    )
    ended = scenario(
        chooses(own_list="mon 08:00"),
        "- {at: 1h, event: choices.made, learner: ada, own_list: none}",
        COMPLETED,
        expect="[{rule: done, to: ada, at: 1d}]",
        name="three",
    )
    assert complaints(tmp_path, DONE, daily, weekly, ended) == []


def test_who_is_away_is_told_when_they_are_back_if_it_is_still_true(tmp_path: Path) -> None:
    away = scenario(
        chooses(back_on="2026-02-02"), COMPLETED, expect="[{rule: done, to: ada, at: 27d15h}]"
    )
    assert complaints(tmp_path, DONE, away) == []
    again = scenario(
        "- {at: 0d, event: enrollment.enrolled, learner: ada, course: safety}",
        chooses(back_on="2026-02-02"),
        "- {at: 10d, event: enrollment.completed, learner: ada, course: safety}",
        expect="[]",
        expect_skipped="[{rule: still, to: ada, state: cancelled}]",
    )
    assert complaints(tmp_path, STILL, again) == []


def test_who_comes_back_earlier_or_wants_no_list_any_more_is_told_at_that_moment(
    tmp_path: Path,
) -> None:
    back = scenario(
        chooses(back_on="2026-02-02"),
        COMPLETED,
        "- {at: 3d, event: choices.made, learner: ada, back_on: none}",
        expect="[{rule: done, to: ada, at: 3d}]",
    )
    no_list = scenario(
        chooses(own_list="mon 08:00"),
        COMPLETED,
        "- {at: 2d, event: choices.made, learner: ada, own_list: none}",
        expect="[{rule: done, to: ada, at: 2d}]",
        name="two",
    )
    assert complaints(tmp_path, DONE, back, no_list) == []


def test_a_choice_that_cannot_be_is_named(tmp_path: Path) -> None:
    wrong = scenario(
        chooses(stopped="[dome]"),
        "- {at: 0d, event: choices.made, learner: ada, own_list: noon}",
        "- {at: 0d, event: choices.made, learner: ada, back_on: soon}",
        expect="[]",
    )
    told = command(tmp_path, DONE, CAST + wrong).output
    assert "no rule 'dome'; did you mean 'done'?" in told
    assert "expected a time like 08:00 or mon 08:00, or none, got 'noon'" in told
    assert "expected a day like 2026-03-02, or none, got 'soon'" in told


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("monday 8:00", "; write mon 08:00"),
        ("8:00", "; write 08:00"),
        ("Fri 17", "; write fri 17:00"),
        ("mon 25:00", ""),
        ("may 8:00", ""),
    ],
)
def test_a_time_that_can_be_made_out_is_written_for_them(
    tmp_path: Path, said: str, meant: str
) -> None:
    told = command(tmp_path, DONE, CAST + scenario(chooses(own_list=f'"{said}"'), expect="[]"))
    assert f"mon 08:00, or none, got '{said}'{meant}\n" in told.output


def test_an_address_that_bounced_is_written_to_by_no_rule(tmp_path: Path) -> None:
    bounced = scenario(
        chooses(unreachable="bounced"),
        COMPLETED,
        expect="[]",
        expect_skipped="[{rule: done, to: ada, state: suppressed, reason: bounced}, "
        "{rule: safety, to: ada, state: suppressed, reason: bounced}]",
    )
    lifted = scenario(
        chooses(unreachable="complained"),
        "- {at: 1h, event: choices.made, learner: ada, unreachable: none}",
        COMPLETED,
        expect="[{rule: done, to: ada, at: 1d}, {rule: safety, to: ada, at: 1d}]",
        name="two",
    )
    assert complaints(tmp_path, DONE + SAFETY, bounced, lifted) == []
