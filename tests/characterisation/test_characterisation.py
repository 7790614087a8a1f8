"""What Coursebell says is what was recorded; `python -m tests.characterisation` records anew."""

from difflib import unified_diff
from itertools import islice

import pytest

from tests.characterisation.scenes import SCENES, now_of, recorded_of

LINES = 40


@pytest.mark.parametrize("scene", SCENES)
def test_what_is_read_from_outside_is_as_recorded(scene: str) -> None:
    recorded, now = recorded_of(scene), now_of(scene)
    assert now.keys() == recorded.keys()
    others = [file for file in now if now[file] != recorded[file]]
    if others:
        told = "\n".join(difference(recorded[file], now[file], file) for file in others)
        pytest.fail(f"{scene}: {', '.join(others)}\n{told}", pytrace=False)


def difference(recorded: str, now: str, file: str) -> str:
    """Show the first lines that differ."""
    both = recorded.splitlines(), now.splitlines()
    return "\n".join(
        islice(unified_diff(*both, f"recorded {file}", "now", lineterm="", n=1), LINES)
    )
