"""Mistakes once: whatever one thing is spoiled in a good file, one message tells it."""

from tests.rules.language.mutations import GOOD, mutations
from tests.rules.language.rule_files import problems

SLIPS = ("a typo", "a new name", "nothing", "another text", "a list", "an empty list")


def test_the_file_to_spoil_is_good() -> None:
    assert problems(GOOD) == []


def test_one_slip_anywhere_is_one_message_or_none() -> None:
    slips = [each for each in mutations() if each[0] in SLIPS]
    assert len(slips) > 400
    for kind, place, text in slips:
        told = problems(text)
        rearm_alone = (kind, place[-1]) == ("a new name", "to") and "trigger" in place
        assert len(told) <= 1 + rearm_alone, (kind, place, told)


def test_the_first_hundred_names_that_are_not_there_get_a_hint() -> None:
    head, _, _ = GOOD.partition("defaults:")
    entries = "".join(f"      - {{post: room, template: complete{n}}}\n" for n in range(150))
    entries += "      - {to: learner, via: email, template: complete0}\n"
    rule = "  - id: a\n    trigger: {event: enrollment.completed}\n    notify:\n"
    told = problems(f"{head}rules:\n{rule}{entries}")
    assert len(told) == 150
    assert ["; did you mean 'completed'?" in each for each in told].count(True) == 100
    assert told[0].endswith(" (also at line 159)")
    assert told[-1].endswith(
        "no template 'complete149'; "
        "there are: almost_full, completed, seat_free, stalled, team_completion"
    )
