"""Mistakes once: whatever one thing is spoiled in a good file, one message tells it."""

from service.rules.reader import read_rules
from tests.rules.mutations import GOOD, TEMPLATES, mutations

SLIPS = ("a typo", "a new name", "nothing", "another text", "a list", "an empty list")


def problems(text: str) -> list[str]:
    return [str(each) for each in read_rules(text, environ={}, templates=TEMPLATES)[1]]


def test_the_file_to_spoil_is_good() -> None:
    assert problems(GOOD) == []


def test_one_slip_anywhere_is_one_message_or_none() -> None:
    slips = [each for each in mutations() if each[0] in SLIPS]
    assert len(slips) > 400
    for kind, place, text in slips:
        told = problems(text)
        rearm_alone = (kind, place[-1]) == ("a new name", "to") and "trigger" in place
        assert len(told) <= 1 + rearm_alone, (kind, place, told)
